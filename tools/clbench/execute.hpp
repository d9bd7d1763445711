// Carrying out a selection of runs: the options of it, the limits, the records, what is said at the end.
#pragma once

#include <clb/launch/describe.hpp>
#include <clb/launch/schedule.hpp>
#include <clb/store/store.hpp>
#include <filesystem>

#include "options.hpp"
#include "selection.hpp"

namespace clb::cli {

void add_limits(Options& options, const char* database = kDatabase);     // of one run; --db, --plugin-path, --cache, --json
void add_execution(Options& options, const char* database = kDatabase);  // these and --jobs
launch::ScheduleOptions schedule_options(const Options& options);

// <db>.runs, absolute, so that what --dry-run prints works in every folder; beside the file that a link leads to.
std::filesystem::path runs_folder(const std::filesystem::path& database);

// Error when results cannot be written there. Asked before data are described, which may take long.
void check_place(const std::filesystem::path& database);

// Starts what is pending, records it, prints the table (or a summary as JSON; show = false: neither) and the runs that did not end well.
// Returns the exit code.
int execute(const Selection& selection, const launch::ScheduleOptions& schedule, const Options& options, store::Store& store,
            launch::Describer& describer, bool show = true);

// The pending runs with their expected time.
void print_pending(const Selection& selection, const Shard& shard, const store::Store* store, const launch::ScheduleOptions& schedule);

}  // namespace clb::cli
