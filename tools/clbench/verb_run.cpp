// clbench run: all runs of an experiment that are not finished yet.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <clb/base/error.hpp>
#include <clb/launch/describe.hpp>
#include <clb/launch/human.hpp>
#include <clb/launch/memory.hpp>
#include <clb/launch/schedule.hpp>
#include <clb/report/table.hpp>
#include <cstdio>
#include <filesystem>

#include "catalogue.hpp"
#include "columns.hpp"
#include "experiment.hpp"
#include "installation.hpp"
#include "labels.hpp"
#include "machine.hpp"
#include "options.hpp"
#include "recorder.hpp"
#include "selection.hpp"

namespace clb::cli {

namespace fs = std::filesystem;
using base::Error;
using base::Json;

namespace {

constexpr VerbText kText{"run", "EXPERIMENT.toml|METHOD/PRESET", "run an experiment: all runs of its matrix that are not finished yet",
                         "clbench run small.toml --set run.seed=[0,1,2] --jobs 2"};
constexpr double kMemoryShare = 0.8;  // of what is available, for all runs together

Options run_options() {
  Options options(kText);
  options.add_overrides();
  options.add()("dry-run",
                "list the runs with their expected time and start nothing; with --json print, one per line, what clb-runner takes");
  options.add()("jobs", po::value<std::string>()->value_name("N"), "runs at once; default 1");
  options.add()("again", "repeat finished runs");
  options.add()("any-build", "accept runs that an older build of the plugin or the runner finished");
  options.add()("shard", po::value<std::string>()->value_name("K/N"), "only every N-th run, beginning with the K-th");
  options.add()("max-memory", po::value<std::string>()->value_name("SIZE"),
                "resident memory of one run, for example 3GB; default 80 % of what is available, divided by --jobs");
  options.add()("max-time", po::value<std::string>()->value_name("TIME"), "wall time of one run, for example 2h; default no limit");
  options.add()("max-silence", po::value<std::string>()->value_name("TIME"),
                "time without any sign of life of a run; default 30m, 0 no limit");
  options.add_database();
  options.add_installation();
  options.add_cache();
  options.add_json();
  return options;
}

launch::ScheduleOptions schedule_options(const Options& options) {
  launch::ScheduleOptions schedule;
  schedule.runner = launch::find_runner();
  schedule.jobs = static_cast<size_t>(options.number("jobs", 1).value_or(1));
  schedule.limits.memory_bytes =
      options.flag("max-memory")
          ? launch::parse_bytes(options.text("max-memory"))
          : static_cast<uint64_t>(kMemoryShare * static_cast<double>(launch::available_memory()) / static_cast<double>(schedule.jobs));
  if (options.flag("max-time")) schedule.limits.wall_s = launch::parse_seconds(options.text("max-time"));
  if (options.flag("max-silence")) schedule.limits.silence_s = launch::parse_seconds(options.text("max-silence"));
  return schedule;
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

// An absolute path, so that what --dry-run prints works in every folder.
fs::path runs_folder(const fs::path& database) { return fs::absolute(database).string() + ".runs"; }

void print_specs(const Selection& selection, const fs::path& database, const std::string& cache) {
  for (const size_t index : selection.pending) {
    base::RunSpec spec = selection.runs[index];
    spec.execution.cache_dir = cache;
    spec.execution.run_dir = (runs_folder(database) / ("by-hand-" + spec.key().substr(0, 16))).string();
    fmt::print("{}\n", base::canonical(spec.to_json()));
  }
}

void print_dry_run(const Selection& selection, const store::Store* store, const launch::ScheduleOptions& schedule) {
  Columns columns({"run", "what", "dataset", "split", "order", "tasks", "threads", "expected"});
  const std::vector<std::string> labels = run_labels(selection.runs);
  double total = 0;
  size_t unknown = 0;
  for (const size_t index : selection.pending) {
    const base::RunSpec& spec = selection.runs[index];
    const double expected = store ? store->expected_seconds(spec).value_or(-1) : -1;
    total += std::max(expected, 0.0);
    unknown += expected < 0;
    columns.add({spec.key().substr(0, 12), labels[index], spec.dataset.id, spec.protocol.split,
                 fmt::format("{} {}", spec.protocol.order, spec.protocol.order_seed), std::to_string(tasks_to_run(spec.protocol)),
                 std::to_string(spec.threads), expected < 0 ? "unknown" : launch::human_seconds(expected)});
  }
  if (!columns.empty()) fmt::print("{}", columns.text());
  const std::string time =
      unknown == selection.pending.size() ? "unknown" : launch::human_seconds(total / static_cast<double>(schedule.jobs));
  fmt::print("{} runs to start, expected time {}{}\n", selection.pending.size(), time,
             unknown && unknown < selection.pending.size() ? fmt::format(" and that of {} unknown ones", unknown) : "");
}

Json summary(const Selection& selection, const Recorder& recorder, const store::Store& store, const fs::path& database, bool stopped) {
  Json runs = Json::array();
  for (size_t i = 0, next = 0; i < selection.runs.size(); ++i) {
    const base::RunSpec& spec = selection.runs[i];
    Json run{{"key", spec.key()},           {"method", spec.method.id}, {"preset", spec.method.preset},
             {"dataset", spec.dataset.id},  {"seed", spec.seed},        {"order_seed", spec.protocol.order_seed},
             {"params", spec.method.params}};
    if (next < selection.pending.size() && selection.pending[next] == i) {
      const RunRecord& record = recorder.records()[next++];
      run["status"] = record.attempt ? record.outcome.status : "not started";
      run["reason"] = record.outcome.reason;
      if (record.attempt)
        run.update({{"attempt", store.attempt_uuid(record.attempt)}, {"folder", record.folder}, {"wall_s", record.outcome.wall_s}});
    } else {
      run["status"] = "skipped";
      run["reason"] = "finished before";
    }
    runs.push_back(std::move(run));
  }
  return {{"database", fs::absolute(database)}, {"stopped", stopped}, {"runs", runs}};
}

void print_table(const Selection& selection, const store::Store& store) {
  report::TableOptions table;
  table.color = isatty(STDOUT_FILENO) == 1;
  for (const base::RunSpec& spec : selection.runs) table.run_keys.push_back(spec.key());
  fmt::print("{}\n", report::render_table(store, table));
}

// Returns how many did not end well.
size_t print_failures(const std::vector<std::string>& labels, const Recorder& recorder) {
  size_t failures = 0;
  for (size_t i = 0; i < labels.size(); ++i) {
    const RunRecord& record = recorder.records()[i];
    if (!record.attempt || record.outcome.status == "ok") continue;
    if (failures++ == 0) fmt::print(stderr, "these runs did not end well:\n");
    fmt::print(stderr, "  {}: {}: {}\n    log: {}\n", labels[i], record.outcome.status, record.outcome.reason,
               (record.folder / "log.txt").string());
  }
  return failures;
}

int execute(const Selection& selection, const launch::ScheduleOptions& schedule, const Options& options, const fs::path& database,
            store::Store& store, launch::Describer& describer, const std::string& cache) {
  std::vector<base::RunSpec> runs;
  std::vector<std::string> labels;
  const std::vector<std::string> all_labels = run_labels(selection.runs);
  for (const size_t index : selection.pending) {
    runs.push_back(selection.runs[index]);
    labels.push_back(all_labels[index]);
  }
  for (const base::RunSpec& run : runs) store.add_run(run);  // `status` shows what is still to come
  const std::string retry = options.command("--again");
  Recorder recorder(store, describer, runs, {labels, runs_folder(database), cache, options.command(), retry});
  const bool all = launch::run_all(runs, schedule, recorder);

  if (options.flag("json")) {
    fmt::print("{}\n", summary(selection, recorder, store, database, !all).dump(2));
  } else {
    print_table(selection, store);
    fmt::print("results: {}\n", database.string());
  }
  std::fflush(stdout);
  const size_t failures = print_failures(labels, recorder);
  if (!all) fmt::print(stderr, "stopped; go on with: {} (finished runs are skipped)\n", retry);
  return failures || !all ? static_cast<int>(base::Exit::kFailedRun) : 0;
}

}  // namespace

int verb_run(const Arguments& arguments) {
  Options options = run_options();
  if (!options.parse(arguments, 1, 1)) return 0;
  const launch::ScheduleOptions schedule = schedule_options(options);
  const SelectOptions wanted{parse_shard(options.text("shard")), options.flag("again"), options.flag("any-build")};
  const fs::path database = options.text("db");

  const auto plugins = installed_plugins(options);
  const auto cache = cache_folder(options);
  launch::Describer describer(schedule.runner, cache);
  InstalledCatalogue catalogue(plugins, describer);
  const plan::Plan plan = plan_experiment(options.words()[0], options, catalogue);

  const bool dry = options.flag("dry-run");
  std::optional<store::Store> store;
  if (!dry || fs::exists(database))
    store.emplace(store::Store::open(database, dry ? store::Store::Mode::kRead : store::Store::Mode::kWrite));
  if (!dry) store->mark_lost_attempts();
  const Selection selection = select(plan.runs, wanted, store ? &*store : nullptr, describer);
  if (!(dry && options.flag("json"))) say_what_is_skipped(selection);
  if (dry && options.flag("json")) return print_specs(selection, database, cache ? cache->string() : ""), 0;
  if (dry) return print_dry_run(selection, store ? &*store : nullptr, schedule), 0;
  if (!selection.runs.empty() && static_cast<int64_t>(schedule.jobs) * selection.runs[0].threads > usable_cores() && schedule.jobs > 1) {
    fmt::print(stderr, "clbench: warning: {} runs at once with {} threads each on {} cores; set run.threads\n", schedule.jobs,
               selection.runs[0].threads, usable_cores());
  }
  return execute(selection, schedule, options, database, *store, describer, cache ? cache->string() : "");
}

}  // namespace clb::cli
