// The page of one run: everything that was recorded of it.
#include <cmath>

#include "badges.hpp"
#include "site.hpp"

namespace clb::report {

using base::Json;

namespace {

std::string text_or_dash(const std::string& text) { return text.empty() ? "–" : text; }

Json facts(const store::RunRow& run, const Json& spec) {
  const store::Machine& m = run.machine;
  const std::vector<std::string> what = heading(spec);
  const std::vector<std::pair<const char*, std::string>> facts{
      {"data", what[0]},
      {"protocol", what[1]},
      {"weights", what[2]},
      {"seed / order seed", std::to_string(run.seed) + " / " + std::to_string(run.order_seed)},
      {"precision", text_at(spec, "/precision")},
      {"training transform", text_at(spec, "/method/train_transform/name")},
      {"run key", run.key},
      {"comparability key", run.comparability_key},
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

Json matrix_values(const metrics::AccuracyMatrix& matrix, const std::vector<store::EvalRow>& evals) {
  int64_t groups = 0, stages = 0;
  for (const store::EvalRow& row : evals) {
    groups = std::max(groups, row.count.group + 1);
    stages = std::max(stages, row.after_task + 1);
  }
  Json heads = Json::array(), lines = Json::array();
  for (int64_t g = 1; g <= groups; ++g) heads.push_back(std::to_string(g));
  for (int64_t t = 0; t < stages; ++t) {
    Json cells = Json::array();
    for (int64_t g = 0; g < groups; ++g) {
      const base::EvalCount* count = matrix.find(t, g);
      const double share = count ? static_cast<double>(count->correct) / static_cast<double>(count->n) : 0;
      cells.push_back({{"text", count ? percent(share) : "–"},
                       {"heat", fixed(share, 3)},
                       {"why", count ? std::to_string(count->correct) + " of " + std::to_string(count->n) : "not evaluated"}});
    }
    const metrics::Result all = metrics::accuracy_after(matrix, t);
    lines.push_back({{"task", std::to_string(t + 1)}, {"cells", cells}, {"all", all.value ? percent(*all.value) : "–"}});
  }
  return {{"groups", heads}, {"lines", lines}};
}

// "pool/0": of the parts "pool" in layer 0.
std::string usage_title(const std::string& part) {
  const size_t slash = part.find('/');
  const std::string title = "Usage of " + part.substr(0, slash);
  return slash == std::string::npos ? title : title + ", layer " + part.substr(slash + 1);
}

Json usage_values(const std::vector<base::Metric>& scalars) {
  Json list = Json::array();
  for (const auto& [part, tasks] : part_usage(scalars)) {
    Json heads = Json::array(), lines = Json::array();
    size_t prompts = 0;
    for (const auto& [task, usage] : tasks) {
      prompts = std::max(prompts, usage.size());
      double sum = 0;
      for (const double count : usage) sum += count;
      Json cells = Json::array();
      for (const double count : usage) {
        const double share = sum > 0 ? count / sum : 0;
        cells.push_back({{"text", percent(share)}, {"heat", fixed(share, 3)}});
      }
      const auto value = perplexity(usage);
      lines.push_back({{"task", std::to_string(task + 1)}, {"cells", cells}, {"perplexity", value ? fixed(*value, 2) : "–"}});
    }
    for (size_t p = 1; p <= prompts; ++p) heads.push_back(std::to_string(p));
    list.push_back({{"title", usage_title(part)},
                    {"about",
                     "Share of the choices (%) that fell on each one, in each task. Perplexity: as many as share "
                     "the work alike."},
                    {"prompts", heads},
                    {"lines", lines}});
  }
  return list;
}

}  // namespace

Json run_values(const store::Store& store, const RunResult& result, const TableRow& row) {
  const store::RunRow& run = result.run;
  Json values{{"title", row_name(row) + ", seed " + std::to_string(run.seed)},
              {"status", "Status: " + (run.status.status.empty() ? "not started" : run.status.status)},
              {"reason", run.status.reason},
              {"command", text_or_dash(run.command)},
              {"facts", facts(run, row.spec)},
              {"params", Json::array()},
              {"metrics", Json::array()}};
  for (const auto& [name, value] : row.params.items()) values["params"].push_back({{"name", name}, {"value", parameter_text(value)}});
  if (run.attempt_id == 0) return values;
  const store::AttemptResults found{store.evals(run.attempt_id), store.resources(run.attempt_id), store.metrics(run.attempt_id)};
  const std::vector<store::EvalRow>& evals = found.evals;
  const metrics::Run records = metrics::records_of(store, run, row.spec, found);
  if (result.ok()) values["metrics"] = metric_values(records);
  if (!evals.empty()) values["matrix"] = matrix_values(records.matrix, evals);
  values["usages"] = usage_values(records.scalars);
  if (result.curve.empty()) return values;
  Json curve = Json::array();
  for (const auto& value : result.curve) curve.push_back(value ? Json(100 * *value) : Json(nullptr));
  values["curve"] = {{"data", script_json({{"rows", {{{"name", row_name(row)}, {"curve", curve}}}}})}};
  return values;
}

}  // namespace clb::report
