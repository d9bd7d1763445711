#include <algorithm>
#include <clb/audit/audit.hpp>
#include <clb/base/describe.hpp>
#include <clb/base/error.hpp>
#include <clb/store/row_audit.hpp>
#include <clb/stream/shape.hpp>
#include <set>

namespace clb::audit {
namespace {

using base::Json;

std::vector<store::RunRow> chosen(const store::Store& store, const std::filesystem::path& file, const std::string& key) {
  std::vector<store::RunRow> runs = store.light_runs();
  if (key.empty()) return runs;
  std::erase_if(runs, [&](const store::RunRow& run) { return !run.key.starts_with(key); });
  if (runs.empty())
    throw base::Error(file.string() + ": there is no run with the key '" + key + "', and no such file; `clbench status` lists the runs");
  if (runs.size() > 1)
    throw base::Error(file.string() + ": " + std::to_string(runs.size()) + " runs have a key that begins with '" + key +
                      "'; give more of it");
  return runs;
}

// The classes that a task brought, as the spec orders them.
Json classes_of(const base::RunSpec& run, int64_t task) {
  const std::vector<int64_t>& order = run.protocol.class_order;
  const stream::Range range = stream::StreamShape(run).task_classes(task);
  return std::vector<int64_t>(order.begin() + range.first, order.begin() + range.end);
}

bool is_sha256(const std::string& text) { return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == std::string::npos; }

// The numbers of a second look among themselves and within what was evaluated after the last task.
std::vector<std::string> look_faults(const base::SecondLook& look, int64_t evaluated) {
  std::vector<std::string> faults;
  const auto fault = [&](const std::string& what) { faults.push_back("its second look " + what); };
  if (look.samples > evaluated)
    fault("is at " + std::to_string(look.samples) + " samples, of which " + std::to_string(evaluated) + " were evaluated");
  if (look.differing + look.near_ties > look.samples) fault("counts more other predictions than samples");
  if ((look.outcome == "differs") != (look.differing > 0))
    fault("is '" + look.outcome + "' with " + std::to_string(look.differing) + " differing predictions");
  if (look.outcome == "same" && look.samples == 0) fault("is 'same' without a sample");
  if ((look.outcome == "same") != look.reason.empty())
    fault("is '" + look.outcome + "' " + (look.reason.empty() ? "without" : "with") + " a reason");
  if (!(look.seconds >= 0)) fault("took no time that can be");
  return faults;
}

class Auditor {
 public:
  Auditor(const std::filesystem::path& file, const Options& options)
      : options_(options), rows_(file), store_(store::Store::open(file, store::Store::Mode::kRead)) {}

  const store::Store& store() const { return store_; }
  std::vector<std::string> shared() const { return rows_.shared(); }

  RunAudit run(const store::RunRow& row) {
    RunAudit result{row.key, row.method, row.preset, row.dataset, row.seed, row.order_seed, 0, 0, rows_.run(row.run_id),
                    {},      {},         {},         {},          {}};
    if (!result.differences.empty()) return result;  // without a sound spec nothing else can be judged
    const base::RunSpec spec = base::RunSpec::from_stored(store_.spec(row.run_id), row.key);
    compare_with_files(spec, row, result);
    const std::vector<store::AttemptAudit> attempts = rows_.attempts(row.run_id);
    check_seals(row, attempts, result);
    for (const store::AttemptAudit& attempt : attempts) {
      ++result.attempts;
      const std::string name = "attempt " + attempt.uuid.substr(0, 8) + ": ";
      const size_t differing = result.differences.size(), unchecked = result.unchecked.size();
      try {
        check(spec, row, attempt, result);
      } catch (const base::Error& error) {  // a blob whose checksum does not fit
        result.differences.push_back(error.what());
      }
      for (size_t i = differing; i < result.differences.size(); ++i) result.differences[i] = name + result.differences[i];
      for (size_t i = unchecked; i < result.unchecked.size(); ++i) result.unchecked[i] = name + result.unchecked[i];
    }
    return result;
  }

 private:
  // After a merge a run may have another's spec: that of any of its attempts.
  void check_seals(const store::RunRow& row, const std::vector<store::AttemptAudit>& attempts, RunAudit& result) {
    size_t ended = 0, sealed = 0;
    bool same_spec = false;
    for (const store::AttemptAudit& attempt : attempts) {
      ended += attempt.status != "running";
      sealed += attempt.sealed && attempt.status != "running";
      same_spec = same_spec || !attempt.sealed || attempt.sealed_spec == rows_.spec_sha256(row.run_id);
    }
    if (!attempts.empty() && !same_spec)
      result.differences.push_back("its spec is not the one that was sealed when its attempts ended; it was changed by hand");
    if (ended > 0)
      result.seal = sealed == ended ? "rows are held against what was sealed when each attempt ended"
                                    : "none of an attempt by an older clbench; its times, memory, scalars and logit hashes are not checked";
  }

  void check(const base::RunSpec& spec, const store::RunRow& row, const store::AttemptAudit& attempt, RunAudit& result) {
    for (const std::string& table : attempt.broken)
      result.differences.push_back("the table " + table + " does not hold of it what was sealed when it ended; a row was changed by hand");
    if (attempt.sealed && attempt.status == "running")
      result.unchecked.push_back("it goes on after it was sealed, and is sealed again when it ends");
    const auto done = static_cast<int64_t>(attempt.tasks.size());
    if (attempt.status == "ok" && done != row.tasks_planned)
      result.differences.push_back("ended ok with " + std::to_string(done) + " of " + std::to_string(row.tasks_planned) + " tasks");
    if (attempt.tasks.empty()) return;
    std::vector<int64_t> targets;
    if (attempt.targets) {
      const base::Targets stored = store_.targets(attempt.id);
      targets = stored.labels;
      const char* split = spec.protocol.evaluate_on == "test" ? "test" : "train";
      if (stored.split != split) result.differences.push_back("has labels of the split " + stored.split + ", evaluated was " + split);
      compare_with_data(spec, stored, result);
    } else {
      result.unchecked.push_back("no labels are stored, so nothing can be recounted");
    }
    std::map<int64_t, std::vector<base::EvalCount>> evals;
    for (const store::EvalRow& eval : store_.evals(attempt.id)) evals[eval.after_task].push_back(eval.count);
    for (const store::AttemptAudit::Task& task : attempt.tasks) check(spec, row, attempt, task, evals[task.after_task], targets, result);
    if (attempt.targets) check_outcomes(attempt, targets, result);
    if (!attempt.look) return;
    int64_t evaluated = 0;
    for (const base::EvalCount& count : evals[attempt.tasks.back().after_task]) evaluated += count.n;
    for (std::string& fault : look_faults(*attempt.look, evaluated)) result.differences.push_back(std::move(fault));
  }

  void check(const base::RunSpec& spec, const store::RunRow& row, const store::AttemptAudit& attempt, const store::AttemptAudit::Task& task,
             const std::vector<base::EvalCount>& evals, const std::vector<int64_t>& targets, RunAudit& result) {
    const std::string where = "after task " + std::to_string(task.after_task + 1) + ": ";
    if (task.after_task < 0 || task.after_task >= row.tasks_planned) {
      result.differences.push_back(where + "the run has " + std::to_string(row.tasks_planned) + " tasks");
      return;
    }
    if (task.classes != base::canonical(classes_of(spec, task.after_task)))
      result.differences.push_back(where + "its classes are not those of the class order");
    if (!is_sha256(task.logit_hash)) result.differences.push_back(where + "the hash of its logits is missing or no SHA-256");
    if (!task.predictions) {
      result.unchecked.push_back(where + "no predictions are stored, so its counts cannot be recounted");
      return;
    }
    if (!attempt.targets) return;
    const std::vector<int64_t> predicted = store_.prediction(attempt.id, task.after_task);
    for (std::string& fault : recount(spec, task.after_task, evals, predicted, targets)) result.differences.push_back(std::move(fault));
    result.counts += static_cast<int64_t>(evals.size());
  }

  // What intervals are computed from follows from predictions and labels.
  void check_outcomes(const store::AttemptAudit& attempt, const std::vector<int64_t>& targets, RunAudit& result) {
    const std::vector<std::vector<store::Outcome>> outcomes = store_.outcomes(attempt.id);
    for (size_t t = 0; t < std::min(outcomes.size(), attempt.tasks.size()); ++t) {
      if (!attempt.tasks[t].predictions) return;
      const std::vector<int64_t> predicted = store_.prediction(attempt.id, attempt.tasks[t].after_task);
      bool same = outcomes[t].size() == targets.size() && predicted.size() == targets.size();
      for (size_t i = 0; same && i < targets.size(); ++i)
        same = outcomes[t][i] == (predicted[i] < 0             ? store::Outcome::kNotEvaluated
                                  : predicted[i] == targets[i] ? store::Outcome::kRight
                                                               : store::Outcome::kWrong);
      if (!same)
        result.differences.push_back("after task " + std::to_string(t + 1) + ": the stored outcomes are not those of its predictions");
    }
  }

  // The stored labels against the data, once per dataset and folder; of a sequence those of each data set.
  void compare_with_data(const base::RunSpec& spec, const base::Targets& stored, RunAudit& result) {
    const bool sequence = !spec.dataset.sequence.empty();
    std::span<const int64_t> left = stored.labels;
    int64_t first_class = 0;
    result.labels = "equal to those of the data";
    for (const base::DatasetSpec& data : spec.dataset.parts()) {
      DatasetFacts& facts = facts_of(data);
      if (!facts.missing.empty()) {
        result.labels = facts.missing;
        return;
      }
      if (facts.fingerprint != data.fingerprint) {
        result.differences.push_back("the fingerprint of the data " + (sequence ? "in " + data.root + " " : "") + "is " +
                                     facts.fingerprint.substr(0, 12) + ", the run's is " + data.fingerprint.substr(0, 12));
        result.labels.clear();
        return;
      }
      const size_t count = sequence ? std::min(left.size(), static_cast<size_t>(facts.samples[stored.split])) : left.size();
      std::vector<int64_t> labels(left.begin(), left.begin() + static_cast<int64_t>(count));
      for (int64_t& label : labels) label -= first_class;
      left = left.subspan(count);
      first_class += data.class_count;
      const bool all = &data != &spec.dataset.parts().back() || left.empty();
      if (base::labels_hash(labels) == facts.labels[stored.split] && all) continue;
      result.differences.push_back("the stored labels are not those of the data's split " + stored.split);
      result.labels.clear();
      return;
    }
  }

  DatasetFacts& facts_of(const base::DatasetSpec& data) {
    auto [facts, fresh] = facts_.try_emplace(base::canonical({data.id, data.root, data.fingerprint}));
    if (fresh && options_.facts) facts->second = options_.facts(data);
    if (!options_.facts) facts->second.missing = "not asked for";
    return facts->second;
  }

  // A plugin is rebuilt every day; weights and data that are other ones cannot give the stored numbers again.
  void compare_with_files(const base::RunSpec& spec, const store::RunRow& row, RunAudit& result) {
    if (!options_.sha256) return;
    for (const base::WeightsSpec& weights : spec.weights) {
      if (weights.file.empty()) continue;
      const std::string& found = sha256(weights.file);
      if (found.empty()) {
        result.weights = "not compared, the files cannot be read on this machine";
      } else if (found != weights.sha256) {
        result.differences.push_back("the weights " + weights.file + " have SHA-256 " + found + ", the run's have " + weights.sha256);
      } else if (result.weights.empty()) {
        result.weights = "the files have the digests of the runs";
      }
    }
    if (row.plugin_hash.empty()) return;
    const std::string& found = sha256(spec.method.file);
    result.plugin = found.empty()              ? "not compared, the file cannot be read on this machine"
                    : found == row.plugin_hash ? "the file is the one that ran"
                                               : "the file is another build than the one that ran";
  }

  const std::string& sha256(const std::string& file) {
    const auto [found, fresh] = sha256_.try_emplace(file);
    if (fresh) found->second = options_.sha256(file);
    return found->second;
  }

  const Options& options_;
  store::RowAudit rows_;
  store::Store store_;
  std::map<std::string, DatasetFacts> facts_;
  std::map<std::string, std::string> sha256_;  // by file
};

}  // namespace

size_t Report::differing() const {
  return static_cast<size_t>(std::ranges::count_if(runs, [](const RunAudit& run) { return !run.differences.empty(); }));
}

size_t Report::unchecked() const {
  return static_cast<size_t>(
      std::ranges::count_if(runs, [](const RunAudit& run) { return run.differences.empty() && !run.unchecked.empty(); }));
}

Report audit(const std::filesystem::path& file, const Options& options) {
  Auditor auditor(file, options);
  Report report;
  report.differences = auditor.shared();
  const std::vector<store::RunRow> runs = chosen(auditor.store(), file, options.run_key);
  for (const store::RunRow& run : runs) {
    report.runs.push_back(auditor.run(run));
    if (options.progress) options.progress(report.runs.size(), runs.size());
  }
  return report;
}

}  // namespace clb::audit
