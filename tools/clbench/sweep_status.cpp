// clbench sweep status: how far a sweep is, from its parts, and what the scheduler says.
#include <fmt/format.h>

#include <algorithm>
#include <clb/launch/human.hpp>
#include <clb/sweep/slurm.hpp>
#include <clb/sweep/submitted.hpp>
#include <map>
#include <numeric>
#include <set>

#include "columns.hpp"
#include "options.hpp"
#include "say.hpp"
#include "sweep.hpp"

namespace clb::cli {

namespace {

constexpr VerbText kSweepStatus{"sweep status", "DIR", "done, running, failed and missing runs; time left; what the scheduler says",
                                "clbench sweep status sweep"};

constexpr size_t kSweepShown = 40;  // runs, without --all

struct TimeLeft {
  double work_s = 0;      // of all runs that are not done
  double clock_s = 0;     // with as many jobs at once as there may be
  bool measured = false;  // held against what the runs that are done have taken
};

// As expected, corrected by what the runs that are done took in place of what was expected of them.
TimeLeft time_left(const sweep::Manifest& m, const std::vector<RunNow>& runs) {
  double expected = 0, taken = 0;
  for (size_t i = 0; i < runs.size(); ++i) {
    if (runs[i].state != RunState::kDone) continue;
    expected += m.runs[i].seconds;
    taken += runs[i].seconds;
  }
  TimeLeft left{.measured = expected > 0};
  const double factor = left.measured ? taken / expected : 1;
  std::map<int64_t, double> slots;
  for (size_t i = 0; i < runs.size(); ++i) {
    if (runs[i].state != RunState::kMissing && runs[i].state != RunState::kRunning) continue;
    const double seconds = std::max(factor * m.runs[i].seconds - runs[i].seconds, 0.0);
    left.work_s += seconds;
    slots[m.runs[i].slot] += seconds;
  }
  double longest = 0;
  for (const auto& [slot, seconds] : slots) longest = std::max(longest, seconds);
  const auto together = static_cast<double>(std::max<int64_t>(1, m.job.together)),
             jobs = static_cast<double>(std::max<int64_t>(1, m.job.at_once));
  left.clock_s = std::max(longest, left.work_s / jobs) / together;
  return left;
}

struct Scheduler {
  std::string words;  // for a person; empty: nothing was submitted
  base::Json json = base::Json::array();
  bool waits_in_vain = false;  // for a job that ended badly
};

Scheduler ask_scheduler(const sweep::Folder& folder) {
  const std::vector<sweep::SubmittedJob> jobs = sweep::submitted(folder);
  if (jobs.empty()) return {.words = "nothing was submitted"};
  const auto queue = sweep::queued(sweep::job_ids(jobs));
  if (!queue) return {.words = "squeue does not answer, or there is none here", .json = nullptr};
  Scheduler scheduler;
  for (const sweep::SubmittedJob& job : jobs) {
    std::map<std::string, size_t> states;
    for (const sweep::QueuedJob& one : *queue) {
      if (one.job != job.job) continue;
      const bool waits = one.state == "PENDING" && !one.reason.empty();
      ++states[waits ? fmt::format("{} ({})", one.state, one.reason) : one.state];
      scheduler.json.push_back(
          {{"what", job.what}, {"job", job.job}, {"slot", one.slot}, {"state", one.state}, {"left", one.left}, {"reason", one.reason}});
    }
    if (states.empty()) continue;
    std::vector<std::string> words;
    for (const auto& [state, count] : states) words.push_back(fmt::format("{} {}", count, state));
    scheduler.words += fmt::format("{}{} {}: {}", scheduler.words.empty() ? "" : "; ", job.what, job.job, fmt::join(words, ", "));
  }
  if (scheduler.words.empty()) scheduler.words = "no job of this sweep is in the queue";
  scheduler.waits_in_vain =
      std::ranges::any_of(*queue, [](const sweep::QueuedJob& job) { return job.reason == "DependencyNeverSatisfied"; });
  return scheduler;
}

std::map<RunState, size_t> counts_of(const std::vector<RunNow>& runs) {
  std::map<RunState, size_t> counts{{RunState::kDone, 0}, {RunState::kRunning, 0}, {RunState::kFailed, 0}, {RunState::kMissing, 0}};
  for (const RunNow& run : runs) ++counts[run.state];
  return counts;
}

void print_sweep_json(const sweep::Folder& folder, const std::vector<RunNow>& runs, const TimeLeft& left, const Scheduler& scheduler) {
  base::Json list = base::Json::array(), counts = base::Json::object();
  for (const auto& [state, count] : counts_of(runs)) counts[name_of(state)] = count;
  for (size_t i = 0; i < runs.size(); ++i) {
    const sweep::PlannedRun& planned = folder.manifest().runs[i];
    list.push_back({{"key", planned.key},
                    {"run", planned.label},
                    {"slot", planned.slot},
                    {"state", name_of(runs[i].state)},
                    {"reason", runs[i].reason},
                    {"tasks_done", runs[i].tasks_done},
                    {"tasks_planned", runs[i].tasks_planned},
                    {"seconds", runs[i].seconds},
                    {"expected_s", planned.seconds},
                    {"expected_from", planned.basis}});
  }
  fmt::print("{}\n", base::pretty(base::Json{{"name", folder.manifest().name},
                                             {"slots", folder.manifest().slots},
                                             {"counts", counts},
                                             {"work_left_s", left.work_s},
                                             {"time_left_s", left.clock_s},
                                             {"scheduler", scheduler.json},
                                             {"runs", list}}));
}

// Failed ones first, then those that run, then those that are missing; those that are done with --all alone.
std::vector<size_t> runs_to_show(const std::vector<RunNow>& runs, bool all) {
  std::vector<size_t> shown(runs.size());
  std::iota(shown.begin(), shown.end(), size_t{0});
  if (all) return shown;
  const auto rank = [&](size_t i) {
    switch (runs[i].state) {
      case RunState::kFailed:
        return 0;
      case RunState::kRunning:
        return 1;
      default:
        return 2;
    }
  };
  std::erase_if(shown, [&](size_t i) { return runs[i].state == RunState::kDone; });
  std::stable_sort(shown.begin(), shown.end(), [&](size_t a, size_t b) { return rank(a) < rank(b); });
  if (shown.size() > kSweepShown) shown.resize(kSweepShown);
  return shown;
}

void print_runs(const sweep::Folder& folder, const std::vector<RunNow>& runs, bool all) {
  Columns columns({"run", "what", "slot", "state", "tasks", "time", "reason"});
  const std::vector<size_t> shown = runs_to_show(runs, all);
  for (const size_t i : shown) {
    const sweep::PlannedRun& planned = folder.manifest().runs[i];
    const bool begun = !runs[i].attempt.empty();
    columns.add({planned.key.substr(0, 12), planned.label, std::to_string(planned.slot), name_of(runs[i].state),
                 begun ? fmt::format("{}/{}", runs[i].tasks_done, runs[i].tasks_planned) : "",
                 begun ? launch::human_seconds(runs[i].seconds) : "", runs[i].reason});
  }
  if (!columns.empty()) fmt::print("{}", columns.text());
  const size_t open = static_cast<size_t>(std::ranges::count_if(runs, [](const RunNow& run) { return run.state != RunState::kDone; }));
  if (!all && open > shown.size()) say("{} of {} runs shown that are not done; --all shows every run\n", shown.size(), open);
}

void print_summary(const sweep::Folder& folder, const std::vector<RunNow>& runs, const TimeLeft& left, const Scheduler& scheduler,
                   const std::string& dir) {
  auto counts = counts_of(runs);
  say("{}: {} in {}: {} done, {} running, {} failed, {} missing\n", folder.manifest().name, counted(runs.size(), "run"),
      counted(folder.manifest().slots, "slot"), counts[RunState::kDone], counts[RunState::kRunning], counts[RunState::kFailed],
      counts[RunState::kMissing]);
  if (left.work_s > 0)
    say("time left: about {} of work, {} with {} at once ({})\n", launch::human_seconds(left.work_s), launch::human_seconds(left.clock_s),
        counted(folder.manifest().job.at_once, "job"), left.measured ? "held against the runs that are done" : "as it was expected");
  say("scheduler: {}\n", scheduler.words);
  if (scheduler.waits_in_vain)
    say("the job of the features ended badly (logs/features.log), and the runs wait for it in vain; without it they start by: clbench "
        "sweep "
        "cancel {0} && clbench sweep retry {0} --missing\n",
        quoted(dir));
  if (counts[RunState::kFailed]) say("failed runs are repeated by: clbench sweep retry {} --failed\n", quoted(dir));
  std::error_code error;
  if (counts[RunState::kDone]) {
    const bool merged = std::filesystem::exists(folder.results(), error);
    say("table: clbench table --db {}\n", quoted(merged && counts[RunState::kDone] == runs.size() ? folder.results().string() : dir));
  }
}

}  // namespace

int sweep_status(const Arguments& arguments) {
  Options options(kSweepStatus);
  options.add()("all", "every run; without it, of those that are not done at most 40");
  options.add_json();
  if (!options.parse(arguments, 1, 1)) return 0;
  const sweep::Folder folder(options.words()[0]);
  const std::vector<RunNow> runs = runs_now(folder);
  const TimeLeft left = time_left(folder.manifest(), runs);
  const Scheduler scheduler = ask_scheduler(folder);
  if (options.flag("json")) {
    print_sweep_json(folder, runs, left, scheduler);
    return 0;
  }
  print_runs(folder, runs, options.flag("all"));
  print_summary(folder, runs, left, scheduler, options.words()[0]);
  return 0;
}

}  // namespace clb::cli
