#include "latex.hpp"

#include <algorithm>

namespace clb::report {
namespace {

using base::latex_text;

std::string latex_line(const std::vector<std::string>& cells) {
  std::string text;
  for (const std::string& cell : cells) text += (text.empty() ? "  " : " & ") + cell;
  return text + " \\\\\n";
}

// Is it the best of the ranked rows in this column?
bool best(const Section& section, const TableRow& row, const Column& column, size_t index) {
  if (!section.title.empty() || section.rows.size() < 2 || !row.cells[index].summary) return false;
  const double sign = column.metric->direction == metrics::Direction::kHigherIsBetter ? 1 : -1;
  return std::ranges::none_of(section.rows, [&](const TableRow& other) {
    return other.cells[index].summary &&
           sign * (other.cells[index].summary->mean - row.cells[index].summary->mean) > 1e-9;  // more than how sums are rounded
  });
}

std::string label_of(const Table& table) {
  std::string label = "tab:";
  for (const char c : short_name(table)) label += std::isalnum(static_cast<unsigned char>(c)) ? c : '-';
  return label + (table.key.empty() ? "" : "-" + table.key.substr(0, 6));
}

}  // namespace

std::string latex_symbol(const Column& column) {
  const std::string symbol = column.symbol();
  const bool higher = column.metric->direction == metrics::Direction::kHigherIsBetter;
  const std::string arrow = higher ? "\\uparrow" : "\\downarrow";
  if (symbol == column.name) return latex_text(symbol) + " $" + arrow + "$";
  if (symbol == "Ā") return "$\\bar{A}\\," + arrow + "$";
  const size_t below = symbol.find('_');
  if (below == std::string::npos) return latex_text(symbol) + " $" + arrow + "$";
  return "$" + symbol.substr(0, below) + "_{\\mathrm{" + symbol.substr(below + 1) + "}}\\," + arrow + "$";
}

std::string latex_cell(const Cell& cell, bool bold, const std::string& mark) {
  if (!cell.summary) return "--";
  const CellParts parts = cell_parts(cell);
  const std::string mean = latex_text(parts.mean);
  std::string text = bold ? "\\textbf{" + mean + "}" : mean;
  if (!parts.spread.empty()) text += " {\\scriptsize " + latex_text(parts.spread) + "}";
  return text + latex_text(mark);
}

std::string latex_text_of(const LatexTable& table) {
  const std::string width = std::to_string(table.heads.size());
  std::string text = "\\begin{table}\n  \\centering\n  \\begin{tabular}{l" + std::string(table.heads.size() - 1, 'r') + "}\n  \\toprule\n" +
                     latex_line(table.heads);
  for (const LatexGroup& group : table.groups) {
    text += "  \\midrule\n";
    for (const std::string& title : group.titles) text += "  \\multicolumn{" + width + "}{l}{" + title + "} \\\\\n";
    for (const auto& row : group.rows) text += latex_line(row);
  }
  return text + "  \\bottomrule\n  \\end{tabular}\n  \\caption{" + table.caption + "}\n  \\label{" + table.label + "}\n\\end{table}\n";
}

std::string latex_of(const Table& table, const std::vector<Column>& columns, const std::vector<size_t>& shown, size_t most) {
  LatexTable latex{.heads = {"method"}, .label = label_of(table), .caption = latex_text(joined(table.heading)), .groups = {}};
  latex.caption +=
      ": mean in \\% over the runs of each row, the best of the ranked rows in bold, $\\approx$ where the first column cannot tell from "
      "the best.";
  const bool ranks = any_rank(table);
  if (ranks) latex.heads.push_back("rank");
  for (const size_t i : shown) latex.heads.push_back(latex_symbol(columns[i]));
  latex.heads.push_back("time");
  for (const Section& section : table.sections) {
    LatexGroup group;
    if (const std::string weights = group_title(table, section); !weights.empty())
      group.titles.push_back("\\textbf{" + latex_text(weights) + "}");
    if (!section.title.empty()) group.titles.push_back("\\emph{" + latex_text(section.title) + "}");
    for (const TableRow& row : section.rows) {
      if (group.rows.size() == most) break;
      std::vector<std::string> cells{latex_text(row_label(row)) + (row.class_sorted ? "$^\\dagger$" : "")};
      if (ranks) cells.push_back(latex_text(rank_text(row)));
      for (const size_t i : shown)
        cells.push_back(latex_cell(row.cells[i], best(section, row, columns[i], i), i == shown.front() ? best_mark(row) : ""));
      cells.push_back(row.time.summary ? latex_text(duration(row.time.summary->mean)) : "--");
      group.rows.push_back(std::move(cells));
    }
    latex.groups.push_back(std::move(group));
  }
  return latex_text_of(latex);
}

}  // namespace clb::report
