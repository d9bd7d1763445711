// LaTeX with booktabs (\usepackage{booktabs}): a table for each comparability key, sections as spanning lines, notes in the caption.
#include <algorithm>
#include <array>
#include <utility>

#include "model.hpp"

namespace clb::report {
namespace {

// What LaTeX would read as markup, and the few letters beyond ASCII that our own texts use. Other UTF-8 passes (inputenc's default).
constexpr std::array<std::pair<std::string_view, std::string_view>, 16> kLatex{{{"\\", "\\textbackslash{}"},
                                                                                {"&", "\\&"},
                                                                                {"%", "\\%"},
                                                                                {"$", "\\$"},
                                                                                {"#", "\\#"},
                                                                                {"_", "\\_"},
                                                                                {"{", "\\{"},
                                                                                {"}", "\\}"},
                                                                                {"~", "\\textasciitilde{}"},
                                                                                {"^", "\\textasciicircum{}"},
                                                                                {"±", "$\\pm$"},
                                                                                {"–", "--"},
                                                                                {"↑", "$\\uparrow$"},
                                                                                {"↓", "$\\downarrow$"},
                                                                                {"†", "$\\dagger$"},
                                                                                {"≈", "$\\approx$"}}};

std::string escape(const std::string& raw) {
  const std::string text = printable(raw);
  std::string result;
  for (size_t i = 0; i < text.size();) {
    const std::string_view rest = std::string_view(text).substr(i);
    const auto found = std::find_if(kLatex.begin(), kLatex.end(), [&](const auto& pair) { return rest.starts_with(pair.first); });
    result += found == kLatex.end() ? std::string(1, text[i]) : std::string(found->second);
    i += found == kLatex.end() ? 1 : found->first.size();
  }
  return result;
}

std::string line(const std::vector<std::string>& cells) {
  std::string text;
  for (const std::string& cell : cells) text += (text.empty() ? "  " : " & ") + cell;
  return text + " \\\\\n";
}

std::string head(const Report& report) {
  std::vector<std::string> cells{"method", "setting"};
  for (const Column& column : report.columns) cells.push_back(escape(column.title()));
  cells.push_back("time");
  return line(cells);
}

std::string row_text(const TableRow& row, std::vector<std::string>& notes) {
  std::vector<std::string> cells{escape(row_name(row)), escape(row.setting)};
  for (const Cell& cell : row.cells)
    cells.push_back(escape(cell_text(cell) + (&cell == &row.cells.front() ? best_mark(row) : "")) +
                    (cell.summary && row.class_sorted ? "$\\dagger$" : ""));
  cells.push_back(row.time.summary ? escape(duration(row.time.summary->mean)) : "--");
  for (const std::string& note : row.notes) notes.push_back(escape(row_label(row) + ": " + note));
  if (row.class_sorted) notes.push_back("$\\dagger$ " + escape(row_name(row) + ": " + kClassSorted));
  return line(cells);
}

std::string table_text(const Report& report, const Table& table) {
  const size_t columns = report.columns.size() + 3;
  std::vector<std::string> notes;
  std::string body;
  for (const Section& section : table.sections) {
    body += "  \\midrule\n";
    if (!section.title.empty()) body += "  \\multicolumn{" + std::to_string(columns) + "}{l}{\\emph{" + escape(section.title) + "}} \\\\\n";
    for (const TableRow& row : section.rows) body += row_text(row, notes);
  }
  std::string caption;
  for (const std::string& part : table.heading) caption += escape(part) + ". ";
  caption += escape(kLegend) + ".";
  if (any_mark(report)) caption += " " + escape(kBestLegend) + ".";
  for (const std::string& note : notes) caption += " " + note + ".";
  for (const Finding& finding : table.findings) caption += " " + escape(sentence(finding)) + ".";
  return "\\begin{table}\n  \\centering\n  \\begin{tabular}{ll" + std::string(columns - 2, 'r') + "}\n  \\toprule\n" + head(report) + body +
         "  \\bottomrule\n  \\end{tabular}\n  \\caption{" + caption + "}\n\\end{table}\n";
}

}  // namespace

std::string format_latex(const Report& report) {
  if (report.tables.empty()) return std::string("% ") + kNoRuns + "\n";
  std::string text;
  for (const Table& table : report.tables) text += (text.empty() ? "" : "\n") + table_text(report, table);
  for (const Column& column : report.columns) text += "% " + column.explain() + "\n";
  return text;
}

}  // namespace clb::report
