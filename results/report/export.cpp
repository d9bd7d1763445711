#include <algorithm>
#include <clb/base/error.hpp>
#include <clb/report/export.hpp>
#include <clb/store/table_key.hpp>
#include <cmath>
#include <set>

#include "model.hpp"

namespace clb::report {
namespace {

using base::Json;
using Cells = std::vector<Json>;  // in the order of the columns
using Visit = std::function<void(const Cells&)>;

constexpr std::string_view kJsonMark = "{\"format\": \"clbench-export\"";

struct ExportTable {
  const char* name;
  std::vector<const char*> columns;
  void (*rows)(const store::Store&, const Visit&);
  bool large = false;  // exported only when it is asked for by name
};

Json at(const Json& spec, const char* pointer) { return spec.value(Json::json_pointer(pointer), Json()); }
Json number(double value) { return std::isfinite(value) ? Json(value) : Json(); }
Json share(int64_t part, int64_t of) { return of > 0 ? Json(static_cast<double>(part) / static_cast<double>(of)) : Json(); }

Json weights_of(const Json& spec) {
  Json weights = Json::object();
  for (const Json& one : spec.value("weights", Json::array())) weights[text_at(one, "/role")] = at(one, "/sha256");
  return weights;
}

void runs(const store::Store& store, const Visit& visit) {
  for (const store::RunRow& run : store.light_runs()) {
    const Json spec = store.spec(run.run_id);
    visit({run.key,
           store::table_key(spec, run.comparability_key),
           run.config_key,
           run.experiments,
           run.track,
           run.method,
           run.preset,
           at(spec, "/method/params"),
           at(spec, "/method/train_transform/name"),
           run.dataset,
           at(spec, "/dataset/fingerprint"),
           at(spec, "/dataset/train_per_class"),
           at(spec, "/dataset/test_per_class"),
           at(spec, "/protocol/kind"),
           at(spec, "/protocol/split"),
           at(spec, "/protocol/order"),
           run.order_seed,
           at(spec, "/protocol/stop_after"),
           run.joint,
           at(spec, "/protocol/evaluate_on"),
           at(spec, "/protocol/test_batches"),
           at(spec, "/protocol/eval_transform/name"),
           weights_of(spec),
           run.seed,
           run.precision,
           run.threads,
           run.attempt_id == 0 ? "planned" : run.status.status,
           run.status.reason,
           run.uuid,
           run.started_at,
           run.command,
           run.commit,
           run.plugin_version,
           run.plugin_hash,
           run.runner_hash,
           run.libtorch,
           run.machine.cpu,
           run.machine.cores,
           run.machine.gpu,
           run.device,
           run.dtype,
           run.tasks_planned,
           run.tasks_done,
           run.wall_s,
           look_word(run),
           run.look ? Json(run.look->samples) : Json(),
           run.look ? Json(run.look->differing) : Json(),
           run.comparability_key});
  }
}

// The counted attempt of every run that has one, with what was measured.
void each_result(const store::Store& store, const std::function<void(const store::RunRow&, const store::AttemptResults&)>& visit) {
  std::vector<store::RunRow> tried;
  std::vector<int64_t> attempts;
  for (store::RunRow& run : store.light_runs()) {
    if (run.attempt_id == 0) continue;
    attempts.push_back(run.attempt_id);
    tried.push_back(std::move(run));
  }
  // Attempt by attempt: should somebody write meanwhile, nothing may be visited twice.
  for (size_t i = 0; i < tried.size(); ++i) {
    store::AttemptResults found;
    store.results({attempts[i]}, metrics::kRecorded, [&](size_t, store::AttemptResults results) { found = std::move(results); });
    visit(tried[i], found);
  }
}

void evals(const store::Store& store, const Visit& visit) {
  each_result(store, [&](const store::RunRow& run, const store::AttemptResults& found) {
    for (const store::EvalRow& row : found.evals) {
      const base::EvalCount& c = row.count;
      visit({run.key, run.uuid, row.after_task, c.group, c.n, c.correct, c.correct5, c.correct_within, number(c.loss_sum),
             share(c.correct, c.n), share(c.correct_within, c.n)});
    }
  });
}

// The samples that were evaluated after a task, in the order of the split.
void predictions_after(const store::RunRow& run, int64_t task, const std::vector<int64_t>& predicted, const std::vector<int64_t>& labels,
                       const Visit& visit) {
  Json samples = Json::array(), of_samples = Json::array(), predictions = Json::array();
  for (size_t i = 0; i < predicted.size() && i < labels.size(); ++i) {
    if (predicted[i] < 0) continue;
    samples.push_back(i);
    of_samples.push_back(labels[i]);
    predictions.push_back(predicted[i]);
  }
  visit({run.key, run.uuid, task, std::move(samples), std::move(of_samples), std::move(predictions)});
}

void predictions(const store::Store& store, const Visit& visit) {
  const std::set<int64_t> kept = store.attempts_with_predictions();
  for (const store::RunRow& run : store.light_runs()) {
    if (!kept.contains(run.attempt_id)) continue;
    const std::vector<int64_t> labels = store.targets(run.attempt_id).labels;
    for (int64_t task = 0; task < run.tasks_done; ++task)
      predictions_after(run, task, store.prediction(run.attempt_id, task), labels, visit);
  }
}

void metric_values(const store::Store& store, const Visit& visit) {
  each_result(store, [&](const store::RunRow& run, const store::AttemptResults& found) {
    if (run.status.status != "ok") return;
    const metrics::Run records = metrics::records_of(store, run, store.spec(run.run_id), found);
    for (const metrics::Metric& metric : metrics::registry()) {
      const metrics::Result result = metric.compute(records);
      visit({run.key, run.uuid, metric.id, metric.version, metric.unit, result.value ? Json(*result.value) : Json(), result.dash});
    }
  });
}

void imported(const store::Store& store, const Visit& visit) {
  for (const store::ImportedRow& row : store.imported()) {
    for (const store::ImportedMetric& metric : row.metrics)
      visit({row.citation, row.url, row.comparability_key, row.dataset, row.protocol, row.weights, row.method, row.setting, metric.id,
             metric.version, metric.n, metric.mean, metric.per_run});
  }
}

const std::vector<ExportTable>& all_tables() {
  static const std::vector<ExportTable> tables{
      {"runs",
       {"run_key",
        "comparability_key",
        "config_key",
        "experiments",
        "track",
        "method",
        "preset",
        "params",
        "train_transform",
        "dataset",
        "fingerprint",
        "train_per_class",
        "test_per_class",
        "kind",
        "split",
        "order",
        "order_seed",
        "stop_after",
        "joint",
        "evaluate_on",
        "test_batches",
        "eval_transform",
        "weights",
        "seed",
        "precision",
        "threads",
        "status",
        "reason",
        "attempt",
        "started_at",
        "command",
        "commit",
        "plugin_version",
        "plugin_hash",
        "runner_hash",
        "libtorch",
        "cpu",
        "cores",
        "gpu",
        "device",
        "dtype",
        "tasks_planned",
        "tasks_done",
        "wall_s",
        "second_look",
        "second_look_samples",
        "second_look_differing",
        "section_key"},
       runs},
      {"evals",
       {"run_key", "attempt", "after_task", "group", "n", "correct", "correct5", "correct_within", "loss_sum", "accuracy",
        "accuracy_within"},
       evals},
      {"metrics", {"run_key", "attempt", "metric", "version", "unit", "value", "reason"}, metric_values},
      {"imported",
       {"citation", "url", "comparability_key", "dataset", "protocol", "weights", "method", "setting", "metric", "version", "runs", "mean",
        "values"},
       imported},
      {"predictions", {"run_key", "attempt", "after_task", "samples", "labels", "predicted"}, predictions, true},
  };
  return tables;
}

const ExportTable& table_of(const std::string& name) {
  for (const ExportTable& table : all_tables())
    if (name == table.name) return table;
  throw base::Error("there is no table '" + name + "' to export");  // the verb knows better: it asks export_tables() first
}

std::string field(const Json& value) {
  if (value.is_null()) return {};
  return value.is_string() ? value.get<std::string>() : base::canonical(value);
}

}  // namespace

std::vector<std::string> export_tables() {
  std::vector<std::string> names;
  for (const ExportTable& table : all_tables()) names.emplace_back(table.name);
  return names;
}

std::vector<std::string> usual_tables() {
  std::vector<std::string> names;
  for (const ExportTable& table : all_tables())
    if (!table.large) names.emplace_back(table.name);
  return names;
}

std::vector<std::string> export_columns(const std::string& table) {
  const ExportTable& found = table_of(table);
  return {found.columns.begin(), found.columns.end()};
}

bool is_export(std::string_view begin) {
  if (begin.starts_with(kJsonMark)) return true;
  const std::string_view head = begin.substr(0, begin.find("\r\n"));
  return std::ranges::any_of(all_tables(), [&](const ExportTable& table) {
    // Columns are added at the end: an earlier export has the first of them.
    const std::string line = csv_line(export_columns(table.name));
    return head.find(',') != head.npos && head.size() < begin.size() && line.starts_with(head) &&
           (line[head.size()] == ',' || line[head.size()] == '\r');
  });
}

void export_csv(const store::Store& store, const std::string& table, const Sink& sink) {
  sink(csv_line(export_columns(table)));
  table_of(table).rows(store, [&](const Cells& values) {
    std::vector<std::string> fields;
    for (const Json& value : values) fields.push_back(field(value));
    sink(csv_line(fields));
  });
}

void export_json(const store::Store& store, const std::vector<std::string>& tables, const Sink& sink) {
  Json columns = Json::object();  // objects have no order, and a table without rows would have no columns
  for (const std::string& name : tables) columns[name] = export_columns(name);
  sink(std::string(kJsonMark) + ", \"version\": 1,\n\"columns\": " + base::canonical(columns));
  for (const std::string& name : tables) {
    const ExportTable& table = table_of(name);
    sink(",\n\"" + name + "\": [");
    const char* separator = "\n";
    table.rows(store, [&](const Cells& values) {
      Json row = Json::object();
      for (size_t i = 0; i < values.size(); ++i) row[table.columns[i]] = values[i];
      sink(separator + base::canonical(row));
      separator = ",\n";
    });
    sink("\n]");
  }
  sink("\n}\n");
}

}  // namespace clb::report
