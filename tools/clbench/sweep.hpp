// clbench sweep: its parts. Each takes what stands after its name and returns an exit code.
#pragma once

#include <clb/store/store.hpp>
#include <clb/sweep/folder.hpp>
#include <string>
#include <vector>

#include "verbs.hpp"

namespace clb::cli {

int sweep_plan(const Arguments& arguments);
int sweep_submit(const Arguments& arguments);
int sweep_status(const Arguments& arguments);
int sweep_retry(const Arguments& arguments);
int sweep_cancel(const Arguments& arguments);
int sweep_run(const Arguments& arguments);

// A run of a sweep as the parts have it.
enum class RunState { kDone, kRunning, kFailed, kMissing };
const char* name_of(RunState state);

struct RunNow {
  RunState state = RunState::kMissing;
  std::string attempt;  // UUID of the one that counts; empty: none
  std::string reason;   // why it is not done; may be empty
  int64_t tasks_done = 0, tasks_planned = 0;
  double seconds = 0;  // of its attempt so far
};

// What a slot has published, for reading. Error: it is damaged.
store::Store open_part(const sweep::Folder& folder, int64_t slot);

// Of all runs, in the order of the manifest. Nothing is written.
std::vector<RunNow> runs_now(const sweep::Folder& folder);

}  // namespace clb::cli
