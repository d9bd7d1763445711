// Aligned columns for a terminal.
#include <algorithm>

#include "model.hpp"

namespace clb::report {
namespace {

using Line = std::vector<std::string>;

// Columns that a code point takes on a terminal: 0 for combining marks, 2 for East Asian wide ones.
size_t columns_of(uint32_t c) {
  if ((c >= 0x300 && c <= 0x36f) || (c >= 0x200b && c <= 0x200d) || c == 0xfe0f) return 0;
  const bool wide = (c >= 0x1100 && c <= 0x115f) || (c >= 0x2e80 && c <= 0xa4cf) || (c >= 0xac00 && c <= 0xd7a3) ||
                    (c >= 0xf900 && c <= 0xfaff) || (c >= 0xfe30 && c <= 0xfe6f) || (c >= 0xff00 && c <= 0xff60) ||
                    (c >= 0xffe0 && c <= 0xffe6) || (c >= 0x1f300 && c <= 0x1faff);
  return wide ? 2 : 1;
}

size_t width_of(const std::string& text) {
  size_t width = 0;
  for (size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i]);
    const size_t length = std::min<size_t>(lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4, text.size() - i);
    uint32_t point = length == 1 ? lead : lead & (0xffu >> (length + 1));
    for (size_t k = 1; k < length; ++k) point = point << 6 | (static_cast<unsigned char>(text[i + k]) & 0x3fu);
    width += columns_of(point);
    i += length;
  }
  return width;
}

std::string pad(const std::string& text, size_t width, bool right) {
  const std::string blank(width - std::min(width, width_of(text)), ' ');
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

Line head(const Report& report) {
  Line line{"method", "setting"};
  for (const metrics::Metric* metric : report.metrics)
    line.push_back(std::string(metric->id) + (metric->direction == metrics::Direction::kHigherIsBetter ? " ↑" : " ↓"));
  line.push_back("time");
  return line;
}

Line line_of(const TableRow& row, Line& notes) {
  Line line{row_name(row) + marks(row, notes), row.setting};
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
    std::string title;  // of a section, then no line
    Line line;
  };
  Line notes;
  std::vector<Entry> entries{{{}, head(report)}};
  for (const Section& section : table.sections) {
    if (!section.title.empty()) entries.push_back({section.title, {}});
    for (const TableRow& row : section.rows) entries.push_back({{}, line_of(row, notes)});
  }
  std::vector<size_t> widths(entries.front().line.size(), 0);
  for (size_t e = 0; e < entries.size(); ++e) {
    for (size_t i = 0; i < entries[e].line.size(); ++i) {
      if (e == 0 && i == 1) continue;  // without any setting that column is left out
      widths[i] = std::max(widths[i], width_of(entries[e].line[i]));
    }
  }
  if (widths[1] > 0) widths[1] = std::max(widths[1], width_of(entries.front().line[1]));

  std::string text;
  for (size_t i = 0; i < table.heading.size(); ++i)
    text += (i == 0 ? bold : "") + printable(table.heading[i]) + (i == 0 ? plain : "") + "\n";
  text += "\n";
  for (size_t e = 0; e < entries.size(); ++e) {
    const bool title = entries[e].line.empty();
    text += e == 0 || title ? bold : "";
    text += title ? "-- " + entries[e].title + "\n" : join(entries[e].line, widths);
    text += e == 0 || title ? plain : "";
  }
  if (!notes.empty()) text += "\n";
  for (size_t i = 0; i < notes.size(); ++i) text += "[" + std::to_string(i + 1) + "] " + printable(notes[i]) + "\n";
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
  for (const metrics::Metric* metric : report.metrics)
    text += std::string(metric->id) + " (version " + std::to_string(metric->version) + "): " + metric->formula + "\n";
  return text;
}

}  // namespace clb::report
