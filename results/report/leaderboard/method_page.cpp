// The page of a method: its rows in all tables, its paper and program, and the mean accuracy matrix of each row.
#include <map>

#include "row_facts.hpp"
#include "site.hpp"

namespace clb::report {

using base::Json;

namespace {

// Mean over the runs of the accuracy on each group after each task.
Json heat_of(const store::Store& store, const TableRow& row, const std::string& id) {
  std::map<int64_t, std::map<int64_t, std::pair<double, int>>> sums;
  int64_t groups = 0;
  for (const RunResult& result : row.runs) {
    if (!result.ok()) continue;
    for (const store::EvalRow& eval : store.evals(result.run.attempt_id)) {
      if (eval.count.n == 0) continue;
      auto& [sum, n] = sums[eval.after_task][eval.count.group];
      sum += static_cast<double>(eval.count.correct) / static_cast<double>(eval.count.n);
      ++n;
      groups = std::max(groups, eval.count.group + 1);
    }
  }
  if (sums.empty() || groups < 2) return nullptr;
  std::vector<HeatRow> rows;
  for (const auto& [task, cells] : sums) {
    HeatRow line{"task " + std::to_string(task + 1), std::vector<std::optional<HeatCell>>(static_cast<size_t>(groups))};
    for (const auto& [group, sum] : cells)
      line.cells[static_cast<size_t>(group)] =
          HeatCell{sum.first / sum.second, "mean of " + std::to_string(sum.second) + (sum.second == 1 ? " run" : " runs")};
    rows.push_back(std::move(line));
  }
  Json values = plot_values(heat_plot("matrix", "Accuracy matrix of " + row_label(row),
                                      "Accuracy in % on each group of test samples after each task, mean over the runs.",
                                      "group of test samples", rows));
  values["file"] = id + "-matrix";
  return values;
}

}  // namespace

Json method_values(const Board& board, const store::Store& store, const std::string& method) {
  Json tables = Json::array(), columns = Json::array(), about;
  for (const Column& column : board.report.columns) columns.push_back(column_values(column));
  for (const Table& table : board.report.tables) {
    Json rows = Json::array();
    for (const Section& section : table.sections) {
      for (const TableRow& row : section.rows) {
        if (row.method != method) continue;
        Json line = row_values(board, section.weights, row, "../");
        line["id"] = row_id(table, section, row);
        line["section"] = section.title;
        line["columns"] = columns;
        line["notes"] = row.notes;
        line["heat"] = heat_of(store, row, line.at("id"));
        about = line;
        rows.push_back(std::move(line));
      }
    }
    if (rows.empty()) continue;
    tables.push_back({{"id", table_id(table)}, {"dataset", table.heading[0]}, {"protocol", table.heading[1]}, {"rows", std::move(rows)}});
  }
  Json values{{"tables", std::move(tables)}};
  for (const char* key : {"family", "date", "paper", "code", "licence", "bibtex"}) values[key] = about.at(key);
  return values;
}

}  // namespace clb::report
