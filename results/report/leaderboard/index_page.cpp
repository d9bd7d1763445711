// The first page: the front, then a table for each data set and protocol.
#include <set>

#include "site.hpp"

namespace clb::report {

using base::Json;

namespace {

std::string counted(size_t n, const std::string& one) { return std::to_string(n) + " " + one + (n == 1 ? "" : "s"); }

std::string summary(const Board& board) {
  size_t imported = 0, runs = 0;
  std::set<std::string> methods;
  for (const Table& table : board.report.tables)
    for (const Section& section : table.sections)
      for (const TableRow& row : section.rows) {
        runs += row.runs.size();
        imported += row.imported;
        if (!row.imported) methods.insert(row.method);
      }
  if (runs + imported == 0) return kNoRuns;
  std::string text = runs == 0 ? "" : counted(runs, "run") + " of " + counted(methods.size(), "method");
  if (imported > 0) text += (text.empty() ? "" : " and ") + counted(imported, "imported row");
  return text + " in " + counted(board.report.tables.size(), "table") +
         ". Rows are compared on the same data and protocol only, and ranked among those on the same weights that may use the same.";
}

// What the filters offer: each once, in the order of the page.
Json choices(const Board& board) {
  Json data = Json::array(), weights = Json::array();
  std::set<std::string> known;
  for (const Table& table : board.report.tables) {
    data.push_back({{"text", table_name(board.report, table)}});
    for (const Section& section : table.sections)
      if (known.insert(section.weights).second) weights.push_back({{"text", section.weights}});
  }
  return {{"data", data}, {"weights", weights}};
}

}  // namespace

Json index_values(const Board& board) {
  Json values{{"summary", summary(board)}, {"tables", Json::array()}, {"legend", legend(board)}, {"choices", choices(board)}};
  values["front"] = front_values(board);
  values["columns"] = Json::array();
  for (const Column& column : board.report.columns) values["columns"].push_back(column_values(column));
  for (const Table& table : board.report.tables) {
    values["tables"].push_back(table_values(board, table));
    values["tables"].back()["comparable"] = board.options->all_pages;
  }
  return values;
}

}  // namespace clb::report
