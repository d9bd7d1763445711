// Carrying out a selection of runs: the options of it, the limits, the records, what is said at the end.
#pragma once

#include <clb/base/error.hpp>
#include <clb/launch/describe.hpp>
#include <clb/launch/schedule.hpp>
#include <clb/store/store.hpp>
#include <filesystem>
#include <functional>

#include "options.hpp"
#include "recorder.hpp"
#include "selection.hpp"

namespace clb::cli {

void add_run_limits(Options& options);                                   // --max-memory, --max-time, --max-silence, --no-second-look
void add_at_once(Options& options);                                      // --jobs, --devices
void add_limits(Options& options, const char* database = kDatabase);     // of one run; --db, --plugin-path, --cache, --json
void add_execution(Options& options, const char* database = kDatabase);  // these and --jobs
launch::ScheduleOptions schedule_options(const Options& options);

// <db>.runs, absolute, so that what --dry-run prints works in every folder; beside the file that a link leads to.
std::filesystem::path runs_folder(const std::filesystem::path& database);

// Error when results cannot be written there. Asked before data are described, which may take long.
void check_place(const std::filesystem::path& database);

// How runs are carried out that a caller judges itself.
struct Execution {
  std::filesystem::path runs_folder;
  std::string cache;                // "": off
  std::string command;              // how clbench was called
  std::string go_on;                // the command that goes on after a stop
  std::function<void()> committed;  // called whenever a run began, a task was stored, or a run ended; may be empty
};
struct Executed {
  launch::Ended ended = launch::Ended::kAll;
  int stopped_by = 0;               // the first signal that asked to stop; 0: none
  std::vector<std::string> labels;  // of the pending runs
  std::vector<RunRecord> records;   // likewise
};
Executed carry_out(const Selection& selection, const launch::ScheduleOptions& schedule, const Execution& how, store::Store& store,
                   launch::Describer& describer);

// Those that did not end well. Returns the exit code: a failed run, unless all that failed did so over what they were asked to do.
base::Exit print_failures(const Executed& done);

// Starts what is pending, records it, prints the table (or a summary as JSON; show = false: neither) and the runs that did not end well.
// Returns the exit code.
int execute(const Selection& selection, const launch::ScheduleOptions& schedule, const Options& options, store::Store& store,
            launch::Describer& describer, bool show = true);

// The pending runs with their expected time.
void print_pending(const Selection& selection, const Shard& shard, const store::Store* store, const launch::ScheduleOptions& schedule);

}  // namespace clb::cli
