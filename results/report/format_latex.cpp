// LaTeX with booktabs (\usepackage{booktabs}): a table for each comparability key, sections as spanning lines, notes in the caption.
#include "model.hpp"

namespace clb::report {
namespace {

using base::latex_text;

std::string line(const std::vector<std::string>& cells) {
  std::string text;
  for (const std::string& cell : cells) text += (text.empty() ? "  " : " & ") + cell;
  return text + " \\\\\n";
}

std::string head(const Report& report, bool ranks) {
  std::vector<std::string> cells{"method", "setting"};
  if (ranks) cells.push_back("rank");
  for (const Column& column : report.columns) cells.push_back(latex_text(column.title()));
  cells.push_back("time");
  return line(cells);
}

std::string row_text(const TableRow& row, bool ranks, std::vector<std::string>& notes) {
  std::vector<std::string> cells{latex_text(row_name(row)), latex_text(row.setting)};
  if (ranks) cells.push_back(latex_text(rank_text(row)));
  for (const Cell& cell : row.cells)
    cells.push_back(latex_text(cell_text(cell) + (&cell == &row.cells.front() ? best_mark(row) : "")) +
                    (cell.summary && row.class_sorted ? "$\\dagger$" : ""));
  cells.push_back(row.time.summary ? latex_text(duration(row.time.summary->mean)) : "--");
  for (const std::string& note : row.notes) notes.push_back(latex_text(row_label(row) + ": " + note));
  if (row.class_sorted) notes.push_back("$\\dagger$ " + latex_text(row_name(row) + ": " + kClassSorted));
  return line(cells);
}

std::string table_text(const Report& report, const Table& table) {
  const bool ranks = any_rank(table);
  const size_t columns = report.columns.size() + (ranks ? 4 : 3);
  std::vector<std::string> notes;
  std::string body;
  for (const Section& section : table.sections) {
    body += "  \\midrule\n";
    if (const std::string weights = group_title(table, section); !weights.empty())
      body += "  \\multicolumn{" + std::to_string(columns) + "}{l}{\\textbf{" + latex_text(weights) + "}} \\\\\n";
    if (!section.title.empty())
      body += "  \\multicolumn{" + std::to_string(columns) + "}{l}{\\emph{" + latex_text(section.title) + "}} \\\\\n";
    for (const TableRow& row : section.rows) body += row_text(row, ranks, notes);
  }
  std::string caption;
  for (const std::string& part : heading_lines(table)) caption += latex_text(part) + ". ";
  caption += latex_text(kLegend) + ".";
  if (any_mark(report)) caption += " " + latex_text(kBestLegend) + ".";
  for (const std::string& note : notes) caption += " " + note + ".";
  for (const Finding& finding : table.findings) caption += " " + latex_text(sentence(finding)) + ".";
  return "\\begin{table}\n  \\centering\n  \\begin{tabular}{ll" + std::string(columns - 2, 'r') + "}\n  \\toprule\n" + head(report, ranks) +
         body + "  \\bottomrule\n  \\end{tabular}\n  \\caption{" + caption + "}\n\\end{table}\n";
}

}  // namespace

std::string format_latex(const Report& report) {
  if (report.tables.empty()) return std::string("% ") + kNoRuns + "\n";
  std::string text;
  for (const Table& table : report.tables) text += (text.empty() ? "" : "\n") + table_text(report, table);
  for (const Column& column : report.columns) text += "% " + printable(column.explain()) + "\n";
  return text;
}

}  // namespace clb::report
