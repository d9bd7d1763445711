// clbench sweep submit, retry and cancel: the jobs of a sweep in Slurm's queue.
#include <fmt/format.h>

#include <algorithm>
#include <clb/base/error.hpp>
#include <clb/base/output.hpp>
#include <clb/sweep/forgiven.hpp>
#include <clb/sweep/script.hpp>
#include <clb/sweep/slot_lock.hpp>
#include <clb/sweep/slurm.hpp>
#include <clb/sweep/submitted.hpp>
#include <set>

#include "installation.hpp"
#include "options.hpp"
#include "say.hpp"
#include "sweep.hpp"

namespace clb::cli {

namespace fs = std::filesystem;
using sweep::Folder;

namespace {

constexpr VerbText kSubmit{"sweep submit", "DIR", "hand a sweep to Slurm: shared features first, then the runs, then the merge",
                           "clbench sweep submit sweep"};
constexpr VerbText kRetry{"sweep retry", "DIR", "submit again what failed or is missing", "clbench sweep retry sweep --failed"};
constexpr VerbText kCancel{"sweep cancel", "DIR", "take the jobs of a sweep out of the queue; what they have done stays",
                           "clbench sweep cancel sweep"};

// What is in the queue now. Where nobody can tell, nothing: two jobs of one slot exclude each other anyway.
std::vector<sweep::QueuedJob> in_queue(const Folder& folder) {
  const auto answer = sweep::queued(sweep::job_ids(sweep::submitted(folder)));
  if (!answer) say(stderr, "clbench: warning: squeue does not answer; jobs that are queued already are not seen\n");
  return answer.value_or(std::vector<sweep::QueuedJob>{});
}

// Slots with a run in this state, ascending, but those that wait or run in the queue.
std::vector<int64_t> slots_with(const Folder& folder, const std::vector<RunNow>& runs, RunState state,
                                const std::vector<sweep::QueuedJob>& queue) {
  std::set<int64_t> slots;
  for (size_t i = 0; i < runs.size(); ++i)
    if (runs[i].state == state) slots.insert(folder.manifest().runs[i].slot);
  for (const sweep::QueuedJob& job : queue) slots.erase(job.slot);
  return {slots.begin(), slots.end()};
}

// job: its id, as soon as it has one.
void hand_over(const Folder& folder, const char* what, sweep::Submission submission, const std::string& slots, std::string& job) {
  submission.folder = folder.path();
  submission.script = submission.folder / submission.script;
  submission.program = invoked();
  job = sweep::submit(submission);
  sweep::note_submitted(folder, {.what = what, .job = job, .slots = slots});
}

// Jobs in the order in which they were handed over, for who asked with --json.
struct Handed {
  std::string features, array, merge;
};

void hand_over_each(const Folder& folder, const std::vector<int64_t>& slots, bool features, Handed& jobs) {
  if (features) hand_over(folder, "features", {.folder = {}, .script = "features.sh", .array = {}, .dependency = {}}, "", jobs.features);
  const bool all = static_cast<int64_t>(slots.size()) == folder.manifest().slots;
  const std::string list = sweep::array_of(slots);
  const std::string array =
      all ? "" : fmt::format("{}%{}", list, std::min<int64_t>(folder.manifest().job.at_once, static_cast<int64_t>(slots.size())));
  const std::string features_first = features ? "afterok:" + jobs.features : "";
  hand_over(folder, "array", {.folder = {}, .script = "job.sh", .array = array, .dependency = features_first}, list, jobs.array);
  hand_over(folder, "merge", {.folder = {}, .script = "merge.sh", .array = {}, .dependency = "afterany:" + jobs.array}, "", jobs.merge);
}

// All or none: what was taken before one was refused leaves the queue again.
Handed hand_over_slots(const Folder& folder, const std::vector<int64_t>& slots, bool features) {
  Handed jobs;
  try {
    hand_over_each(folder, slots, features, jobs);
  } catch (...) {
    std::set<std::string> taken{jobs.features, jobs.array, jobs.merge};
    taken.erase("");
    if (!taken.empty()) sweep::cancel(taken);
    throw;
  }
  return jobs;
}

void say_handed(const Options& options, const Folder& folder, const Handed& jobs, const std::vector<int64_t>& slots, size_t runs) {
  if (options.flag("json")) {
    fmt::print("{}\n", base::pretty(base::Json{
                           {"features", jobs.features}, {"array", jobs.array}, {"merge", jobs.merge}, {"slots", slots}, {"runs", runs}}));
    return;
  }
  if (!jobs.features.empty()) say("job {}: features that runs share\n", jobs.features);
  say("job {}: {} in {}{}\n", jobs.array, counted(runs, "run"), counted(slots.size(), "slot"),
      jobs.features.empty() ? "" : ", after the features");
  say("job {}: the merge into {}, after the runs\n", jobs.merge, folder.results().string());
  say("next: clbench sweep status {}\n", quoted(options.words()[0]));
}

size_t count_in(const Folder& folder, const std::vector<RunNow>& runs, RunState state, const std::vector<int64_t>& slots) {
  size_t count = 0;
  for (size_t i = 0; i < runs.size(); ++i)
    count += runs[i].state == state && std::ranges::binary_search(slots, folder.manifest().runs[i].slot);
  return count;
}

void require_slurm(const char* verb, const std::string& dir) {
  if (sweep::has_slurm()) return;
  throw base::Error(
      fmt::format("sweep {}: there is no sbatch in PATH; call it where Slurm is, or carry out each slot without: clbench sweep "
                  "run {} --slot K",
                  verb, quoted(dir)));
}

Options options_of(const VerbText& text) {
  Options options(text);
  options.add_json();
  return options;
}

}  // namespace

int sweep_submit(const Arguments& arguments) {
  Options options = options_of(kSubmit);
  if (!options.parse(arguments, 1, 1)) return 0;
  const Folder folder(options.words()[0]);
  require_slurm("submit", options.words()[0]);
  const base::FileLock lock = sweep::lock_submission(folder);
  const std::vector<sweep::QueuedJob> queue = in_queue(folder);
  if (!queue.empty())
    throw base::Error(
        fmt::format("{}: {} of its jobs are in the queue already, as `clbench sweep status` shows; `clbench sweep cancel` takes "
                    "them out",
                    options.words()[0], queue.size()));
  const std::vector<RunNow> runs = runs_now(folder);
  const std::vector<int64_t> slots = slots_with(folder, runs, RunState::kMissing, queue);
  if (slots.empty())
    throw base::Error(fmt::format("{}: no run is missing; `clbench sweep retry {} --failed` repeats those that failed",
                                  folder.path().string(), quoted(options.words()[0])));
  const Handed jobs = hand_over_slots(folder, slots, !folder.manifest().features.empty());
  say_handed(options, folder, jobs, slots, count_in(folder, runs, RunState::kMissing, slots));
  return 0;
}

int sweep_retry(const Arguments& arguments) {
  Options options(kRetry);
  options.add()("failed", "runs that ended badly, from their beginning");
  options.add()("missing", "runs that have not been carried out, or not to their end, and are not in the queue");
  options.add_json();
  if (!options.parse(arguments, 1, 1)) return 0;
  if (!options.flag("failed") && !options.flag("missing")) throw base::Error("sweep retry: say what: --failed, --missing or both");
  const Folder folder(options.words()[0]);
  const base::FileLock lock = sweep::lock_submission(folder);
  const bool slurm = sweep::has_slurm();
  const std::vector<sweep::QueuedJob> queue = slurm ? in_queue(folder) : std::vector<sweep::QueuedJob>{};
  std::vector<RunNow> runs = runs_now(folder);
  std::set<std::string> again;
  for (RunNow& run : runs) {
    if (run.state == RunState::kFailed && options.flag("failed")) again.insert(run.attempt);
    if (run.state == RunState::kMissing && !options.flag("missing")) run.state = RunState::kDone;  // not asked for
  }
  for (RunNow& run : runs)
    if (again.contains(run.attempt)) run.state = RunState::kMissing;
  const std::vector<int64_t> slots = slots_with(folder, runs, RunState::kMissing, queue);
  if (slots.empty() && again.empty()) {
    if (options.flag("json"))
      fmt::print("{}\n", base::pretty(base::Json{{"slots", base::Json::array()}, {"runs", 0}}));
    else
      say("{}: there is nothing to submit again\n", options.words()[0]);
    return 0;
  }
  if (!again.empty()) sweep::forgive(folder, again);
  if (slots.empty()) {
    say("{} to be repeated by jobs that are in the queue\n", counted(again.size(), "run"));
    return 0;
  }
  if (!slurm) {
    say("there is no sbatch in PATH; carry out:\n");
    for (const int64_t slot : slots) say("  clbench sweep run {} --slot {}\n", quoted(options.words()[0]), slot);
    return 0;
  }
  say_handed(options, folder, hand_over_slots(folder, slots, false), slots, count_in(folder, runs, RunState::kMissing, slots));
  return 0;
}

int sweep_cancel(const Arguments& arguments) {
  Options options = options_of(kCancel);
  if (!options.parse(arguments, 1, 1)) return 0;
  const Folder folder(options.words()[0]);
  const base::FileLock lock = sweep::lock_submission(folder);
  std::set<std::string> ids = sweep::job_ids(sweep::submitted(folder));
  if (const auto queue = sweep::queued(ids)) {
    ids.clear();
    for (const sweep::QueuedJob& job : *queue) ids.insert(job.job);
  }
  if (!ids.empty()) {
    sweep::note_cancelled(folder, ids);
    sweep::cancel(ids);
  }
  if (options.flag("json"))
    fmt::print("{}\n", base::pretty(base::Json{{"cancelled", ids}}));
  else if (ids.empty())
    say("{}: no job of it is in the queue\n", options.words()[0]);
  else
    say("cancelled: {}; what is done stays, and `clbench sweep submit {}` goes on\n", joined({ids.begin(), ids.end()}),
        quoted(options.words()[0]));
  return 0;
}

}  // namespace clb::cli
