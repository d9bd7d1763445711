// GitHub's tables.
#include <algorithm>

#include "model.hpp"

namespace clb::report {
namespace {

std::string section_text(const Report& report, const Section& section) {
  std::vector<std::string> head{"method", "setting"}, rule{"---", "---"};
  const bool ranks = std::ranges::any_of(section.rows, [](const TableRow& row) { return row.rank.has_value(); });
  if (ranks) {
    head.push_back("rank");
    rule.push_back("---:");
  }
  for (const Column& column : report.columns) {
    head.push_back(markdown_text(column.title()));
    rule.push_back("---:");
  }
  head.push_back("time");
  rule.push_back("---:");
  std::string text = section.title.empty() ? "" : "**" + markdown_text(section.title) + "**\n\n";
  text += markdown_row(head) + markdown_row(rule);
  std::string notes;
  for (const TableRow& row : section.rows) {
    std::vector<std::string> cells{markdown_text(row_name(row)), markdown_text(row.setting)};
    if (ranks) cells.push_back(rank_text(row));
    for (const Cell& cell : row.cells)
      cells.push_back(markdown_text(cell_text(cell)) + (cell.summary && row.class_sorted ? "†" : "") +
                      (&cell == &row.cells.front() ? best_mark(row) : ""));
    cells.push_back(row.time.summary ? duration(row.time.summary->mean) : "–");
    text += markdown_row(cells);
    for (const std::string& note : row.notes) notes += "- " + markdown_text(row_label(row) + ": " + note) + "\n";
    if (row.class_sorted) notes += "- † " + markdown_text(row_name(row)) + ": " + kClassSorted + "\n";
  }
  return text + "\n" + (notes.empty() ? "" : notes + "\n");
}

}  // namespace

std::string markdown_row(const std::vector<std::string>& cells) {
  std::string text = "|";
  for (const std::string& cell : cells) text += " " + cell + " |";
  return text + "\n";
}

std::string format_markdown(const Report& report) {
  if (report.tables.empty()) return std::string(kNoRuns) + "\n";
  std::string text;
  for (const Table& table : report.tables) {
    text += "### " + markdown_text(table.heading.front()) + "\n\n";
    const std::vector<std::string> heading = heading_lines(table);
    for (size_t i = 1; i < heading.size(); ++i) text += markdown_text(heading[i]) + (i + 1 < heading.size() ? "; " : "\n\n");
    for (const Section& section : table.sections) {
      if (const std::string weights = group_title(table, section); !weights.empty()) text += "#### " + markdown_text(weights) + "\n\n";
      text += section_text(report, section);
    }
    for (const Finding& finding : table.findings) text += markdown_text(sentence(finding)) + "\n\n";
  }
  text += markdown_text(kLegend) + "\n\n";
  if (any_mark(report)) text += markdown_text(kBestLegend) + "\n\n";
  for (const Column& column : report.columns) text += "- " + markdown_text(column.explain()) + "\n";
  return text;
}

}  // namespace clb::report
