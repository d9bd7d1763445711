// clbench sweep run: what a job does. With --slot the runs of a slot, each where it was left; with --features the features that runs share.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <clb/base/error.hpp>
#include <clb/base/event.hpp>
#include <clb/base/paths.hpp>
#include <clb/base/temporary.hpp>
#include <clb/launch/human.hpp>
#include <clb/launch/lines.hpp>
#include <clb/launch/stop.hpp>
#include <clb/sweep/forgiven.hpp>
#include <clb/sweep/script.hpp>
#include <clb/sweep/slot_lock.hpp>
#include <clb/sweep/slurm.hpp>
#include <csignal>
#include <cstdlib>
#include <set>
#include <sstream>

#include "database.hpp"
#include "execute.hpp"
#include "installation.hpp"
#include "machine.hpp"
#include "progress_line.hpp"
#include "say.hpp"
#include "stored_run.hpp"
#include "sweep.hpp"

namespace clb::cli {

namespace fs = std::filesystem;

namespace {

constexpr VerbText kRun{"sweep run", "DIR", "carry out one slot, without Slurm too: what a job does", "clbench sweep run sweep --slot 3"};

constexpr uintmax_t kScarce = 64 << 20;  // less free space than that: a disk is full

Options run_options() {
  Options options(kRun);
  options.add()("slot", po::value<std::string>()->value_name("K"),
                "carry out what is left of slot K; runs that failed are not repeated unless `sweep retry --failed` was called");
  options.add()("features", "compute the features that runs share into the sweep's cache");
  add_at_once(options);
  add_run_limits(options);
  options.add_installation();
  options.add()("cache", po::value<std::string>()->value_name("DIR|off"), "cache; default: CLB_CACHE, else the sweep's own");
  options.add_json();
  return options;
}

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

// What plan and job agree on is carried out with the installation that is here.
struct Here {
  Here(const sweep::Folder& folder, const Options& options, const std::optional<fs::path>& cache_dir)
      : schedule(schedule_options(options)), cache(cache_dir), describer(schedule.runner, cache, reading_progress()) {
    std::vector<std::string> folders = options.texts("plugin-path");
    for (const std::string& planned : folder.plugin_folders()) folders.push_back(planned);
    plugins = launch::find_plugins(base::plugin_folders(folders));
  }

  std::vector<base::RunSpec> specs(const sweep::Folder& folder, int64_t slot) {
    std::vector<base::RunSpec> runs = folder.specs(slot);
    for (base::RunSpec& run : runs) {
      find_plugins_of(run, plugins);
      run.execution.method_sources = describer.method(run.method.file).sources;
    }
    return runs;
  }

  launch::ScheduleOptions schedule;
  std::optional<fs::path> cache;
  launch::Describer describer;
  std::vector<launch::PluginFile> plugins;
};

// CLB_CACHE or --cache, else the sweep's. Where the job has one of its own, what the features job has left in the sweep's is found there.
std::optional<fs::path> cache_of_job(const sweep::Folder& folder, const Options& options) {
  const bool own = options.flag("cache") || !environment("CLB_CACHE").empty();
  if (own && environment("CLB_CACHE_SHARED").empty()) setenv("CLB_CACHE_SHARED", folder.cache().c_str(), 0);
  return own ? cache_folder(options) : folder.cache();
}

// So many runs at once as the job has cards, else cores for.
void share_out(launch::ScheduleOptions& schedule, const Options& options, const std::vector<base::RunSpec>& runs) {
  if (options.flag("jobs") || options.flag("devices") || environment("SLURM_JOB_ID").empty()) return;
  std::istringstream visible(environment("CUDA_VISIBLE_DEVICES"));
  std::vector<std::string> cards;
  for (std::string card; std::getline(visible, card, ',');)
    if (!card.empty() && card != "NoDevFiles") cards.push_back(fmt::format("cuda:{}", cards.size()));
  const bool wants_card = std::ranges::any_of(runs, [](const base::RunSpec& run) { return run.device == "auto" || run.device == "cuda"; });
  if (!cards.empty() && wants_card) {
    schedule.jobs = cards.size();
    if (cards.size() > 1) schedule.devices = cards;
  } else {
    int64_t threads = 1;
    for (const base::RunSpec& run : runs) threads = std::max(threads, run.threads);
    const int64_t cores = std::atoll(environment("SLURM_CPUS_PER_TASK").c_str());
    if (cores > 0 && cores < threads)
      say(stderr, "clbench: warning: the job has {} cores, and runs of {} threads were planned, which is part of what they are\n", cores,
          threads);
    schedule.jobs = static_cast<size_t>(std::max<int64_t>(1, cores / threads));
  }
  if (!options.flag("max-memory")) schedule.limits.memory_bytes /= schedule.jobs;
}

// The database that a slot works on, in a temporary folder: it begins with what the slot has published, and what it publishes is a copy of
// it. So nothing is lost with it but the task in work.
class Working {
 public:
  Working(const sweep::Folder& folder, int64_t slot, const fs::path& place)
      : folder_(base::temporary_folder_beside(place / "work")), database_(folder_ / "results.sqlite") {
    std::error_code error;
    if (fs::exists(folder.part(slot), error)) fs::copy_file(folder.part(slot), database_);
  }
  ~Working() {
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
  }
  Working(const Working&) = delete;

  const fs::path& database() const { return database_; }

 private:
  fs::path folder_, database_;
};

bool failed(const std::string& status) { return status == "failed" || status == "crashed" || status == "killed" || status == "timeout"; }

// Leaves out runs that failed and that nobody has asked to repeat, and starts over what another class of machine has begun: the rest of
// such a run would have other last digits.
void settle(Selection& selection, const sweep::Folder& folder, const store::Store& store) {
  const std::set<std::string> forgiven = sweep::forgiven(folder);
  std::map<std::string, store::RunRow> rows;
  for (store::RunRow& row : store.light_runs()) rows[row.key] = std::move(row);
  const store::Machine here = this_machine();
  std::erase_if(selection.pending, [&](size_t index) {
    const auto row = rows.find(selection.runs[index].key());
    return row != rows.end() && failed(row->second.status.status) && !forgiven.contains(row->second.uuid);
  });
  for (const store::RunRow& attempt : store.attempts()) {
    const bool other = !store::same_class(attempt.machine, here);
    std::erase_if(selection.resumed, [&](const auto& resumed) {
      const auto& [index, id] = resumed;
      const bool over = id == attempt.attempt_id && (other || failed(attempt.status.status));
      if (over && other)
        say(stderr, "run {} was begun on another class of machine ({}, {} cores; this is {}, {} cores): it starts over\n",
            attempt.key.substr(0, 12), attempt.machine.cpu, attempt.machine.cores, here.cpu, here.cores);
      return over;
    });
  }
}

struct SlotEnd {
  Executed done;
  size_t runs = 0, good = 0, bad = 0;
  bool got_on = false;  // a task ended
};

int64_t tasks_in(const store::Store& store) {
  int64_t tasks = 0;
  for (const store::RunRow& attempt : store.attempts()) tasks += attempt.tasks_done;
  return tasks;
}

SlotEnd work(const sweep::Folder& folder, int64_t slot, const std::vector<base::RunSpec>& runs, Here& here, const Options& options,
             const fs::path& place) {
  const Working working(folder, slot, place);
  store::Store store = open_for_writing(working.database());
  store.mark_lost_attempts();
  Selection selection = select(runs, {.shard = {}, .again = false, .any_build = true}, &store, folder.runs_folder(slot), here.describer);
  settle(selection, folder, store);
  const int64_t tasks = tasks_in(store);
  const auto publish = [&] { store.publish(folder.part(slot)); };
  SlotEnd end;
  end.done = carry_out(selection, here.schedule,
                       {folder.runs_folder(slot), here.cache ? here.cache->string() : "", options.command(), options.command(), publish},
                       store, here.describer);
  publish();
  end.runs = runs.size();
  end.got_on = tasks_in(store) > tasks;
  for (const store::RunRow& row : store.light_runs()) {
    end.good += row.status.status == "ok";
    end.bad += failed(row.status.status);
  }
  return end;
}

bool is_full(const fs::path& place) {
  std::error_code error;
  const fs::space_info space = fs::space(place, error);
  return error || space.available < kScarce;
}

// On the node's own disk where it has one; when that is full, in the sweep's folder.
SlotEnd work_somewhere(const sweep::Folder& folder, int64_t slot, const std::vector<base::RunSpec>& runs, Here& here,
                       const Options& options) {
  const fs::path node = environment("SLURM_TMPDIR");
  std::error_code error;
  if (!node.empty() && fs::is_directory(node, error)) {
    try {
      return work(folder, slot, runs, here, options, node);
    } catch (const std::exception& failure) {
      if (!dynamic_cast<const base::WriteError*>(&failure) && !is_full(node)) throw;
      say(stderr, "clbench: warning: {} (SLURM_TMPDIR) takes no more ({}); works in {}\n", node.string(), std::string(failure.what()),
          folder.slot_folder(slot).string());
    }
  }
  return work(folder, slot, runs, here, options, folder.slot_folder(slot));
}

// Queues this job again when its time is over or somebody with a right to its node wants it. SIGTERM alone also comes from scancel, and
// before Slurm itself queues a job again that has to make room.
void queue_again(const sweep::Folder& folder, int signal, bool got_on, double seconds) {
  const std::string job = environment("SLURM_JOB_ID");
  if (job.empty() || (signal != SIGUSR1 && signal != SIGUSR2)) return;
  if (!got_on && seconds > folder.manifest().job.time_s - 2 * sweep::kNoticeSeconds) {
    say(stderr, "clbench: no task ended within the time of this job, so it is not queued again: plan with more --time, or edit job.sh\n");
    return;
  }
  std::fflush(nullptr);
  if (!sweep::requeue(job))
    say(stderr, "clbench: job {} could not be queued again; `clbench sweep retry --missing` submits what is left\n", job);
}

int run_slot(const sweep::Folder& folder, int64_t slot, const Options& options) {
  const auto start = std::chrono::steady_clock::now();
  base::remove_stale_temporaries(folder.slot_folder(slot), "work", base::FileSystem{});
  Here here(folder, options, cache_of_job(folder, options));
  const std::vector<base::RunSpec> runs = here.specs(folder, slot);
  share_out(here.schedule, options, runs);
  const SlotEnd end = work_somewhere(folder, slot, runs, here, options);
  const size_t left = end.runs - end.good - end.bad;
  const bool later = end.done.ended == launch::Ended::kPutOff;
  if (options.flag("json")) {
    fmt::print("{}\n",
               base::pretty(base::Json{
                   {"slot", slot}, {"runs", end.runs}, {"done", end.good}, {"failed", end.bad}, {"missing", left}, {"later", later}}));
  } else {
    say("slot {} of {}: {} of {} runs done, {} failed, {} missing\n", slot, folder.manifest().slots, end.good, end.runs, end.bad, left);
  }
  std::fflush(stdout);
  const base::Exit failures = print_failures(end.done);
  if (later) {
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    queue_again(folder, end.done.stopped_by, end.got_on, seconds);
    return static_cast<int>(base::Exit::kGoOnLater);
  }
  if (failures != base::Exit::kOk) return static_cast<int>(failures);
  return static_cast<int>(left + end.bad == 0 ? base::Exit::kOk : base::Exit::kFailedRun);
}

// Of one run. What it says goes to its log; what cannot be computed here is left to the runs, which say why.
bool compute_features(const sweep::Folder& folder, base::RunSpec run, Here& here, const std::string& label) {
  const fs::path file = base::temporary_file_beside(folder.path() / "logs" / "features.json");
  run.execution.cache_dir = here.cache ? here.cache->string() : "";
  base::write_file_atomic(file, base::canonical(run.to_json()));
  launch::LineCutter lines;
  std::string failure;
  const auto progress = progress_line("features of " + label, "images");
  const auto event = [&](std::string_view bytes) {
    lines.feed(bytes, [&](std::string_view line) {
      const base::Event said = base::decode(line);
      if (const auto* at = std::get_if<base::Progress>(&said); at && at->total > 0 && at->what == "images")
        progress(static_cast<size_t>(at->done), static_cast<size_t>(at->total));
      if (const auto* failed = std::get_if<base::Failed>(&said)) failure = failed->text;
    });
  };
  launch::Spawn spawn{.program = here.schedule.runner.program,
                      .arguments = {"features", file.string()},
                      .environment = launch::runner_environment(here.schedule.runner),
                      .own_group = true};
  const auto drop = [&] {
    std::error_code ignored;
    fs::remove(file, ignored);
  };
  launch::Captured ended;
  try {
    ended = launch::capture(spawn, folder.manifest().job.time_s, event);
  } catch (...) {
    drop();
    throw;
  }
  drop();
  if (ended.exit_code == 0) return true;
  if (failure.empty())
    failure = ended.signal ? "it ended by " + launch::signal_name(ended.signal) : fmt::format("exit code {}", ended.exit_code);
  say(stderr, "clbench: warning: features of {}: {}; its runs compute them\n", label, failure);
  return false;
}

int run_features(const sweep::Folder& folder, const Options& options) {
  const std::string job = environment("SLURM_JOB_ID");
  Here here(folder, options, options.flag("cache") ? cache_folder(options) : folder.cache());
  size_t computed = 0;
  std::map<int64_t, std::vector<base::RunSpec>> slots;
  try {
    for (const int64_t position : folder.manifest().features) {
      const sweep::PlannedRun& planned = folder.manifest().runs[static_cast<size_t>(position)];
      if (!slots.contains(planned.slot)) slots[planned.slot] = here.specs(folder, planned.slot);
      const std::vector<size_t> order = folder.runs_of(planned.slot);
      const auto at = std::ranges::find(order, static_cast<size_t>(position)) - order.begin();
      computed += compute_features(folder, slots[planned.slot][static_cast<size_t>(at)], here, planned.label);
    }
  } catch (const base::Error& error) {
    if (error.exit() == base::Exit::kGoOnLater) queue_again(folder, launch::held_signal(), true, 0);
    throw;
  }
  if (options.flag("json")) {
    fmt::print("{}\n", base::pretty(base::Json{{"settings", folder.manifest().features.size()}, {"computed", computed}}));
  } else {
    say("features of {} of {} settings are in {}\n", computed, folder.manifest().features.size(),
        here.cache ? here.cache->string() : "no cache");
  }
  return 0;
}

}  // namespace

int sweep_run(const Arguments& arguments) {
  Options options = run_options();
  if (!options.parse(arguments, 1, 1)) return 0;
  if (options.flag("slot") == options.flag("features")) throw base::Error("sweep run: give --slot K, or --features");
  const launch::HeldSignals held;
  const sweep::Folder folder(options.words()[0]);
  if (options.flag("features")) return run_features(folder, options);
  const int64_t slot = *options.number("slot", 1);
  if (slot > folder.manifest().slots)
    throw base::Error(
        fmt::format("sweep run: there is no slot {}; {} has slots 1 to {}", slot, options.words()[0], folder.manifest().slots));
  const base::FileLock lock = sweep::lock_slot(folder, slot);
  try {
    return run_slot(folder, slot, options);
  } catch (const base::Error& error) {  // stopped while it was getting ready
    if (error.exit() == base::Exit::kGoOnLater) queue_again(folder, launch::held_signal(), true, 0);
    throw;
  }
}

}  // namespace clb::cli
