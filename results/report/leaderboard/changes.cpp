// What came and went since the site was made before. changes.json of the site keeps the rows as they were, and the list.
#include <clb/base/error.hpp>

#include "row_facts.hpp"
#include "site.hpp"

namespace clb::report {

using base::Json;

namespace {

constexpr size_t kKeptEntries = 200, kKeptLines = 200;

Json remembered_rows(const Board& board) {
  Json rows = Json::object();
  for (const Table& table : board.report.tables)
    for (const Section& section : table.sections)
      for (const TableRow& row : section.rows) {
        const auto& summary = row.cells.front().summary;
        rows[row_id(table, section, row)] = {{"name", row_label(row)},
                                             {"table", table_name(board.report, table)},
                                             {"runs", run_count(row)},
                                             {"value", summary ? percent(summary->mean) : "no result"}};
      }
  return rows;
}

std::string row_place(const Json& row) { return row.at("name").get<std::string>() + " on " + row.at("table").get<std::string>(); }

// Each once; the rows of a new table one by one, since that is what somebody looks for.
Json differences(const Json& before, const Json& now, const std::string& symbol) {
  Json lines = Json::array();
  for (const auto& [id, row] : now.items()) {
    const auto known = before.find(id);
    if (known == before.end()) {
      lines.push_back("came: " + row_place(row) + ", " + symbol + " " + row.at("value").get<std::string>() + ", " +
                      row.at("runs").get<std::string>());
      continue;
    }
    std::string line;
    for (const char* what : {"value", "runs"})
      if (known->at(what) != row.at(what))
        line += (line.empty() ? "" : "; ") + (what == std::string_view("value") ? symbol + " " : "") + known->at(what).get<std::string>() +
                " → " + row.at(what).get<std::string>();
    if (!line.empty()) lines.push_back("changed: " + row_place(row) + ", " + line);
  }
  for (const auto& [id, row] : before.items())
    if (!now.contains(id)) lines.push_back("went: " + row_place(row));
  return lines;
}

// Of an earlier site; one that is damaged, or of a later clbench, is as if there were none.
Json remembered(const std::string& text) try {
  Json json = Json::parse(text);
  for (const auto& [id, row] : json.at("rows").items())
    for (const char* what : {"name", "table", "runs", "value"}) row.at(what).get_ref<const std::string&>();
  for (const Json& entry : json.at("entries")) {
    entry.at("date").get_ref<const std::string&>();
    for (const Json& line : entry.at("lines")) line.get_ref<const std::string&>();
  }
  return json;
} catch (const Json::exception&) {
  return nullptr;
}

}  // namespace

Json changes_of(const Board& board, const std::string& earlier, const std::string& date) {
  const Json before = earlier.empty() ? Json(nullptr) : remembered(earlier);
  Json rows = remembered_rows(board), entries = Json::array(), lines = Json::array();
  if (before.is_null()) {
    lines.push_back("the page is made for the first time, with " + std::to_string(rows.size()) + (rows.size() == 1 ? " row" : " rows"));
  } else {
    entries = before.at("entries");
    lines = differences(before.at("rows"), rows, board.report.columns.front().symbol());
  }
  if (lines.size() > kKeptLines) {
    const size_t more = lines.size() - kKeptLines;
    lines.erase(lines.begin() + kKeptLines, lines.end());
    lines.push_back("and " + std::to_string(more) + " more");
  }
  if (!lines.empty()) entries.insert(entries.begin(), Json{{"date", date}, {"lines", std::move(lines)}});
  if (entries.size() > kKeptEntries) entries.erase(entries.begin() + kKeptEntries, entries.end());
  return {{"rows", std::move(rows)}, {"entries", std::move(entries)}};
}

Json changes_values(const Json& changes) { return {{"entries", changes.at("entries")}}; }

}  // namespace clb::report
