// What the page that puts two rows side by side is computed from: of each run the samples it has right in the end, as bits, and its
// accuracy on each task.
#include <clb/base/sha256.hpp>
#include <set>

#include "row_facts.hpp"
#include "site.hpp"

namespace clb::report {

using base::Json;

namespace {

// The samples that were evaluated, told from the first run that has predictions; those of the others have to be the same.
struct Samples {
  std::vector<size_t> index;
  std::vector<int64_t> labels;
  bool empty() const { return index.empty(); }
};

Samples samples_of(const std::vector<int64_t>& predicted, const std::vector<int64_t>& labels) {
  Samples samples;
  for (size_t i = 0; i < predicted.size() && i < labels.size(); ++i)
    if (predicted[i] >= 0) {
      samples.index.push_back(i);
      samples.labels.push_back(labels[i]);
    }
  return samples;
}

std::string right_bits(const std::vector<int64_t>& predicted, const Samples& samples) {
  std::vector<uint8_t> bytes((samples.index.size() + 7) / 8, 0);
  for (size_t i = 0; i < samples.index.size(); ++i)
    if (predicted[samples.index[i]] == samples.labels[i]) bytes[i / 8] = static_cast<uint8_t>(bytes[i / 8] | (1u << (i % 8)));
  return base::hex(bytes);
}

Json compared_run(const store::Store& store, const store::RunRow& run, bool with_predictions, Samples& samples) {
  Json json{{"seed", run.seed}, {"order", run.order_seed}, {"tasks", Json::array()}};
  const int64_t last = run.tasks_done - 1;
  for (const store::EvalRow& eval : store.evals(run.attempt_id))
    if (eval.after_task == last && eval.count.n > 0)
      json["tasks"].push_back(100.0 * static_cast<double>(eval.count.correct) / static_cast<double>(eval.count.n));
  if (!with_predictions) return json;
  const std::vector<int64_t> predicted = store.prediction(run.attempt_id, last), labels = store.targets(run.attempt_id).labels;
  const Samples own = samples_of(predicted, labels);
  if (samples.empty()) samples = own;
  if (own.index == samples.index && own.labels == samples.labels) json["right"] = right_bits(predicted, samples);
  return json;
}

}  // namespace

std::string compare_script(const Board& board, const store::Store& store, const Table& table) {
  const std::set<int64_t> with_predictions = store.attempts_with_predictions();
  Samples samples;
  Json rows = Json::array();
  for (const PlottedRow& plotted : plotted_rows(table)) {
    Json runs = Json::array();
    for (const RunResult& result : plotted.row->runs)
      if (result.ok()) runs.push_back(compared_run(store, result.run, with_predictions.contains(result.run.attempt_id), samples));
    if (!runs.empty()) rows.push_back({{"id", plotted.id}, {"name", printable(plotted.label)}, {"runs", std::move(runs)}});
  }
  const Json all{{"name", table_name(board.report, table)}, {"labels", samples.labels}, {"rows", std::move(rows)}};
  return "clbenchCompare(\"" + table_id(table) + "\", " + script_json(all) + ");\n";
}

Json compare_values(const Board& board) {
  Json tables = Json::array();
  for (const Table& table : board.report.tables) tables.push_back({{"id", table_id(table)}, {"name", table_name(board.report, table)}});
  return {{"tables", std::move(tables)}};
}

}  // namespace clb::report
