// A checkpoint: everything a run needs to go on after a task, in one file of its folder. Written after the evaluation and before the task
// is reported, so that whatever the launcher has committed is also here; it repeats all results so far, and the store ignores those it has.
#pragma once

#include <clb/base/envelope.hpp>
#include <clb/base/error.hpp>
#include <clb/session/method_handle.hpp>
#include <clb/session/session.hpp>
#include <optional>
#include <string>
#include <vector>

namespace clb::session {

struct CheckpointError : base::Error {
  using Error::Error;
};

// Whose state it is: a checkpoint is taken up only by the same run, plugin and runner.
struct CheckpointOwner {
  std::string run_key, plugin_hash, runner_hash;
};

// Where the state after the last task of a run is: the file it evaluates, its checkpoint, or what is kept for the second look alone.
base::fs::path saved_state(const base::RunSpec& spec);

class Checkpoints {
 public:
  Checkpoints(const base::RunSpec& spec, CheckpointOwner owner);

  // nullopt: there is none. CheckpointError: it cannot be read, is damaged, or is of another run, plugin or runner; nothing of this session
  // may be used any more.
  struct Found {
    int64_t task = -1;
    std::vector<std::string> results;  // TaskDone events as lines
  };
  std::optional<Found> resume(Session& session, MethodHandle& method);

  // Keeps the results of the task for this checkpoint and the later ones, and writes when the run's setting asks for it after this task.
  // Returns them as a line, with what is known of the state: it is saved once, and measured on the way.
  std::string task_done(Session& session, MethodHandle& method, base::TaskDone done);

  // Of the state that was saved or taken up last: its size, and with what the method recorded meanwhile the results of the task, as an
  // event.
  int64_t state_bytes() const { return state_bytes_; }
  std::string with_state(base::TaskDone done) const;

 private:
  Found take_up(Session& session, MethodHandle& method);
  // Both give the size of the state.
  int64_t write(const Session& session, MethodHandle& method, const base::fs::path& file) const;
  std::optional<int64_t> keep_for_second_look(Session& session, MethodHandle& method) const;  // nothing: it is not kept

  base::fs::path file_;  // empty: this run has no folder, or wants no checkpoints
  bool only_last_;
  CheckpointOwner owner_;
  std::vector<std::string> results_;
  int64_t state_bytes_ = 0;
  std::vector<base::Metric> state_metrics_;
};

}  // namespace clb::session
