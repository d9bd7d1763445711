// clbench run: all runs of an experiment that are not finished yet.
#include <fmt/format.h>

#include <algorithm>
#include <clb/launch/human.hpp>
#include <clb/launch/stop.hpp>
#include <cstdio>

#include "catalogue.hpp"
#include "database.hpp"
#include "execute.hpp"
#include "experiment.hpp"
#include "installation.hpp"
#include "labels.hpp"
#include "machine.hpp"
#include "progress_line.hpp"
#include "say.hpp"

namespace clb::cli {

namespace fs = std::filesystem;

namespace {

constexpr VerbText kRun{"run", "EXPERIMENT.toml|METHOD/PRESET", "run an experiment: all runs of its matrix that are not finished yet",
                        "clbench run small.toml --set run.seed=[0,1,2] --jobs 2"};

Options run_options() {
  Options options(kRun);
  options.add_overrides();
  options.add()(
      "dry-run",
      "list the runs with their expected time, and data and weights that are missing, and start nothing; with --json print, one per "
      "line, what clb-runner takes");
  options.add()("again", "repeat finished runs, and start interrupted ones over");
  options.add()("any-build", "accept runs that an older build of the plugin or the runner finished");
  options.add()("shard", po::value<std::string>()->value_name("K/N"), "only every N-th run, beginning with the K-th");
  add_execution(options);
  return options;
}

void say_what_is_skipped(const Selection& selection) {
  if (selection.finished)
    fmt::print(stderr, "{} of {} runs are finished and skipped; --again repeats them\n", selection.finished, selection.runs.size());
  if (selection.finished_by_other_builds) {
    fmt::print(stderr, "{} of {} runs were finished by another build of the plugin or the runner and are skipped (--any-build)\n",
               selection.finished_by_other_builds, selection.runs.size());
  }
  if (selection.only_other_builds) {
    fmt::print(stderr, "{} runs were finished by another build of the plugin or the runner; --any-build would accept them\n",
               selection.only_other_builds);
  }
}

void print_specs(const Selection& selection, const fs::path& database, const std::string& cache) {
  for (const size_t index : selection.pending) {
    base::RunSpec spec = selection.runs[index];
    spec.execution.cache_dir = cache;
    spec.execution.run_dir = (runs_folder(database) / ("by-hand-" + spec.key().substr(0, 16))).string();
    fmt::print("{}\n", base::canonical(spec.to_json()));
  }
}

}  // namespace

int verb_run(const Arguments& arguments) {
  Options options = run_options();
  if (!options.parse(arguments, 1, 1)) return 0;
  const launch::HeldSignals held;
  launch::ScheduleOptions schedule = schedule_options(options);
  const SelectOptions wanted{parse_shard(options.text("shard")), options.flag("again"), options.flag("any-build")};
  const fs::path database = options.text("db");

  const auto plugins = installed_plugins(options);
  const auto cache = cache_folder(options);
  launch::Describer describer(schedule.runner, cache, reading_progress());
  InstalledCatalogue catalogue(plugins, describer);
  const bool dry = options.flag("dry-run");
  if (!dry) {
    check_place(database);
    describer.when_asking([&schedule] { return schedule.servers = launch::load_ahead(schedule.runner); });
  }
  const plan::Plan plan = plan_experiment(options.words()[0], options, catalogue, {.missing_ok = dry});

  std::optional<store::Store> store;
  if (!dry || fs::exists(database))
    store.emplace(dry ? store::Store::open(database, store::Store::Mode::kRead) : open_for_writing(database));
  if (!dry) store->mark_lost_attempts();
  if (const std::string ahead = store ? store->start_in_future() : ""; !ahead.empty())
    say(stderr, "clbench: warning: the newest attempt in {} began at {}, which is yet to come; was the clock set back?\n",
        database.string(), ahead);
  const Selection selection = select(plan.runs, wanted, store ? &*store : nullptr, runs_folder(database), describer);
  for (const std::string& missing : plan.missing) say(stderr, "missing: {}\n", missing);
  if (!(dry && options.flag("json"))) say_what_is_skipped(selection);
  if (dry && options.flag("json")) {
    print_specs(selection, database, cache ? cache->string() : "");
    return 0;
  }
  if (dry) {
    print_pending(selection, wanted.shard, store ? &*store : nullptr, schedule);
    return 0;
  }
  if (!selection.runs.empty() && static_cast<int64_t>(schedule.jobs) * selection.runs[0].threads > usable_cores() && schedule.jobs > 1) {
    fmt::print(stderr, "clbench: warning: {} runs at once with {} threads each on {} cores; set run.threads\n", schedule.jobs,
               selection.runs[0].threads, usable_cores());
  }
  return execute(selection, schedule, options, *store, describer);
}

}  // namespace clb::cli
