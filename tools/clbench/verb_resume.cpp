// clbench resume: the runs of a database that are not finished, each after its newest checkpoint.
#include <fmt/format.h>

#include <clb/base/error.hpp>
#include <clb/launch/plugins.hpp>
#include <clb/launch/stop.hpp>
#include <filesystem>

#include "database.hpp"
#include "execute.hpp"
#include "installation.hpp"
#include "progress_line.hpp"
#include "say.hpp"
#include "stored_run.hpp"

namespace clb::cli {

namespace fs = std::filesystem;

namespace {

constexpr VerbText kResume{"resume", "", "go on with the unfinished runs of a database, each after its newest checkpoint",
                           "clbench resume --db results.sqlite"};

}  // namespace

int verb_resume(const Arguments& arguments) {
  Options options(kResume);
  add_execution(options);
  if (!options.parse(arguments, 0, 0)) return 0;
  const launch::HeldSignals held;
  const launch::ScheduleOptions schedule = schedule_options(options);
  const fs::path database = options.text("db");
  if (!fs::exists(database)) throw base::Error(fmt::format("{}: there is no such database; --db names another", database.string()));
  auto store = open_for_writing(database);
  store.mark_lost_attempts();

  const auto plugins = installed_plugins(options);
  std::vector<base::RunSpec> unfinished;
  for (const store::RunRow& row : store.light_runs())
    if (row.status.status != "ok") unfinished.push_back(stored_spec(store, row, plugins, database));
  if (unfinished.empty()) {
    say(stderr, "all runs of {} are finished\n", database.string());
    return 0;
  }
  launch::Describer describer(schedule.runner, cache_folder(options), reading_progress());
  const Selection selection = select(unfinished, {}, &store, runs_folder(database), describer);
  fmt::print(stderr, "{} runs to go on with, {} of them after a checkpoint\n", selection.pending.size(), selection.resumed.size());
  return execute(selection, schedule, options, store, describer);
}

}  // namespace clb::cli
