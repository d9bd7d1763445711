// Runs a list of runs, some at once, and says what happens. The launcher's main loop.
#pragma once

#include <clb/base/run_spec.hpp>
#include <clb/base/second_look.hpp>
#include <clb/launch/outcome.hpp>
#include <clb/launch/spawn.hpp>
#include <clb/launch/watch.hpp>
#include <cstddef>
#include <memory>
#include <vector>

namespace clb::launch {

// Called on the thread of run_all. An exception from here kills all runners and comes out of run_all.
class Observer {
 public:
  virtual ~Observer() = default;
  virtual bool starting(size_t run, base::RunSpec& spec) = 0;  // sets spec.execution.run_dir; true: go on after its checkpoint
  virtual void event(size_t run, const base::Event& event) = 0;
  virtual void looked(size_t run, const base::SecondLook& look) = 0;  // before `finished` of a run that ended ok
  virtual void finished(size_t run, const Outcome& outcome) = 0;      // after outcome.bad_checkpoint starting() comes once more
  // Not started: a run that differs in seed and order alone failed before its first task (Outcome::of_setting), and so would this one.
  virtual void spared(size_t, const Outcome&) {}
  virtual void stopping(int signal) = 0;  // the first request to stop arrived
  virtual void tick() = 0;                // a few times a second
};

class ForkServers;  // processes that have loaded LibTorch and fork for each run

// Begins to load one, for runs that a plan is still being made of (ScheduleOptions::servers).
std::shared_ptr<ForkServers> load_ahead(const RunnerPlace& runner);

struct ScheduleOptions {
  RunnerPlace runner;
  size_t jobs = 1;                         // runs at once
  std::vector<std::string> devices{};      // each run gets the one with the fewest runs (devices.hpp); none: each takes what it finds
  Limits limits;                           // of each run
  std::shared_ptr<ForkServers> servers{};  // what was loaded ahead; none: run_all's own
  bool second_look = true;                 // at the saved state of each run that ended ok, in a fresh process
};

enum class Ended {
  kAll,      // all runs began and ended
  kStopped,  // not all, because a person stopped it
  kPutOff,   // not all, because a batch system stopped it or one of its runners: what is left goes on later
};

// Starts the runs in order. In each run folder: run.json (what clb-runner was given), log.txt (its stdout and stderr) and look.txt (those
// of the process that takes the second look).
//
// A request to stop (stop.hpp) asks all runners to stop at their next safe point, where the task in work is given up and the checkpoint
// after the task before it stays, and starts nothing new. A person's second request kills them. A batch system's never does: what has not
// stopped after Limits::put_off_s is killed, and a run that has ended and whose second look is not over ends as cancelled if its checkpoint
// stays, so that the look is taken when it goes on.
Ended run_all(const std::vector<base::RunSpec>& runs, const ScheduleOptions& options, Observer& observer);

}  // namespace clb::launch
