// The database of results: SQLite, append-only (no row is ever updated or deleted; triggers see to it), one writer per file. In WAL mode,
// or with a rollback journal where the file lies on a file system that hosts share.
//
// run      = content key of what is to be computed (RunSpec::key)
// attempt  = one try at a run (UUID) with build, plugin hash, runner hash, machine; its status is the newest appended attempt_event
// A task is committed as one transaction when its TaskDone arrives and is on disk then, so that neither a kill nor a power cut loses a
// finished task. Adding a row that is there is no error.
//
// Every function throws base::Error with one sentence: damaged file, full disk, no permission, file of a newer clbench. A Store belongs to
// one thread at a time.
#pragma once

#include <clb/base/event.hpp>
#include <clb/base/run_spec.hpp>
#include <clb/base/second_look.hpp>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace clb::store {

struct Machine {
  std::string cpu, cpu_flags, gpu, os;
  int64_t cores = 0, memory_bytes = 0;
};
struct Build {
  std::string commit, version, compiler;
};  // of clbench

struct AttemptStart {
  std::string plugin_hash, plugin_version, dataset_hash, dataset_version, runner_hash, libtorch;
  Machine machine;
  Build build;
  std::string command;  // how clbench was called
};

// Status of an attempt: "running", then one of "ok", "failed", "crashed", "killed", "timeout", "cancelled", "lost" (its launcher died).
struct AttemptStatus {
  std::string status, reason, log_tail;
  std::string at;  // UTC, "2025-01-31T12:00:00.000Z"; empty when written: now
};

// One run with its newest attempt, one that ended ok before any other. A run that was planned and never tried has attempt_id 0 and an empty
// status.
struct RunRow {
  int64_t run_id = 0, attempt_id = 0, attempts = 0;
  std::string key, comparability_key, config_key, uuid;
  std::string experiment;                // the first it was planned in
  std::vector<std::string> experiments;  // all of them
  std::string method, preset, track, dataset, precision, planned_device;
  int64_t threads = 0;
  uint64_t capabilities = 0;
  bool joint = false;
  base::Json spec;  // RunSpec::to_stored, lifted to today's shape; null in a list of light rows
  AttemptStatus status;
  int64_t seed = 0, order_seed = 0;
  int64_t tasks_done = 0, tasks_planned = 0;
  std::string plugin_hash, plugin_version, runner_hash, libtorch, commit, command, started_at;
  Machine machine;
  std::string device, dtype;             // what really ran; empty until the runner said so
  double wall_s = 0;                     // sum of the attempt's spans
  std::optional<base::SecondLook> look;  // nothing: not looked at, as no run was before there were second looks
  bool marked() const { return look && look->marks(); }
};

bool same_class(const Machine& a, const Machine& b);  // timings, and the last bits of results, are compared inside a class

// What finished runs have cost that have the same method, precision and comparability key (dataset, protocol, weights) as another.
struct Cost {
  double seconds = 0;  // mean wall time
  bool same_class = false, same_config = false;
};

// Which attempt of a run counts, and the newest status of that attempt. No attempt: attempt_id 0 and an empty status.
struct RunState {
  int64_t run_id = 0, attempt_id = 0, attempts = 0;
  std::string status;
};

struct EvalRow {
  int64_t after_task = 0;
  base::EvalCount count;  // loss_sum is NaN when it was not finite
};

// Of one image after one task.
enum class Outcome : uint8_t { kWrong, kRight, kNotEvaluated };

// What metrics and times of one attempt are computed from.
struct AttemptResults {
  std::vector<EvalRow> evals;               // by (after_task, group)
  std::map<std::string, double> resources;  // the newest value of each name
  std::vector<base::Metric> metrics;        // those that were asked for, by name, task, step
};

// A row measured elsewhere, as `clbench import` took it. It is no run: nothing of it can be recomputed.
struct ImportedMetric {
  bool operator==(const ImportedMetric&) const = default;
  std::string id;  // of the registry of metrics
  int64_t version = 1;
  int64_t n = 0;                // runs
  double mean = 0;              // in the unit of the metric
  std::vector<double> per_run;  // empty when only the mean is known
};
struct ImportedRow {
  std::string citation, url;               // where the numbers come from
  std::string comparability_key;           // of the runs that it may stand beside; empty: not known
  std::string dataset, protocol, weights;  // in the words of the source
  std::string method, setting;
  std::vector<ImportedMetric> metrics;  // by id
  bool operator==(const ImportedRow&) const = default;
};

// What a person says of a run on one commit. The file keeps both in the annotation's text, as "@COMMIT TEXT".
struct Annotation {
  int64_t run_id = 0;
  std::string at, author, commit, text;  // commit: empty when it is of the run on every commit
};

class Store {
 public:
  enum class Mode { kRead, kWrite };
  // kWrite creates the file, migrates it (a copy of the old one is kept beside it as FILE.v<old>) and takes the writer's lock FILE.lock; a
  // second writer is told who has it. kRead makes no file and needs no write permission, unless a writer that was killed left
  // FILE-wal behind. A file that is no database, or damaged, is an Error that names it: PRAGMA integrity_check below 32 MB; from there on
  // a writer runs quick_check (which leaves out the indexes), and a reader finds damage where it reads. check() looks everywhere.
  static Store open(const std::filesystem::path& file, Mode mode);
  ~Store();
  Store(Store&&) noexcept;
  Store& operator=(Store&&) noexcept;

  // Writing. Each call is one transaction.
  int64_t add_run(const base::RunSpec& spec);  // run, config, protocol, ... and the experiment that plans it; returns the run's id
  int64_t begin_attempt(const base::RunSpec& spec, const AttemptStart& start);  // adds the run when new, and the status "running"
  void add_hello(int64_t attempt, const base::Hello& hello);                    // what really ran: device, dtype, threads
  void add_targets(int64_t attempt, const base::Targets& targets);              // labels of the dataset's split, stored once
  void add_task(int64_t attempt, const base::TaskDone& task);                   // a task that is there is left as it is
  void add_spans(int64_t attempt, const std::vector<base::Span>& spans);
  void add_metrics(int64_t attempt, const std::vector<base::Metric>& metrics);
  void add_resource(int64_t attempt, const base::Resource& resource);   // the newest value of a name counts
  void add_second_look(int64_t attempt, const base::SecondLook& look);  // one that is there is left as it is
  void add_status(int64_t attempt, const AttemptStatus& status);
  size_t add_imported(const std::vector<ImportedRow>& rows);  // one transaction; how many of them are new
  void add_annotation(int64_t run, const std::string& author, const std::string& commit, const std::string& text);
  // Moves what is committed from FILE-wal into FILE: a plain copy of FILE then has it. Not while somebody reads older pages; then the next
  // call does. A failure loses nothing and is not told.
  void fold_log();
  // A copy of the file as it is now, under a name where it is there whole or not at all, on disk, and with no log beside it.
  void publish(const std::filesystem::path& to) const;
  void mark_lost_attempts();  // attempts still "running" whose writer is gone: we hold the lock, so all of them

  // Reading.
  const std::filesystem::path& file() const;
  std::string note() const;  // of a writer: one sentence when the file lies where it is not kept in WAL mode; else ""
  void check() const;        // PRAGMA integrity_check, however large the file is
  // The finished attempt of a run: same plugin and runner, or any build. nullopt: must be run.
  std::optional<int64_t> finished(const std::string& run_key, const std::string& plugin_hash, const std::string& runner_hash,
                                  bool any_build) const;
  // The newest attempt of a run with this plugin and runner that did not end well and is not running.
  std::optional<int64_t> interrupted(const std::string& run_key, const std::string& plugin_hash, const std::string& runner_hash) const;
  std::vector<RunState> states() const;                            // of all runs, in the order in which they were first planned
  std::set<int64_t> runs_of(const std::string& experiment) const;  // run ids
  // In that order too. Specs are most of a file, so lists of many runs go without them. `of`: only these, as states() gives them.
  std::vector<RunRow> light_runs() const;
  std::vector<RunRow> light_runs(const std::vector<RunState>& of) const;
  std::vector<RunRow> runs() const;  // with specs
  base::Json spec(int64_t run_id) const;
  // Many attempts in one consistent look. `metrics`: names of the metrics that are wanted, with NAME/... below them. `visit` gets the
  // position in `attempts`; it may see a position again when somebody wrote meanwhile, and the last time counts.
  void results(const std::vector<int64_t>& attempts, const std::vector<std::string>& metrics,
               const std::function<void(size_t, AttemptResults)>& visit) const;
  std::vector<RunRow> attempts() const;  // every attempt with its run, by start: repetitions, and one run on several commits
  std::string attempt_uuid(int64_t attempt) const;
  // Of the newest attempt, when it lies more than a minute ahead of the clock; else "".
  std::string start_in_future() const;
  std::vector<EvalRow> evals(int64_t attempt) const;                 // by (after_task, group)
  std::vector<std::vector<int64_t>> classes(int64_t attempt) const;  // original class ids of each task that was committed
  // Original class ids in index order, -1 = not evaluated; checked against their length and checksum.
  std::vector<int64_t> prediction(int64_t attempt, int64_t after_task) const;
  // After each task, one for each image of the split; empty where predictions or labels are missing.
  std::vector<std::vector<Outcome>> outcomes(int64_t attempt) const;
  std::vector<std::string> prediction_hashes(int64_t attempt) const;  // SHA-256 of what was predicted after each task; "" of no images
  std::set<int64_t> attempts_with_predictions() const;                // and with the labels to judge them by
  base::Targets targets(int64_t attempt) const;
  std::map<int64_t, std::string> logit_hashes(int64_t attempt) const;  // by task
  std::vector<base::Metric> metrics(int64_t attempt) const;            // by name, task, step; NaN when not finite
  std::vector<base::Span> spans(int64_t attempt) const;
  std::map<std::string, double> resources(int64_t attempt) const;
  std::vector<ImportedRow> imported() const;    // by citation, dataset, protocol, method, setting
  std::vector<Annotation> annotations() const;  // by time
  // Mean wall time of finished runs with the same method, precision and comparability key (dataset, protocol, weights).
  std::optional<double> expected_seconds(const base::RunSpec& spec) const;
  // Of those on machines of this class, else of others; of these with the same parameters, else with others. nullopt: there are none.
  std::optional<Cost> cost(const base::RunSpec& spec, const Machine& machine) const;

 private:
  struct Impl;
  explicit Store(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace clb::store
