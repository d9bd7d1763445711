// GitHub's tables.
#include "model.hpp"

namespace clb::report {
namespace {

// Text inside a table cell or a paragraph: nothing of it may be read as markup.
std::string escape(const std::string& text) {
  std::string result;
  for (char c : printable(text)) {
    if (std::string_view("|\\`*_<>[]").find(c) != std::string_view::npos) result += '\\';
    result += c;
  }
  return result;
}

std::string row_text(const std::vector<std::string>& cells) {
  std::string text = "|";
  for (const std::string& cell : cells) text += " " + cell + " |";
  return text + "\n";
}

std::string section_text(const Report& report, const Section& section) {
  std::vector<std::string> head{"method", "setting"}, rule{"---", "---"};
  for (const metrics::Metric* metric : report.metrics) {
    head.push_back(escape(metric->id) + (metric->direction == metrics::Direction::kHigherIsBetter ? " ↑" : " ↓"));
    rule.push_back("---:");
  }
  head.push_back("time");
  rule.push_back("---:");
  std::string text = section.title.empty() ? "" : "**" + escape(section.title) + "**\n\n";
  text += row_text(head) + row_text(rule);
  std::string notes;
  for (const TableRow& row : section.rows) {
    std::vector<std::string> cells{escape(row_name(row)), escape(row.setting)};
    for (const Cell& cell : row.cells) cells.push_back(escape(cell_text(cell)) + (cell.summary && row.class_sorted ? "†" : ""));
    cells.push_back(row.time.summary ? duration(row.time.summary->mean) : "–");
    text += row_text(cells);
    for (const std::string& note : row.notes)
      notes += "- " + escape(row_name(row) + (row.setting.empty() ? "" : " " + row.setting) + ": " + note) + "\n";
    if (row.class_sorted) notes += "- † " + escape(row_name(row)) + ": " + kClassSorted + "\n";
  }
  return text + "\n" + (notes.empty() ? "" : notes + "\n");
}

}  // namespace

std::string format_markdown(const Report& report) {
  if (report.tables.empty()) return std::string(kNoRuns) + "\n";
  std::string text;
  for (const Table& table : report.tables) {
    text += "### " + escape(table.heading.front()) + "\n\n";
    for (size_t i = 1; i < table.heading.size(); ++i) text += escape(table.heading[i]) + (i + 1 < table.heading.size() ? "; " : "\n\n");
    for (const Section& section : table.sections) text += section_text(report, section);
  }
  text += escape(kLegend) + "\n\n";
  for (const metrics::Metric* metric : report.metrics)
    text += "- " + escape(metric->id) + " (version " + std::to_string(metric->version) + "): " + escape(metric->formula) + "\n";
  return text;
}

}  // namespace clb::report
