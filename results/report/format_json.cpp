// Everything that the table was computed from: unrounded values, counts, run keys, versions of the metrics.
#include "model.hpp"

namespace clb::report {
namespace {

using base::Json;

Json number(const std::optional<double>& value) { return value ? Json(*value) : Json(nullptr); }

Json cell_json(const Cell& cell) {
  if (!cell.summary) return {{"n", 0}, {"reason", cell.dash}};
  const stats::Summary& s = *cell.summary;
  Json json{{"n", s.n}, {"mean", s.mean}, {"low", s.low}, {"high", s.high}, {"spread", s.spread}};
  if (!cell.dash.empty()) json["reason_of_others"] = cell.dash;
  return json;
}

Json counts_json(const RunResult& result) {
  Json list = Json::array();
  for (const store::EvalRow& row : result.evals) {
    const base::EvalCount& c = row.count;
    list.push_back({{"after_task", row.after_task},
                    {"group", c.group},
                    {"n", c.n},
                    {"correct", c.correct},
                    {"correct5", c.correct5},
                    {"correct_within", c.correct_within},
                    {"loss_sum", c.loss_sum}});
  }
  return list;
}

Json run_json(const RunResult& result, const std::vector<Column>& columns) {
  const store::RunRow& run = result.run;
  Json json{{"key", run.key},
            {"experiments", run.experiments},
            {"seed", run.seed},
            {"order_seed", run.order_seed},
            {"status", run.status.status},
            {"reason", run.status.reason},
            {"attempt", run.uuid},
            {"started_at", run.started_at},
            {"command", run.command},
            {"commit", run.commit},
            {"plugin_hash", run.plugin_hash},
            {"plugin_version", run.plugin_version},
            {"runner_hash", run.runner_hash},
            {"libtorch", run.libtorch},
            {"machine", {{"cpu", run.machine.cpu}, {"cores", run.machine.cores}, {"gpu", run.machine.gpu}}},
            {"device", run.device},
            {"dtype", run.dtype},
            {"tasks_done", run.tasks_done},
            {"tasks_planned", run.tasks_planned},
            {"seconds", result.seconds},
            {"cold_seconds", number(result.cold_seconds)},
            {"second_look", look_json(run)},
            {"counts", counts_json(result)},
            {"values", Json::object()}};
  for (size_t i = 0; i < result.values.size(); ++i) {
    const metrics::Result& value = result.values[i];
    json["values"][columns[i].name] = value.value ? Json(*value.value) : Json{{"reason", value.dash}};
  }
  return json;
}

Json against_best_json(const TableRow& row) {
  if (!row.against_best) return nullptr;
  const AgainstBest& a = *row.against_best;
  return {{"verdict", a.verdict},
          {"how", a.how},
          {"pairs", a.pairs},
          {"p", number(a.p)},
          {"p_adjusted", number(a.p_adjusted)},
          {"difference", a.difference ? Json{{"low", a.difference->low}, {"high", a.difference->high}} : Json(nullptr)}};
}

Json rank_json(const TableRow& row) {
  if (!row.rank) return nullptr;
  return {{"low", row.rank->low}, {"high", row.rank->high}, {"groups", row.rank->groups}};
}

Json units_json(const TableRow& row) {
  if (row.units.runs == 0) return nullptr;
  return {{"of", row.units.of_orders() ? "class orders" : "seeds"},
          {"n", row.units.members.size()},
          {"orders", row.units.orders},
          {"runs", row.units.runs},
          {"distinct_results", row.units.distinct}};
}

Json row_json(const TableRow& row, const std::vector<Column>& columns) {
  Json json{{"method", row.method},
            {"preset", row.preset},
            {"setting", row.setting},
            {"params", row.params},
            {"config_key", row.runs.empty() ? Json(nullptr) : Json(row.runs.front().run.config_key)},
            {"precision", row.precision},
            {"track", row.track},
            {"class_sorted", row.class_sorted},
            {"joint", !row.runs.empty() && row.runs.front().run.joint},
            {"imported", row.imported},
            {"citation", row.citation},
            {"notes", row.notes},
            {"second_look", look_word(row)},
            {"configurations_tried", row.tried},
            {"units", units_json(row)},
            {"against_best", against_best_json(row)},
            {"rank", rank_json(row)},
            {"cold_seconds", cell_json(row.time)},
            {"cells", Json::object()},
            {"runs", Json::array()}};
  for (size_t i = 0; i < columns.size(); ++i) json["cells"][columns[i].name] = cell_json(row.cells[i]);
  for (const RunResult& result : row.runs) json["runs"].push_back(run_json(result, columns));
  return json;
}

Json column_json(const Column& column) {
  const metrics::Metric& metric = *column.metric;
  return {{"id", column.name},         {"version", metric.version},
          {"formula", column.formula}, {"source", metric.source},
          {"unit", metric.unit},       {"higher_is_better", metric.direction == metrics::Direction::kHigherIsBetter}};
}

Json findings_json(const Table& table) {
  Json list = Json::array();
  for (const Finding& f : table.findings)
    list.push_back({{"claim", f.claim},
                    {"weights", f.weights},
                    {"citation", f.citation},
                    {"verdict", f.verdict},
                    {"why", f.why},
                    {"difference", number(f.difference)},
                    {"pairs", f.pairs}});
  return list;
}

}  // namespace

std::string format_json(const Report& report) {
  Json json{{"version", 1}, {"metrics", Json::array()}, {"tables", Json::array()}};
  for (const Column& column : report.columns) json["metrics"].push_back(column_json(column));
  for (const Table& table : report.tables) {
    Json sections = Json::array();
    for (const Section& section : table.sections) {
      Json rows = Json::array();
      for (const TableRow& row : section.rows) rows.push_back(row_json(row, report.columns));
      sections.push_back({{"title", section.title},
                          {"weights", section.weights},
                          {"section_key", section.key},
                          {"overlap", section.overlap},
                          {"rows", std::move(rows)}});
    }
    json["tables"].push_back({{"comparability_key", table.key},
                              {"dataset", table.heading[0]},
                              {"protocol", table.heading[1]},
                              {"weights", joined(weights_of(table))},
                              {"drawn", table.drawn},
                              {"sections", std::move(sections)},
                              {"claims", findings_json(table)}});
  }
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace clb::report
