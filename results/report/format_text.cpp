// Aligned columns for a terminal.
#include <algorithm>

#include "model.hpp"

namespace clb::report {
namespace {

using Line = std::vector<std::string>;

std::string pad(const std::string& text, size_t width, bool right) {
  const std::string blank(width - std::min(width, base::display_width(text)), ' ');
  return right ? blank + text : text + blank;
}

// Notes are numbered through a table; a row's numbers stand behind its name.
std::string marks(const TableRow& row, Line& notes) {
  std::string text;
  for (const std::string& note : row.notes) {
    auto found = std::find(notes.begin(), notes.end(), note);
    text += (text.empty() ? " [" : ",") + std::to_string(found - notes.begin() + 1);
    if (found == notes.end()) notes.push_back(note);
  }
  return text.empty() ? text : text + "]";
}

Line head_line(const Report& report) {
  Line line{"method", "setting", "rank"};
  for (const Column& column : report.columns) line.push_back(printable(column.title()));
  line.push_back("time");
  return line;
}

Line line_of(const TableRow& row, Line& notes) {
  Line line{row_name(row) + marks(row, notes), printable(row.setting), rank_text(row)};
  for (const Cell& cell : row.cells)
    line.push_back(cell_text(cell) + (cell.summary && row.class_sorted ? "†" : "") + (&cell == &row.cells.front() ? best_mark(row) : ""));
  line.push_back(row.time.summary ? duration(row.time.summary->mean) : "–");
  return line;
}

std::string join(const Line& line, const std::vector<size_t>& widths) {
  std::string text;
  for (size_t i = 0; i < line.size(); ++i) {
    if (widths[i] == 0) continue;
    text += (text.empty() ? "" : "  ") + pad(line[i], widths[i], i >= 2);
  }
  return text.substr(0, text.find_last_not_of(' ') + 1) + "\n";
}

std::string table_text(const Report& report, const Table& table, const std::string& bold, const std::string& plain) {
  struct Entry {
    std::string title;  // of a section or of a group of sections, then no line
    Line line;
  };
  Line notes;
  std::vector<Entry> entries{{{}, head_line(report)}};
  for (const Section& section : table.sections) {
    if (const std::string weights = group_title(table, section); !weights.empty()) entries.push_back({"== " + weights, {}});
    if (!section.title.empty()) entries.push_back({"-- " + section.title, {}});
    for (const TableRow& row : section.rows) entries.push_back({{}, line_of(row, notes)});
  }
  std::vector<size_t> widths(entries.front().line.size(), 0);
  for (size_t e = 0; e < entries.size(); ++e) {
    for (size_t i = 0; i < entries[e].line.size(); ++i) {
      if (e == 0 && (i == 1 || i == 2)) continue;  // without any setting, or rank, that column is left out
      widths[i] = std::max(widths[i], base::display_width(entries[e].line[i]));
    }
  }
  for (const size_t i : {1, 2})
    if (widths[i] > 0) widths[i] = std::max(widths[i], base::display_width(entries.front().line[i]));

  std::string text;
  const std::vector<std::string> heading = heading_lines(table);
  for (size_t i = 0; i < heading.size(); ++i) text += (i == 0 ? bold : "") + printable(heading[i]) + (i == 0 ? plain : "") + "\n";
  text += "\n";
  for (size_t e = 0; e < entries.size(); ++e) {
    const bool title = entries[e].line.empty();
    text += e == 0 || title ? bold : "";
    text += title ? printable(entries[e].title) + "\n" : join(entries[e].line, widths);
    text += e == 0 || title ? plain : "";
  }
  if (!notes.empty()) text += "\n";
  for (size_t i = 0; i < notes.size(); ++i) text += "[" + std::to_string(i + 1) + "] " + printable(notes[i]) + "\n";
  for (const Finding& finding : table.findings)
    text += (&finding == &table.findings.front() ? "\n" : "") + printable(sentence(finding)) + "\n";
  return text;
}

bool any_class_sorted(const Report& report) {
  for (const Table& table : report.tables) {
    for (const Section& section : table.sections) {
      if (std::ranges::any_of(section.rows, &TableRow::class_sorted)) return true;
    }
  }
  return false;
}

}  // namespace

std::string format_text(const Report& report, bool color) {
  if (report.tables.empty()) return std::string(kNoRuns) + "\n";
  const std::string bold = color ? "\033[1m" : "", plain = color ? "\033[0m" : "";
  std::string text;
  for (const Table& table : report.tables) text += table_text(report, table, bold, plain) + "\n";
  text += std::string(kLegend) + "\n";
  if (any_mark(report)) text += std::string(kBestLegend) + "\n";
  if (any_class_sorted(report)) text += "† " + std::string(kClassSorted) + "\n";
  for (const Column& column : report.columns) text += printable(column.explain()) + "\n";
  return text;
}

}  // namespace clb::report
