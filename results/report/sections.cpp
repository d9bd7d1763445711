// What the sections of a table run on, and how it says so.
#include <algorithm>
#include <set>

#include "model.hpp"

namespace clb::report {

std::vector<std::string> weights_of(const Table& table) {
  std::vector<std::string> all;
  for (const Section& section : table.sections)
    if (std::ranges::find(all, section.weights) == all.end()) all.push_back(section.weights);
  return all;
}

std::string joined(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text += (text.empty() ? "" : "; ") + line;
  return text;
}

std::string weights_words(const Section& section) {
  return section.weights + (section.overlap.empty() ? "" : " [pre-training labels overlap: " + section.overlap + "]");
}

std::vector<std::string> heading_lines(const Table& table) {
  std::vector<std::string> lines = table.heading;
  if (weights_of(table).size() == 1) lines.push_back(weights_words(table.sections.front()));
  if (!table.drawn.empty()) lines.push_back(table.drawn);
  return lines;
}

std::string group_title(const Table& table, const Section& section) {
  if (weights_of(table).size() == 1) return "";
  const bool first = &section == &table.sections.front() || (&section - 1)->weights != section.weights;
  return first ? weights_words(section) : "";
}

void tell_drawn(Table& table) {
  std::vector<TableRow*> rows;
  for (Section& section : table.sections)
    for (TableRow& row : section.rows)
      if (row.units.runs > 0) rows.push_back(&row);
  if (rows.empty()) return;
  if (std::ranges::none_of(rows, [](const TableRow* row) { return row->units.of_orders(); })) {
    table.drawn = "one class order of each row: n counts its seeds, and intervals hold for that order alone";
    return;
  }
  table.drawn = "n counts class orders, each the mean over its seeds";
  for (TableRow* row : rows)
    if (!row->units.of_orders()) row->notes.push_back("one class order: n counts its seeds, and its interval holds for that order alone");
}

void tell_weights_apart(Table& table) {
  std::map<std::string, std::string> transforms;  // by the key of a section
  std::set<std::string> names;
  for (const Section& section : table.sections) {
    transforms[section.key] = text_at(section.rows.front().spec, "/protocol/eval_transform/name");
    names.insert(transforms[section.key]);
  }
  if (names.size() > 1) {  // one geometry, but images normalised otherwise
    table.heading[1].erase(std::min(table.heading[1].size(), table.heading[1].rfind(kEvalTransform)));
    for (Section& section : table.sections) section.weights += kEvalTransform + transforms[section.key];
  }
  std::map<std::string, std::set<std::string>> keys;  // by the words
  for (const Section& section : table.sections) keys[section.weights].insert(section.key);
  for (Section& section : table.sections)
    if (transforms.size() > 1 && keys[section.weights].size() > 1) section.weights += " (key " + section.key.substr(0, 12) + ")";
}

}  // namespace clb::report
