// Which rows the plots of a table show, and which plots there are.
#include <algorithm>
#include <cmath>

#include "row_facts.hpp"
#include "site.hpp"

namespace clb::report {

using base::Json;

namespace {

std::vector<std::optional<stats::Summary>> curve_of(const TableRow& row) {
  size_t stages = 0;
  for (const RunResult& run : row.runs)
    if (run.ok()) stages = std::max(stages, run.curve.size());
  std::vector<std::optional<stats::Summary>> curve(stages);
  for (size_t t = 0; t < stages; ++t) {
    std::vector<double> values;
    for (const RunResult& run : row.runs)
      if (run.ok() && t < run.curve.size() && run.curve[t] && std::isfinite(*run.curve[t])) values.push_back(*run.curve[t]);
    if (values.empty()) continue;
    const auto [low, high] = std::ranges::minmax(values);
    curve[t] = stats::Summary{static_cast<int64_t>(values.size()), stats::mean(values), low, high, "min-max"};
  }
  return curve;
}

size_t column_at(const Board& board, std::string_view id) {
  const auto& columns = board.report.columns;
  return static_cast<size_t>(std::ranges::find_if(columns, [&](const Column& c) { return c.name == id; }) - columns.begin());
}

}  // namespace

std::vector<PlottedRow> plotted_rows(const Table& table) {
  std::vector<PlottedRow> rows;
  for (const Section& section : table.sections)
    for (const TableRow& row : section.rows) {
      const bool shown = std::ranges::any_of(row.cells, [](const Cell& cell) { return cell.summary.has_value(); });
      if (!shown || rows.size() == kPlottedRows) continue;
      const bool joint = section.title == kUpperBound;
      rows.push_back({row_id(table, section, row), row_label(row) + (joint ? " (joint)" : ""), &row, joint, curve_of(row)});
    }
  return rows;
}

Json plot_values(const Plot& plot) {
  return {{"name", plot.name}, {"title", plot.title}, {"about", plot.about}, {"svg", plot.svg}, {"csv", lines_of(plot.csv)}};
}

Json plots_of(const Board& board, const Table& table) {
  const std::vector<PlottedRow> rows = plotted_rows(table);
  Json plots = Json::array();
  size_t all = 0;
  for (const Section& section : table.sections) all += section.rows.size();
  const auto add = [&](Plot plot) {
    if (plot.svg.empty()) return;
    if (rows.size() == kPlottedRows && all > rows.size())
      plot.about += " The first " + std::to_string(rows.size()) + " of " + std::to_string(all) + " rows.";
    plots.push_back(plot_values(plot));
    plots.back()["file"] = table_id(table) + "-" + plot.name;
  };
  if (rows.empty()) return plots;
  const size_t mean = column_at(board, "acc.mean.sample"), last = column_at(board, "acc.last.sample");
  add(intervals_plot(rows, board.report.columns, {mean, last}));
  add(curves_plot(rows));
  for (const char* cost : {"time.total", "params.trained", "state.total"})
    add(pareto_plot(rows, board.report.columns, column_at(board, cost), mean));
  return plots;
}

}  // namespace clb::report
