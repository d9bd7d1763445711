#include "execute.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <clb/base/error.hpp>
#include <clb/base/output.hpp>
#include <clb/launch/devices.hpp>
#include <clb/launch/human.hpp>
#include <clb/launch/memory.hpp>
#include <clb/report/table.hpp>
#include <clb/stream/shape.hpp>
#include <cstdio>
#include <cstring>

#include "columns.hpp"
#include "installation.hpp"
#include "labels.hpp"
#include "reference.hpp"
#include "say.hpp"

namespace clb::cli {

namespace fs = std::filesystem;
using base::Json;

namespace {

constexpr double kMemoryShare = 0.8;  // of what is available, for all runs together

// What a stopped call is taken up with.
std::string resume_command(const Options& options) {
  return "clbench resume" + options.given({"db", "plugin-path", "cache", "jobs", "devices", "max-memory", "max-time", "max-silence"}) +
         (options.flag("no-second-look") ? " --no-second-look" : "");
}

// Says how to go on. `failures`: the exit code that those runs ask for that did not end well.
base::Exit stopped(launch::Ended ended, const std::string& go_on, base::Exit failures) {
  const bool later = ended == launch::Ended::kPutOff;
  say(stderr, "stopped{}; go on with: {}\n", later ? " until later (exit code 75)" : "", go_on);
  if (later) return base::Exit::kGoOnLater;
  return failures == base::Exit::kOk ? base::Exit::kFailedRun : failures;
}

// What clb-runner counts, in the numbering of --devices.
int64_t cards(launch::Describer& describer) {
  const Json devices = describer.version().at("devices");
  return std::ranges::count_if(devices, [](const Json& device) { return device != "cpu"; });
}

// With several runs at once on a machine with several cards each run gets one, also when nobody said which.
std::vector<std::string> devices_for(const std::vector<base::RunSpec>& runs, const launch::ScheduleOptions& schedule,
                                     launch::Describer& describer) {
  const auto wants_card = [](const base::RunSpec& run) { return run.device == "auto" || run.device == "cuda"; };
  if (runs.empty()) return {};
  if (!schedule.devices.empty()) {
    for (const base::RunSpec& run : runs) launch::check_assignable(schedule.devices, run.device);
    const bool none = schedule.devices == std::vector<std::string>{"cpu"};
    launch::check_cards(schedule.devices, none ? 0 : cards(describer));
    return schedule.devices;
  }
  if (schedule.jobs < 2 || !fs::exists("/dev/nvidiactl") || std::ranges::none_of(runs, wants_card)) return {};
  std::vector<std::string> all;
  for (int64_t card = 0, n = cards(describer); card < n; ++card) all.push_back(fmt::format("cuda:{}", card));
  return all;
}

Json summary(const Selection& selection, const std::vector<RunRecord>& records, const store::Store& store, const fs::path& database,
             bool stopped) {
  Json runs = Json::array();
  for (size_t i = 0, next = 0; i < selection.runs.size(); ++i) {
    const base::RunSpec& spec = selection.runs[i];
    Json run{{"key", spec.key()},           {"method", spec.method.id}, {"preset", spec.method.preset},
             {"dataset", spec.dataset.id},  {"seed", spec.seed},        {"order_seed", spec.protocol.order_seed},
             {"params", spec.method.params}};
    if (next < selection.pending.size() && selection.pending[next] == i) {
      const RunRecord& record = records[next++];
      run["status"] = record.attempt ? record.outcome.status : "not started";
      run["reason"] = record.outcome.reason;
      run["second_look"] = record.look ? Json{{"outcome", record.look->outcome}, {"reason", record.look->reason}} : Json();
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

void print_table(const Selection& selection, const store::Store& store, const Options& options) {
  report::TableOptions table;
  table.color = isatty(STDOUT_FILENO) == 1;
  table.claims = claims_of_the_literature();
  tell_of_weights(table, options);
  for (const base::RunSpec& spec : selection.runs) table.run_keys.push_back(spec.key());
  fmt::print("{}\n", report::render_table(store, table));
}

}  // namespace

void add_run_limits(Options& options) {
  options.add()("max-memory", po::value<std::string>()->value_name("SIZE"),
                "resident memory of one run, for example 3GB; default 80 % of what is available, divided by --jobs");
  options.add()("max-time", po::value<std::string>()->value_name("TIME"), "wall time of one run, for example 2h; default no limit");
  options.add()("max-silence", po::value<std::string>()->value_name("TIME"),
                "time without any sign of life of a run; default 30m, 0 no limit");
  options.add()("no-second-look",
                "do not predict test samples again from the saved state in a fresh process; tables then say that nobody looked");
}

void add_limits(Options& options, const char* database) {
  add_run_limits(options);
  options.add_database(database);
  options.add_installation();
  options.add_cache();
  options.add_json();
}

void add_at_once(Options& options) {
  options.add()("jobs", po::value<std::string>()->value_name("N"), "runs at once; default 1, with --devices one on each");
  options.add()("devices", po::value<std::string>()->value_name("LIST"),
                "cards for the runs, for example cuda:0,cuda:1: each run that is on has one of its own; default all, shared out when there "
                "are fewer than --jobs");
}

void add_execution(Options& options, const char* database) {
  add_at_once(options);
  add_limits(options, database);
}

launch::ScheduleOptions schedule_options(const Options& options) {
  launch::ScheduleOptions schedule;
  schedule.runner = launch::find_runner();
  if (options.flag("devices")) schedule.devices = launch::parse_devices(options.text("devices"));
  const int64_t each = std::max<int64_t>(1, static_cast<int64_t>(schedule.devices.size()));
  schedule.jobs = static_cast<size_t>(options.number("jobs", 1).value_or(each));
  if (!schedule.devices.empty() && schedule.jobs > schedule.devices.size())
    throw base::Error(
        fmt::format("--jobs {} and --devices {}: each run needs a device of its own; name as many devices, or start fewer at "
                    "once",
                    schedule.jobs, options.text("devices")));
  schedule.limits.memory_bytes =
      options.flag("max-memory")
          ? launch::parse_bytes(options.text("max-memory"))
          : static_cast<uint64_t>(kMemoryShare * static_cast<double>(launch::available_memory()) / static_cast<double>(schedule.jobs));
  schedule.second_look = !options.flag("no-second-look");
  if (options.flag("max-time")) schedule.limits.wall_s = launch::parse_seconds(options.text("max-time"));
  if (options.flag("max-silence")) schedule.limits.silence_s = launch::parse_seconds(options.text("max-silence"));
  return schedule;
}

fs::path runs_folder(const fs::path& database) { return fs::absolute(base::followed(database)).string() + ".runs"; }

void check_place(const fs::path& database) {
  const fs::path folder = fs::absolute(database).parent_path();
  std::error_code error;
  if (!fs::is_directory(folder, error))
    throw base::Error(fmt::format("{}: there is no folder {}; make it, or give --db another file", database.string(), folder.string()));
  if (const fs::path runs = runs_folder(database); fs::exists(runs, error) && !fs::is_directory(runs, error))
    throw base::Error(
        fmt::format("{}: what runs leave goes into the folder {}, but that is a file; move it away, or give --db another file",
                    database.string(), runs.string()));
  for (const fs::path& place : {folder, database, runs_folder(database)})
    if (fs::exists(place, error) && access(place.c_str(), W_OK) != 0)
      throw base::Error(fmt::format("{}: results cannot be written there ({}: {}); give --db another file", database.string(),
                                    place.string(), strerror(errno)));
}

void print_pending(const Selection& selection, const Shard& shard, const store::Store* store, const launch::ScheduleOptions& schedule) {
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
                 fmt::format("{} {}", spec.protocol.order, spec.protocol.order_seed),
                 std::to_string(stream::StreamShape(spec).tasks_to_run()), std::to_string(spec.threads),
                 expected < 0 ? "unknown" : launch::human_seconds(expected)});
  }
  if (!columns.empty()) fmt::print("{}", columns.text());
  const std::string time =
      unknown == selection.pending.size() ? "unknown" : launch::human_seconds(total / static_cast<double>(schedule.jobs));
  const std::string part = shard.count > 1 ? fmt::format("part {} of {}: ", shard.index, shard.count) : "";
  fmt::print("{}{} runs to start, expected time {}{}\n", part, selection.pending.size(), time,
             unknown && unknown < selection.pending.size() ? fmt::format(" and that of {} unknown ones", unknown) : "");
}

Executed carry_out(const Selection& selection, const launch::ScheduleOptions& schedule, const Execution& how, store::Store& store,
                   launch::Describer& describer) {
  Executed done;
  std::vector<base::RunSpec> runs;
  std::vector<int64_t> resumed;
  const std::vector<std::string> all_labels = run_labels(selection.runs);
  for (const size_t index : selection.pending) {
    runs.push_back(selection.runs[index]);
    done.labels.push_back(all_labels[index]);
    resumed.push_back(selection.resumed.contains(index) ? selection.resumed.at(index) : 0);
  }
  launch::ScheduleOptions assigned = schedule;
  assigned.devices = devices_for(runs, schedule, describer);
  for (const base::RunSpec& run : runs) store.add_run(run);  // `status` shows what is still to come
  store.fold_log();
  Recorder recorder(store, describer, runs, {done.labels, resumed, how.runs_folder, how.cache, how.command, how.go_on, how.committed});
  done.ended = launch::run_all(runs, assigned, recorder);
  done.stopped_by = recorder.stopped_by();
  done.records = recorder.records();
  return done;
}

base::Exit print_failures(const Executed& done) {
  size_t failures = 0, of_user = 0, spared = 0;
  for (size_t i = 0; i < done.labels.size(); ++i) {
    const RunRecord& record = done.records[i];
    if (record.outcome.status == "not started") ++spared;
    if (!record.attempt || record.outcome.status == "ok") continue;
    of_user += record.outcome.of_user;
    if (failures++ == 0) fmt::print(stderr, "these runs did not end well:\n");
    say(stderr, "  {}: {}: {}\n    log: {}\n", done.labels[i], record.outcome.status, record.outcome.reason,
        (record.folder / "log.txt").string());
  }
  if (spared)
    fmt::print(stderr, "{} more that differ from these in seed and order alone were not started: they would fail likewise\n", spared);
  if (failures == 0) return base::Exit::kOk;
  return failures == of_user ? base::Exit::kUserMistake : base::Exit::kFailedRun;
}

int execute(const Selection& selection, const launch::ScheduleOptions& schedule, const Options& options, store::Store& store,
            launch::Describer& describer, bool show) {
  const fs::path database = options.text("db");
  const auto cache = cache_folder(options);
  const std::string go_on = resume_command(options);
  const Executed done =
      carry_out(selection, schedule, {runs_folder(database), cache ? cache->string() : "", options.command(), go_on, {}}, store, describer);
  if (show && options.flag("json")) {
    fmt::print("{}\n", base::pretty(summary(selection, done.records, store, database, done.ended != launch::Ended::kAll)));
  } else if (show) {
    print_table(selection, store, options);
    say("results: {}\n", database.string());
  }
  std::fflush(stdout);
  const base::Exit exit = print_failures(done);
  return static_cast<int>(done.ended == launch::Ended::kAll ? exit : stopped(done.ended, go_on, exit));
}

}  // namespace clb::cli
