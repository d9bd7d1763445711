// The database of results: SQLite in WAL mode, append-only (no row is ever updated or deleted), one writer per file.
//
// run      = content key of what is to be computed (RunSpec::key)
// attempt  = one try at a run (UUID) with build, plugin hash, runner hash, machine; its status is the newest appended attempt_event
// A task is committed as one transaction when its TaskDone arrives, so a kill loses no finished task. Adding a row that is there is no
// error.
#pragma once

#include <clb/base/event.hpp>
#include <clb/base/run_spec.hpp>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
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
};

// Status of an attempt: "running", then one of "ok", "failed", "crashed", "killed", "timeout", "cancelled", "lost" (its launcher died).
struct AttemptStatus {
  std::string status, reason, log_tail, at;
};

struct RunRow {  // one run with its newest attempt; for status, table, list
  int64_t run_id = 0, attempt_id = 0;
  std::string key, experiment, uuid;
  base::Json spec;  // RunSpec::to_json without execution
  AttemptStatus status;
  int64_t tasks_done = 0, tasks_planned = 0;
  std::string plugin_hash, runner_hash;
  double wall_s = 0;  // of the attempt so far
};

struct EvalRow {
  int64_t after_task = 0;
  base::EvalCount count;
};

class Store {
 public:
  enum class Mode { kRead, kWrite };
  // kWrite creates the file, migrates it (a copy of the old one is kept beside it as FILE.v<old>) and takes the writer's lock; a second
  // writer is refused with the owner's pid. A file that is no database, or that PRAGMA integrity_check finds damaged, is an Error that
  // names it.
  static Store open(const std::filesystem::path& file, Mode mode);
  ~Store();
  Store(Store&&) noexcept;
  Store& operator=(Store&&) noexcept;

  // Writing. Each call is one transaction.
  int64_t begin_attempt(const base::RunSpec& spec, const AttemptStart& start);  // adds run, config, protocol, ... when new
  void add_hello(int64_t attempt, const base::Hello& hello);                    // what really ran: device, dtype, threads
  void add_targets(int64_t attempt, const base::Targets& targets);              // labels of the dataset's split, stored once
  void add_task(int64_t attempt, const base::TaskDone& task);
  void add_spans(int64_t attempt, const std::vector<base::Span>& spans);
  void add_metrics(int64_t attempt, const std::vector<base::Metric>& metrics);
  void add_resource(int64_t attempt, const base::Resource& resource);
  void add_status(int64_t attempt, const AttemptStatus& status);
  void mark_lost_attempts();  // attempts still "running" whose writer is gone: we hold the lock, so all of them

  // Reading.
  // The finished attempt of a run: same plugin and runner, or any build. nullopt: must be run.
  std::optional<int64_t> finished(const std::string& run_key, const std::string& plugin_hash, const std::string& runner_hash,
                                  bool any_build) const;
  std::vector<RunRow> runs() const;                   // newest attempt of each run, preferring one that ended ok
  std::vector<EvalRow> evals(int64_t attempt) const;  // by (after_task, group)
  std::vector<int64_t> prediction(int64_t attempt, int64_t after_task) const;
  std::vector<base::Span> spans(int64_t attempt) const;
  std::map<std::string, double> resources(int64_t attempt) const;
  std::optional<double> expected_seconds(
      const base::RunSpec& spec) const;  // mean wall time of finished runs of the same method, dataset, weights, protocol split

 private:
  struct Impl;
  explicit Store(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace clb::store
