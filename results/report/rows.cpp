// From the store to a report: which runs, in which table, section and row.
#include <algorithm>
#include <clb/base/error.hpp>
#include <set>

#include "model.hpp"

namespace clb::report {
namespace {

using base::Json;

std::vector<store::RunRow> by_experiment(std::vector<store::RunRow> runs, const std::string& experiment) {
  if (experiment.empty()) return runs;
  std::set<std::string> known;
  for (const store::RunRow& run : runs) known.insert(run.experiments.begin(), run.experiments.end());
  if (!known.contains(experiment)) {
    std::string names;
    for (const std::string& name : known) names += (names.empty() ? "" : ", ") + name;
    throw base::Error("there is no run of an experiment '" + experiment + "' in the database; known: " + (names.empty() ? "none" : names));
  }
  std::erase_if(runs, [&](const store::RunRow& run) { return std::ranges::find(run.experiments, experiment) == run.experiments.end(); });
  return runs;
}

std::vector<store::RunRow> by_key(std::vector<store::RunRow> runs, const std::vector<std::string>& keys) {
  if (keys.empty()) return runs;
  for (const std::string& key : keys) {
    if (std::ranges::none_of(runs, [&](const store::RunRow& run) { return run.key.starts_with(key); }))
      throw base::Error("there is no run with the key '" + key + "' in the database; `clbench status` lists them");
  }
  std::erase_if(runs, [&](const store::RunRow& run) {
    return std::ranges::none_of(keys, [&](const std::string& key) { return run.key.starts_with(key); });
  });
  return runs;
}

RunResult evaluate(const store::Store& store, store::RunRow run, const std::vector<const metrics::Metric*>& metrics) {
  RunResult result;
  result.seconds = run.wall_s;
  if (run.attempt_id != 0) result.evals = store.evals(run.attempt_id);
  result.run = std::move(run);
  if (!result.ok()) return result;

  const metrics::Run records = records_of(store, result.run, result.run.spec, result.evals);
  for (const metrics::Metric* metric : metrics) result.values.push_back(metric->compute(records));
  result.cold_seconds = metrics::find("time.total").compute(records).value;
  for (int64_t t = 0; t < records.matrix.tasks(); ++t) result.curve.push_back(metrics::accuracy_after(records.matrix, t).value);
  for (const base::Metric& metric : records.scalars) {
    if (metric.name == "updates") result.fewest_updates = std::min(metric.value, result.fewest_updates.value_or(metric.value));
    if (metric.name.starts_with("pool_usage")) result.scalars.push_back(metric);
  }
  return result;
}

// Runs of one row differ in nothing but seed and order seed.
std::string row_key(const store::RunRow& run) {
  return base::canonical({section_title(run.spec), text_at(run.spec, "/method/id"), run.config_key, text_at(run.spec, "/precision"),
                          text_at(run.spec, "/device"), text_at(run.spec, "/threads"), text_at(run.spec, "/protocol/joint")});
}

// Name and value of everything that can tell two rows of one method apart.
std::map<std::string, std::string> traits(const TableRow& row) {
  const Json& spec = row.runs.front().run.spec;
  std::map<std::string, std::string> all{{"precision", row.precision},
                                         {"device", text_at(spec, "/device")},
                                         {"threads", text_at(spec, "/threads")},
                                         {"train_transform", text_at(spec, "/method/train_transform/name")}};
  for (const auto& [name, value] : row.params.items()) all["." + name] = parameter_text(value);
  return all;
}

// Fills `setting` with the traits in which rows of one method differ; rows that still look alike get the start of their config key.
void tell_apart(std::vector<TableRow*> rows) {
  std::map<std::string, std::set<std::string>> values;
  for (const TableRow* row : rows) {
    for (const auto& [name, value] : traits(*row)) values[name].insert(value);
  }
  std::map<std::string, int> taken;
  for (TableRow* row : rows) {
    for (const auto& [name, value] : traits(*row)) {
      if (values[name].size() > 1)
        row->setting += (row->setting.empty() ? "" : " ") + (name[0] == '.' ? name.substr(1) : name) + "=" + printable(value);
    }
    ++taken[row_name(*row) + " " + row->setting];
  }
  for (TableRow* row : rows) {
    if (taken[row_name(*row) + " " + row->setting] > 1)
      row->setting += (row->setting.empty() ? "config=" : " config=") + row->runs.front().run.config_key.substr(0, 8);
  }
}

TableRow start_row(const Json& spec) {
  TableRow row;
  row.method = text_at(spec, "/method/id");
  row.preset = text_at(spec, "/method/preset");
  row.precision = text_at(spec, "/precision");
  row.track = text_at(spec, "/track");
  row.params = spec.value("/method/params"_json_pointer, Json::object());
  row.class_sorted = text_at(spec, "/protocol/test_batches") == "class_sorted";
  row.spec = spec;
  return row;
}

// How many settings of its method a row was picked from, if it was picked.
void count_configurations(std::map<std::string, TableRow>& rows) {
  std::map<std::string, std::set<std::string>> tried;
  for (const auto& [unused, row] : rows) tried[row.method].insert(row.runs.front().run.config_key + " " + row.precision);
  for (auto& [unused, row] : rows) row.tried = static_cast<int64_t>(tried[row.method].size());
}

Table build_table(const std::string& key, std::vector<RunResult> results, const std::vector<const metrics::Metric*>& metrics) {
  Table table{key, heading(results.front().run.spec), {}};
  std::map<std::string, TableRow> rows;
  for (RunResult& result : results) {
    auto [row, fresh] = rows.try_emplace(row_key(result.run));
    if (fresh) row->second = start_row(result.run.spec);
    row->second.runs.push_back(std::move(result));
  }
  std::map<std::string, std::vector<TableRow*>> methods;
  for (auto& [unused, row] : rows) {
    fill_cells(row, metrics);
    methods[section_title(row.runs.front().run.spec) + "\n" + row.method].push_back(&row);
  }
  for (auto& [unused, group] : methods) tell_apart(group);
  count_configurations(rows);

  std::map<std::pair<int, std::string>, std::vector<TableRow>> sections;
  for (auto& [unused, row] : rows) {
    const std::string title = section_title(row.runs.front().run.spec);
    sections[{section_rank(title), title}].push_back(std::move(row));
  }
  for (auto& [place, list] : sections) {
    sort_rows(list, *metrics.front());
    table.sections.push_back({place.second, std::move(list)});
  }
  return table;
}

// Tables that differ in something the heading does not say are told apart by their key.
void tell_apart(std::vector<Table>& tables) {
  std::map<std::vector<std::string>, int> taken;
  for (const Table& table : tables) ++taken[table.heading];
  for (Table& table : tables) {
    if (taken[table.heading] > 1) table.heading.back() += " (comparability key " + table.key.substr(0, 12) + ")";
  }
}

}  // namespace

metrics::AccuracyMatrix matrix_of(const Json& spec, int64_t tasks, const std::vector<store::EvalRow>& evals) {
  const Json joint = spec.value("/protocol/joint"_json_pointer, Json(false));
  const Json eval_on = spec.value("/protocol/eval_on"_json_pointer, Json("seen"));
  metrics::AccuracyMatrix matrix(tasks, joint == true, eval_on == "fixed");
  for (const store::EvalRow& row : evals) matrix.add(row.after_task, row.count);
  return matrix;
}

metrics::Run records_of(const store::Store& store, const store::RunRow& run, const Json& spec, const std::vector<store::EvalRow>& evals) {
  const int64_t attempt = run.attempt_id, last = run.tasks_done - 1;
  return {.matrix = matrix_of(spec, run.tasks_planned, evals),
          .spans = store.spans(attempt),
          .scalars = store.metrics(attempt),
          .resources = store.resources(attempt),
          .capabilities = static_cast<uint64_t>(integer_at(spec, "/method/capabilities")),
          .predicted = [&store, attempt, last] {
            return metrics::Predicted{store.prediction(attempt, last), store.targets(attempt).labels, store.classes(attempt)};
          }};
}

Report build(const store::Store& store, const TableOptions& options) {
  Report report;
  for (const std::string& id : options.metrics) report.metrics.push_back(&metrics::find(id));
  if (report.metrics.empty()) throw base::Error("a table needs at least one metric; leave --metrics out for the usual three");

  std::vector<std::string> order;
  std::map<std::string, std::vector<RunResult>> tables;
  for (store::RunRow& run : by_key(by_experiment(store.runs(), options.experiment), options.run_keys)) {
    auto [table, fresh] = tables.try_emplace(run.comparability_key);
    if (fresh) order.push_back(run.comparability_key);
    table->second.push_back(evaluate(store, std::move(run), report.metrics));
  }
  for (const std::string& key : order) report.tables.push_back(build_table(key, std::move(tables[key]), report.metrics));
  tell_apart(report.tables);
  return report;
}

}  // namespace clb::report
