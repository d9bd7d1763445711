// The page of one run: everything that was recorded of it.
#include <clb/store/table_key.hpp>
#include <cmath>

#include "badges.hpp"
#include "site.hpp"

namespace clb::report {

using base::Json;

namespace {

std::string text_or_dash(const std::string& text) { return text.empty() ? "–" : text; }

Json facts(const store::Store& store, const store::RunRow& run, const Json& spec, const WeightNames& names) {
  const store::Machine& m = run.machine;
  const std::vector<std::string> what = heading(spec);
  const std::vector<std::pair<const char*, std::string>> facts{
      {"data", what[0]},
      {"protocol", what[1]},
      {"weights", weights_line(spec, names)},
      {"seed / order seed", std::to_string(run.seed) + " / " + std::to_string(run.order_seed)},
      {"precision", text_at(spec, "/precision")},
      {"training transform", text_at(spec, "/method/train_transform/name")},
      {"run key", run.key},
      {"comparability key (data and protocol)", store::table_key(store.spec(run.run_id), run.comparability_key)},
      {"section key (and weights)", run.comparability_key},
      {"attempt", run.uuid},
      {"started", run.started_at},
      {"tasks done", std::to_string(run.tasks_done) + " of " + std::to_string(run.tasks_planned)},
      {"second look", run.status.status == "ok" ? look_text(run) : ""},
      {"plugin", run.plugin_version + ", SHA-256 " + run.plugin_hash},
      {"clb-runner", "SHA-256 " + run.runner_hash},
      {"clbench commit", run.commit},
      {"LibTorch", run.libtorch},
      {"ran on", run.device + (run.dtype.empty() ? "" : ", " + run.dtype)},
      {"machine", m.cpu + ", " + std::to_string(m.cores) + " cores" + (m.gpu.empty() ? "" : ", " + m.gpu)},
      {"fingerprint of the data", text_at(spec, "/dataset/fingerprint")}};
  Json list = Json::array();
  for (const auto& [name, value] : facts) list.push_back({{"name", name}, {"value", text_or_dash(value)}});
  return list;
}

Json metric_values(const metrics::Run& records) {
  Json list = Json::array();
  for (const metrics::Metric& metric : metrics::registry()) {
    const metrics::Result result = metric.compute(records);
    const std::string unit = std::string_view(metric.unit) == "fraction" ? " %" : "";
    list.push_back({{"id", metric.id},
                    {"text", result.value ? quantity(*result.value, metric.unit) + unit : "– (" + result.dash + ")"},
                    {"formula", metric.formula},
                    {"version", metric.version}});
  }
  return list;
}

Json matrix_values(const metrics::AccuracyMatrix& matrix, const std::vector<store::EvalRow>& evals, const std::string& id) {
  int64_t groups = 0, stages = 0;
  for (const store::EvalRow& row : evals) {
    groups = std::max(groups, row.count.group + 1);
    stages = std::max(stages, row.after_task + 1);
  }
  std::vector<HeatRow> rows;
  for (int64_t t = 0; t < stages; ++t) {
    HeatRow line{"task " + std::to_string(t + 1), {}};
    for (int64_t g = 0; g < groups; ++g) {
      const base::EvalCount* count = matrix.find(t, g);
      if (!count || count->n == 0) {
        line.cells.emplace_back();
        continue;
      }
      line.cells.push_back(HeatCell{static_cast<double>(count->correct) / static_cast<double>(count->n),
                                    std::to_string(count->correct) + " of " + std::to_string(count->n)});
    }
    const metrics::Result all = metrics::accuracy_after(matrix, t);
    line.behind = all.value ? percent(*all.value) : "–";
    rows.push_back(std::move(line));
  }
  Json values =
      plot_values(heat_plot("matrix", "Accuracy matrix", "Accuracy in % on each group of test samples (columns) after each task (rows).",
                            "group of test samples", rows, "all seen"));
  values["file"] = id + "-matrix";
  return values;
}

// "pool/0": of the parts "pool" in layer 0.
std::string usage_title(const std::string& part) {
  const size_t slash = part.find('/');
  const std::string title = "Usage of " + part.substr(0, slash);
  return slash == std::string::npos ? title : title + ", layer " + part.substr(slash + 1);
}

Json usage_values(const std::vector<base::Metric>& scalars, const std::string& id) {
  Json list = Json::array();
  for (const auto& [part, tasks] : part_usage(scalars)) {
    std::vector<HeatRow> rows;
    for (const auto& [task, usage] : tasks) {
      double sum = 0;
      for (const double count : usage) sum += count;
      HeatRow line{"task " + std::to_string(task + 1), {}};
      for (const double count : usage) line.cells.push_back(HeatCell{sum > 0 ? count / sum : 0, ""});
      const auto value = perplexity(usage);
      line.behind = value ? fixed(*value, 2) : "–";
      rows.push_back(std::move(line));
    }
    list.push_back(
        plot_values(heat_plot("usage", usage_title(part),
                              "Share of the choices (%) that fell on each one, in each task. Perplexity: as many as share the work alike.",
                              "which one", rows, "perplexity")));
    list.back()["file"] = id + "-usage-" + file_name(part);
  }
  return list;
}

}  // namespace

Json run_values(const store::Store& store, const RunResult& result, const TableRow& row, const WeightNames& names) {
  const store::RunRow& run = result.run;
  Json values{{"title", row_name(row) + ", seed " + std::to_string(run.seed)},
              {"status", "Status: " + (run.status.status.empty() ? "not started" : run.status.status)},
              {"reason", run.status.reason},
              {"command", text_or_dash(run.command)},
              {"facts", facts(store, run, row.spec, names)},
              {"params", Json::array()},
              {"plots", Json::array()},
              {"metrics", Json::array()}};
  for (const auto& [name, value] : row.params.items()) values["params"].push_back({{"name", name}, {"value", parameter_text(value)}});
  if (run.attempt_id == 0) return values;
  const store::AttemptResults found{store.evals(run.attempt_id), store.resources(run.attempt_id), store.metrics(run.attempt_id)};
  const std::vector<store::EvalRow>& evals = found.evals;
  const metrics::Run records = metrics::records_of(store, run, row.spec, found);
  if (result.ok()) values["metrics"] = metric_values(records);
  const std::string id = "run-" + run.key.substr(0, 12);
  values["plots"] = usage_values(records.scalars, id);
  if (!evals.empty()) values["plots"].insert(values["plots"].begin(), matrix_values(records.matrix, evals, id));
  if (result.curve.empty()) return values;
  PlottedRow plotted{id, row_name(row), &row, false, {}};
  for (const auto& value : result.curve)
    plotted.curve.push_back(value ? std::optional(stats::Summary{1, *value, *value, *value, "none"}) : std::nullopt);
  Plot curve = curves_plot({plotted});
  curve.about = "After each task.";
  if (curve.svg.empty()) return values;
  values["plots"].insert(values["plots"].begin(), plot_values(curve));
  values["plots"].front()["file"] = id + "-curve";
  return values;
}

}  // namespace clb::report
