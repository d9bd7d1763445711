// LaTeX with booktabs (\usepackage{booktabs}): a table for each comparability key. What a caption of one sentence has no room for stands in
// comments behind it.
#include "latex.hpp"

namespace clb::report {
namespace {

std::string comment(const std::string& text) { return "% " + printable(text) + "\n"; }

std::string remarks(const Report& report, const Table& table) {
  std::string text = comment(std::string(kLegend)) + (any_mark(report) ? comment(kBestLegend) : "");
  for (const Section& section : table.sections)
    for (const TableRow& row : section.rows) {
      for (const std::string& note : row.notes) text += comment(row_label(row) + ": " + note);
      if (row.class_sorted) text += comment("dagger: " + row_name(row) + ": " + kClassSorted);
    }
  for (const Finding& finding : table.findings) text += comment(sentence(finding));
  return text;
}

}  // namespace

std::string format_latex(const Report& report) {
  if (report.tables.empty()) return std::string("% ") + kNoRuns + "\n";
  std::vector<size_t> all;
  for (size_t i = 0; i < report.columns.size(); ++i) all.push_back(i);
  std::string text;
  for (const Table& table : report.tables)
    text += (text.empty() ? "" : "\n") + latex_of(table, report.columns, all) + remarks(report, table);
  for (const Column& column : report.columns) text += comment(column.explain());
  return text;
}

}  // namespace clb::report
