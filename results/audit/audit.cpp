#include <algorithm>
#include <clb/audit/audit.hpp>
#include <clb/base/describe.hpp>
#include <clb/base/error.hpp>
#include <clb/store/row_audit.hpp>
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
Json classes_of(const base::ProtocolSpec& protocol, int64_t task) {
  const auto parts = static_cast<int64_t>(protocol.task_sizes.size());
  if (protocol.kind == "domain") return protocol.class_order;
  const int64_t to_run = protocol.stop_after > 0 ? std::min(protocol.stop_after, parts) : parts;
  int64_t first = 0;
  if (!protocol.joint)
    for (int64_t t = 0; t < task; ++t) first += protocol.task_sizes[static_cast<size_t>(t)];
  int64_t end = first;
  for (int64_t t = protocol.joint ? 0 : task; t < (protocol.joint ? to_run : task + 1); ++t)
    end += protocol.task_sizes[static_cast<size_t>(t)];
  return std::vector<int64_t>(protocol.class_order.begin() + first, protocol.class_order.begin() + end);
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
    RunAudit result{row.key, row.method, row.preset, row.dataset, row.seed, row.order_seed, 0, 0, rows_.run(row.run_id), {}, {}, {}, {}};
    if (!result.differences.empty()) return result;  // without a sound spec nothing else can be judged
    const base::RunSpec spec = base::RunSpec::from_stored(store_.spec(row.run_id), row.key);
    compare_with_files(spec, row, result);
    for (const store::AttemptAudit& attempt : rows_.attempts(row.run_id)) {
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
  void check(const base::RunSpec& spec, const store::RunRow& row, const store::AttemptAudit& attempt, RunAudit& result) {
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
    if (task.classes != base::canonical(classes_of(spec.protocol, task.after_task)))
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

  // The stored labels against the data, once per dataset and folder.
  void compare_with_data(const base::RunSpec& spec, const base::Targets& stored, RunAudit& result) {
    const std::string key = base::canonical({spec.dataset.id, spec.dataset.root, spec.dataset.fingerprint});
    auto [facts, fresh] = facts_.try_emplace(key);
    if (fresh && options_.facts) facts->second = options_.facts(spec);
    if (!options_.facts) facts->second.missing = "not asked for";
    if (!facts->second.missing.empty()) {
      result.labels = facts->second.missing;
      return;
    }
    if (facts->second.fingerprint != spec.dataset.fingerprint) {
      result.differences.push_back("the fingerprint of the data is " + facts->second.fingerprint.substr(0, 12) + ", the run's is " +
                                   spec.dataset.fingerprint.substr(0, 12));
    } else if (base::labels_hash(stored.labels) != facts->second.labels[stored.split]) {
      result.differences.push_back("the stored labels are not those of the data's split " + stored.split);
    } else {
      result.labels = "equal to those of the data";
    }
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
