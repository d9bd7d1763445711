// From the store to a report: which runs, in which table, section and row.
#include <algorithm>
#include <clb/base/error.hpp>
#include <clb/store/table_key.hpp>
#include <clb/stream/shape.hpp>
#include <future>
#include <iterator>
#include <set>
#include <span>
#include <thread>

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

// Keys may be whole or the first characters of one; a plan asks for thousands of whole ones.
std::vector<store::RunRow> by_key(std::vector<store::RunRow> runs, const std::vector<std::string>& keys) {
  if (keys.empty()) return runs;
  const std::set<std::string> wanted(keys.begin(), keys.end());
  std::set<std::string> found;
  std::set<size_t> lengths;
  for (const std::string& key : wanted) lengths.insert(key.size());
  std::vector<store::RunRow> chosen;
  for (store::RunRow& run : runs) {
    const size_t before = chosen.size();
    for (const size_t length : lengths) {
      const std::string prefix = run.key.substr(0, length);
      if (!wanted.contains(prefix)) continue;
      found.insert(prefix);
      if (chosen.size() == before) chosen.push_back(run);
    }
  }
  for (const std::string& key : wanted)
    if (!found.contains(key)) throw base::Error("there is no run with the key '" + key + "' in the database; `clbench status` lists them");
  return chosen;
}

// Runs of one row differ in nothing but seed and order seed.
std::string row_key(const store::RunRow& run) {
  return section_title(run) + "\n" + run.method + "\n" + run.config_key + "\n" + run.precision + "\n" + run.planned_device + "\n" +
         std::to_string(run.threads) + (run.joint ? "\njoint" : "");
}

// Name and value of everything that can tell two rows of one method apart.
std::map<std::string, std::string> traits(const TableRow& row) {
  const Json& spec = row.spec;
  std::map<std::string, std::string> all{{"precision", row.precision},
                                         {"device", text_at(spec, "/device")},
                                         {"threads", text_at(spec, "/threads")},
                                         {"train_transform", text_at(spec, "/method/train_transform/name")}};
  for (const auto& [name, value] : row.params.items()) all["." + name] = parameter_text(value);
  if (const auto assets = spec.find("assets"); assets != spec.end())
    for (const auto& [name, digest] : assets->items()) all["assets." + name] = parameter_text(digest).substr(0, 8);
  return all;
}

// Fills `setting` with the traits in which the rows of one method in a table differ, whichever sections they stand in: what differs between
// sections must not be taken for the effect of what they are sections of.
void fill_settings(const std::vector<TableRow*>& rows) {
  std::map<std::string, std::set<std::string>> values;
  for (const TableRow* row : rows) {
    for (const auto& [name, value] : traits(*row)) values[name].insert(value);
  }
  for (const TableRow* row : rows) {  // a parameter that a row does not name has its neutral value
    const std::map<std::string, std::string> named = traits(*row);
    for (auto& [name, known] : values)
      if (!named.contains(name)) known.insert("\n");
  }
  for (TableRow* row : rows) {
    for (const auto& [name, value] : traits(*row)) {
      if (values[name].size() > 1)
        row->setting += (row->setting.empty() ? "" : " ") + (name[0] == '.' ? name.substr(1) : name) + "=" + printable(value);
    }
  }
}

// Rows of one method in one section that still look alike get the start of their config key.
void tell_apart(const std::vector<TableRow*>& rows) {
  std::map<std::string, int> taken;
  for (const TableRow* row : rows) ++taken[row_name(*row) + " " + row->setting];
  for (TableRow* row : rows) {
    if (taken[row_name(*row) + " " + row->setting] > 1)
      row->setting += (row->setting.empty() ? "config=" : " config=") + row->runs.front().run.config_key.substr(0, 8);
  }
}

TableRow start_row(const store::RunRow& run, Json spec) {
  TableRow row;
  row.method = run.method;
  row.preset = run.preset;
  row.precision = run.precision;
  row.track = run.track;
  row.params = spec.value("/method/params"_json_pointer, Json::object());
  row.class_sorted = text_at(spec, "/protocol/test_batches") == "class_sorted";
  // The order is long, differs from run to run, and no cell asks for it.
  if (spec.contains("/protocol/class_order"_json_pointer)) spec["protocol"]["class_order"] = Json::array();
  row.spec = std::move(spec);
  return row;
}

// How many settings of its method a row was picked from, if it was picked.
void count_configurations(std::map<std::string, TableRow>& rows) {
  std::map<std::string, std::set<std::string>> tried;
  for (const auto& [unused, row] : rows) tried[row.method].insert(row.runs.front().run.config_key + " " + row.precision);
  for (auto& [unused, row] : rows) {
    row.tried = static_cast<int64_t>(tried[row.method].size());
    if (row.tried > 1)
      row.notes.push_back("one of " + std::to_string(row.tried) + " configurations of " + row.method + " that were run here");
  }
}

// Of what methods record, that which notes and these columns read.
std::vector<std::string> scalars_for(const std::vector<Column>& columns, const TableOptions& options) {
  std::vector<std::string> names{"updates"};
  const auto prefix = [&](const char* family) {
    return std::ranges::any_of(columns, [&](const Column& column) { return std::string_view(column.metric->id).starts_with(family); });
  };
  if (prefix("params.") || prefix("updates")) names.push_back("trainable_parameters");
  if (prefix("state.")) names.push_back("state_parameter_bytes");
  if (options.curves) names.insert(names.end(), {"usage", "pool_usage"});
  return names;
}

// Tasks that runs of this spec are evaluated after, a joint one in place of all of them.
int64_t stages(const Json& spec) { return stream::StreamShape::of_stored(spec).parts_to_run(); }

int64_t most_stages(const std::vector<TableRow*>& rows) {
  int64_t most = 0;
  for (const TableRow* row : rows) most = std::max(most, stages(row->spec));
  return most;
}

// acc.last.sample after this task; of a joint run once, where the others end.
metrics::Result accuracy(const metrics::AccuracyMatrix& matrix, const Json& spec, int64_t task) {
  const int64_t end = stages(spec);
  if (task >= end) return {std::nullopt, "its runs have " + std::to_string(end) + " tasks"};
  if (!matrix.joint()) return metrics::accuracy_after(matrix, task);
  return task + 1 == end ? metrics::accuracy_after(matrix, 0) : metrics::Result{std::nullopt, "a joint run has one stage"};
}

void evaluate(RunResult& result, const metrics::Run& records, const Json& spec, const std::vector<Column>& columns,
              const TableOptions& options) {
  result.values.clear();
  for (const Column& column : columns)
    result.values.push_back(column.task ? accuracy(records.matrix, spec, *column.task) : column.metric->compute(records));
  result.cold_seconds = metrics::find("time.total").compute(records).value;
  const auto cached = records.resources.find("cached_seconds_saved");
  result.cached_seconds = cached == records.resources.end() ? 0 : cached->second;
  result.curve.clear();
  for (int64_t t = 0; options.curves && t < records.matrix.tasks(); ++t)
    result.curve.push_back(metrics::accuracy_after(records.matrix, t).value);
  result.fewest_updates.reset();
  for (const base::Metric& metric : records.scalars) {
    if (metric.name.starts_with("usage/") || metric.name.starts_with("pool_usage")) result.scalars.push_back(metric);
    if (metric.name == "updates") result.fewest_updates = std::min(metric.value, result.fewest_updates.value_or(metric.value));
  }
}

// FNV-1a over what was counted: equal for runs that computed the same.
uint64_t hash_of(const std::vector<store::EvalRow>& evals) {
  uint64_t hash = 14695981039346656037U;
  for (const store::EvalRow& row : evals)
    for (const int64_t value : {row.after_task, row.count.group, row.count.n, row.count.correct, row.count.correct_within})
      hash = (hash ^ static_cast<uint64_t>(value)) * 1099511628211U;
  return hash;
}

struct Wanted {
  const TableRow* row;
  RunResult* result;
};

// A chunk at a time: formulas may read more of the store, which the look at many attempts does not allow meanwhile.
void evaluate(const store::Store& store, std::span<Wanted> wanted, const std::vector<Column>& columns, const TableOptions& options) {
  constexpr size_t kChunk = 256;
  const bool keep_counts = options.format == Format::kJson;
  const std::vector<std::string> scalars = scalars_for(columns, options);
  for (; !wanted.empty(); wanted = wanted.subspan(std::min(kChunk, wanted.size()))) {
    const std::span<Wanted> chunk = wanted.first(std::min(kChunk, wanted.size()));
    std::vector<int64_t> attempts;
    for (const Wanted& one : chunk) attempts.push_back(one.result->run.attempt_id);
    std::vector<store::AttemptResults> found(chunk.size());
    store.results(attempts, scalars, [&](size_t i, store::AttemptResults results) { found[i] = std::move(results); });
    for (size_t i = 0; i < chunk.size(); ++i) {
      auto& [row, result] = chunk[i];
      result->counts_hash = hash_of(found[i].evals);
      if (keep_counts) result->evals = found[i].evals;
      if (result->ok())
        evaluate(*result, metrics::records_of(store, result->run, row->spec, std::move(found[i])), row->spec, columns, options);
    }
  }
}

constexpr size_t kRunsWorthAThread = 4096, kRowsWorthAThread = 32;  // a row reads what was predicted, a run what was counted

// Calls work(store, begin, end) for parts of n things; where they are many, on threads, each with a connection of its own.
template <class Work>
void shared_by_threads(const store::Store& store, size_t n, size_t worth_a_thread, Work work) {
  const size_t threads = std::clamp<size_t>(n / worth_a_thread, 1, std::max(1u, std::thread::hardware_concurrency()));
  const size_t share = (n + threads - 1) / threads;
  std::vector<std::future<void>> others;
  for (size_t begin = share; begin < n; begin += share)
    others.push_back(std::async(std::launch::async, [&store, &work, begin, end = std::min(n, begin + share)] {
      work(store::Store::open(store.file(), store::Store::Mode::kRead), begin, end);
    }));
  work(store, 0, std::min(share, n));
  for (std::future<void>& other : others) other.get();
}

// What was measured, of all runs of all rows.
void evaluate(const store::Store& store, const std::vector<TableRow*>& rows, const std::vector<Column>& columns,
              const TableOptions& options) {
  std::vector<Wanted> wanted;
  for (TableRow* row : rows) {
    for (RunResult& result : row->runs) {
      result.seconds = result.run.wall_s;
      if (result.run.attempt_id != 0 && (result.ok() || options.format == Format::kJson)) wanted.push_back({row, &result});
    }
  }
  shared_by_threads(store, wanted.size(), kRunsWorthAThread, [&](const store::Store& own, size_t begin, size_t end) {
    evaluate(own, std::span(wanted).subspan(begin, end - begin), columns, options);
  });
}

// Where every run was evaluated on classes to come as well, those of ZSCL's tables: Transfer, Avg. and Last.
std::vector<std::string> usual_metrics(const std::vector<TableRow*>& rows) {
  static const Json::json_pointer unseen("/protocol/eval_unseen");
  const bool all = std::ranges::all_of(rows, [](const TableRow* row) { return row->spec.value(unseen, false); });
  if (all && !rows.empty()) return {"transfer", "acc.mean.all", "acc.last.task"};
  return {"acc.mean.sample", "acc.last.sample", "forget.max_prev"};
}

std::vector<store::RunRow> all_runs(const store::Store& store) {
  const std::vector<store::RunState> states = store.states();
  std::vector<store::RunRow> runs(states.size());
  shared_by_threads(store, states.size(), kRunsWorthAThread, [&](const store::Store& own, size_t begin, size_t end) {
    std::vector<store::RunRow> part =
        own.light_runs({states.begin() + static_cast<std::ptrdiff_t>(begin), states.begin() + static_cast<std::ptrdiff_t>(end)});
    std::ranges::move(part, runs.begin() + static_cast<std::ptrdiff_t>(begin));
  });
  std::erase_if(runs, [](const store::RunRow& run) { return run.run_id == 0; });  // of a damaged file, which check() names
  return runs;
}

// What a row's runs may use, and what is known of them, decides where it stands.
std::string section_of(const TableRow& row) { return marked(row) ? kMarked : section_title(row.runs.front().run); }

std::string overlap_of(const Json& spec, const TableOptions& options) {
  if (!options.overlap) return "";
  for (const Json& weights : base::list_at(spec, "/weights"))
    if (std::string why = options.overlap(text_at(weights, "/sha256"), text_at(spec, "/dataset/fingerprint")); !why.empty()) return why;
  return "";
}

// The rows of one comparability key of the store (data, protocol and weights), in sections.
std::vector<Section> build_sections(const std::string& key, std::map<std::string, TableRow> rows, const std::vector<Column>& columns,
                                    size_t by, const TableOptions& options) {
  const Json& spec = rows.begin()->second.spec;
  const std::string weights = weights_line(spec, options.weight_names), overlap = overlap_of(spec, options);
  std::map<std::string, std::vector<TableRow*>> methods;
  for (auto& [unused, row] : rows) {
    methods[section_of(row) + "\n" + row.method].push_back(&row);
  }
  for (auto& [unused, group] : methods) tell_apart(group);
  count_configurations(rows);

  std::map<std::pair<int, std::string>, std::vector<TableRow>> by_title;
  for (auto& [unused, row] : rows) {
    const std::string title = section_of(row);
    by_title[{section_rank(title), title}].push_back(std::move(row));
  }
  std::vector<Section> sections;
  for (auto& [place, list] : by_title) {
    sort_rows(list, *columns[by].metric, by);
    if (place.second.empty()) mark_best(list, columns[by], by);
    sections.push_back({place.second, std::move(list), weights, key, overlap});
  }
  return sections;
}

// Tables that differ in something the heading does not say are told apart by their key.
void tell_apart(std::vector<Table>& tables) {
  std::map<std::vector<std::string>, int> taken;
  for (const Table& table : tables) ++taken[table.heading];
  for (Table& table : tables) {
    if (taken[table.heading] > 1) table.heading.back() += " (comparability key " + table.key.substr(0, 12) + ")";
  }
}

Table& table_of(Report& report, const std::string& key, const Json& spec) {
  for (Table& table : report.tables)
    if (table.key == key) return table;
  return report.tables.emplace_back(Table{key, heading(spec), {}});
}

}  // namespace

Report build(const store::Store& store, const TableOptions& options) {
  Report report;
  std::vector<std::string> order;
  std::map<std::string, std::map<std::string, TableRow>> tables;  // by the store's comparability key
  std::map<std::string, std::string> table_keys;                  // likewise
  for (store::RunRow& run : by_key(by_experiment(all_runs(store), options.experiment), options.run_keys)) {
    auto [table, fresh] = tables.try_emplace(run.comparability_key);
    if (fresh) order.push_back(run.comparability_key);
    auto [row, fresh_row] = table->second.try_emplace(row_key(run));
    if (fresh_row) {
      Json spec = store.spec(run.run_id);
      if (fresh) table_keys[run.comparability_key] = store::table_key(spec, run.comparability_key);
      row->second = start_row(run, std::move(spec));
    }
    row->second.runs.emplace_back().run = std::move(run);
  }
  std::vector<TableRow*> rows;
  std::map<std::string, std::vector<TableRow*>> by_method;  // of each table
  for (auto& [key, table] : tables) {
    for (auto& [unused_key, row] : table) {
      rows.push_back(&row);
      const bool joint = row.runs.front().run.joint;  // upper bounds are trained otherwise anyway
      by_method[table_keys[key] + "\n" + row.method + (joint ? "\njoint" : "")].push_back(&row);
    }
  }
  for (const auto& [unused, group] : by_method) fill_settings(group);
  report.columns = metric_columns(options.metrics.empty() ? usual_metrics(rows) : options.metrics);
  if (options.columns == Columns::kDatasets && report.columns.size() > 1) report.columns.resize(1);
  if (options.columns == Columns::kTasks) report.columns = task_columns(most_stages(rows));
  evaluate(store, rows, report.columns, options);
  const std::set<int64_t> with_predictions = store.attempts_with_predictions();
  const size_t by = options.columns == Columns::kTasks ? report.columns.size() - 1 : 0;  // the column that rows are sorted by
  shared_by_threads(store, rows.size(), kRowsWorthAThread, [&](const store::Store& own, size_t begin, size_t end) {
    for (size_t i = begin; i < end; ++i) fill_cells(*rows[i], report.columns, by, own, with_predictions);
  });
  for (const std::string& key : order) {
    Table& table = table_of(report, table_keys[key], tables[key].begin()->second.spec);
    std::vector<Section> sections = build_sections(key, std::move(tables[key]), report.columns, by, options);
    std::ranges::move(sections, std::back_inserter(table.sections));
  }
  for (Table& table : report.tables) {
    tell_weights_apart(table);
    tell_drawn(table);
  }
  judge(options.claims, report);
  tell_apart(report.tables);
  if (options.columns == Columns::kTasks) return report;  // who measured elsewhere gave metrics
  add_imported(report, store, options.experiment.empty() && options.run_keys.empty());
  if (options.columns == Columns::kDatasets) return over_datasets(std::move(report));
  return report;
}

}  // namespace clb::report
