// clbench sweep plan: an experiment as a folder of jobs.
#include <clb/meta.h>
#include <fmt/format.h>

#include <algorithm>
#include <clb/base/error.hpp>
#include <clb/base/precision.hpp>
#include <clb/launch/human.hpp>
#include <clb/launch/stop.hpp>
#include <clb/sweep/estimate.hpp>
#include <clb/sweep/pack.hpp>
#include <clb/sweep/script.hpp>
#include <clb/sweep/slurm.hpp>
#include <map>
#include <numeric>
#include <optional>
#include <set>

#include "catalogue.hpp"
#include "experiment.hpp"
#include "installation.hpp"
#include "labels.hpp"
#include "machine.hpp"
#include "progress_line.hpp"
#include "say.hpp"
#include "sweep.hpp"
#include "sweep_wishes.hpp"

namespace clb::cli {

namespace fs = std::filesystem;

namespace {

constexpr int64_t kCpus = 4;          // of a job, when nobody says how many
constexpr double kShareOfTime = 0.8;  // of a job's time that its runs are expected to take
constexpr int64_t kArraySize = 1001;  // Slurm's own MaxArraySize

// Each run once, as a database has it, and its key.
struct Distinct {
  std::vector<base::RunSpec> runs;
  std::vector<std::string> keys;
};

Distinct distinct(std::vector<base::RunSpec> runs) {
  std::set<std::string> seen;
  Distinct once;
  for (base::RunSpec& run : runs) {
    const auto [key, fresh] = seen.insert(run.key());
    if (!fresh) continue;
    once.runs.push_back(std::move(run));
    once.keys.push_back(*key);
  }
  return once;
}

// What costs and features of runs are alike in: everything but seeds and what they draw.
std::string alike(const base::RunSpec& run) {
  return base::canonical({run.method.id, run.method.params, run.method.train_transform.to_json(), run.comparability_json(), run.precision,
                          run.device, run.threads});
}

// Runs that are alike, by position; in the order of the first of each.
std::vector<std::vector<size_t>> groups_of(const std::vector<base::RunSpec>& runs) {
  std::map<std::string, size_t> at;
  std::vector<std::vector<size_t>> groups;
  for (size_t i = 0; i < runs.size(); ++i) {
    const auto [found, fresh] = at.try_emplace(alike(runs[i]), groups.size());
    if (fresh) groups.emplace_back();
    groups[found->second].push_back(i);
  }
  return groups;
}

// One run of each group whose method claims frozen features: what it finds, or computes, the others find.
std::vector<int64_t> features_of(const std::vector<base::RunSpec>& runs, const std::vector<std::vector<size_t>>& groups) {
  std::vector<int64_t> chosen;
  size_t sharing = 0;
  for (const std::vector<size_t>& group : groups) {
    const base::RunSpec& first = runs[group[0]];
    if ((first.method.capabilities & CLB_CAP_FROZEN_FEATURES) == 0 || first.dataset.modality != "images") continue;
    chosen.push_back(static_cast<int64_t>(group[0]));
    sharing += group.size();
  }
  return sharing > 1 ? chosen : std::vector<int64_t>{};
}

void estimate_runs(const SweepWishes& wishes, const std::vector<base::RunSpec>& runs, const std::vector<std::vector<size_t>>& groups,
                   std::vector<sweep::PlannedRun>& planned) {
  std::error_code error;
  std::optional<store::Store> store;
  if (fs::exists(wishes.database, error)) store.emplace(store::Store::open(wishes.database, store::Store::Mode::kRead));
  const store::Machine here = this_machine();
  for (const std::vector<size_t>& group : groups) {
    std::optional<sweep::Measured> measured;
    if (const auto cost = store ? store->cost(runs[group[0]], here) : std::nullopt)
      measured = {cost->seconds, cost->same_class, cost->same_config};
    const sweep::Estimate estimate = sweep::estimate(measured, wishes.guess_s);
    for (const size_t run : group) {
      planned[run].seconds = estimate.seconds;
      planned[run].basis = estimate.basis;
    }
  }
}

// How many jobs there may be at all: an array's indices are below MaxArraySize, and features and merge are jobs, too.
int64_t most_jobs(const SweepWishes& wishes) {
  const sweep::SlurmLimits asked = sweep::slurm_limits().value_or(sweep::SlurmLimits{});
  int64_t most = std::min(wishes.jobs_max, wishes.array_size.value_or(asked.array_size.value_or(kArraySize)) - 1);
  if (const auto submit = wishes.submit ? wishes.submit : asked.submit) most = std::min(most, *submit - 2);
  return std::max<int64_t>(most, 1);
}

void require_cards_that_are_used(int64_t gpus, const std::vector<base::RunSpec>& runs) {
  const auto named = [](const base::RunSpec& run) { return run.device.starts_with("cuda"); };
  if (gpus == 0 && std::ranges::any_of(runs, named))
    throw base::Error("sweep plan: the experiment asks for a card (run.device), and jobs get none; give --gpus 1");
  if (gpus > 0 && std::ranges::all_of(runs, [](const base::RunSpec& run) { return run.device == "cpu"; }))
    throw base::Error("sweep plan: --gpus asks for cards that no run uses (run.device = \"cpu\"); leave it out");
}

sweep::JobOptions job_options(const SweepWishes& wishes, const std::vector<base::RunSpec>& runs) {
  sweep::JobOptions job = wishes.job;
  require_cards_that_are_used(job.gpus, runs);
  int64_t threads = 1;
  for (const base::RunSpec& run : runs) threads = std::max(threads, run.threads);
  job.cpus = wishes.cpus.value_or(threads);
  if (job.cpus < threads)
    throw base::Error(
        fmt::format("sweep plan: --cpus {} is less than the {} threads of a run (run.threads); give as many", job.cpus, threads));
  job.together = job.gpus > 0 ? job.gpus : job.cpus / threads;
  return job;
}

// Which run belongs to which job.
void pack(const SweepWishes& wishes, sweep::Manifest& m) {
  std::vector<double> seconds;
  for (const sweep::PlannedRun& run : m.runs) seconds.push_back(run.seconds);
  const std::vector<int64_t> slots = sweep::pack(
      seconds, {.job_s = kShareOfTime * (m.job.time_s - sweep::kNoticeSeconds), .jobs_max = most_jobs(wishes), .at_once = m.job.together});
  for (size_t i = 0; i < slots.size(); ++i) m.runs[i].slot = slots[i];
  m.slots = *std::max_element(slots.begin(), slots.end());
  m.job.at_once = std::min(m.slots, wishes.at_once.value_or(m.slots));
}

sweep::Manifest manifest_of(const std::string& name, const Distinct& once, const SweepWishes& wishes,
                            const std::vector<std::string>& plugin_folders) {
  const std::vector<base::RunSpec>& runs = once.runs;
  sweep::Manifest m{.name = name, .job = job_options(wishes, runs), .runs = {}};
  for (const std::string& folder : plugin_folders) m.plugin_folders.push_back(fs::absolute(folder).string());
  const std::vector<std::string> labels = run_labels(runs);
  for (size_t i = 0; i < runs.size(); ++i) m.runs.push_back({.key = once.keys[i], .label = labels[i]});
  const auto groups = groups_of(runs);
  m.features = features_of(runs, groups);
  estimate_runs(wishes, runs, groups, m.runs);
  pack(wishes, m);
  return m;
}

// How runs in bf16 compute that are for processors: the plan had to choose (base/precision.hpp). nullopt: there are none.
std::optional<std::string> bf16_of_processors(const std::vector<base::RunSpec>& runs, int64_t gpus) {
  for (const base::RunSpec& run : runs)
    if (base::keeps_bf16(run.precision) && (run.device == "cpu" || (run.device == "auto" && gpus == 0))) return run.precision;
  return std::nullopt;
}

double seconds_of(const sweep::Manifest& m) {
  return std::accumulate(m.runs.begin(), m.runs.end(), 0.0, [](double sum, const sweep::PlannedRun& run) { return sum + run.seconds; });
}

void say_plan(const sweep::Manifest& m, const std::optional<std::string>& bf16_on_processor, const fs::path& folder) {
  std::map<std::string, size_t> bases;
  std::vector<double> slots(static_cast<size_t>(m.slots));
  for (const sweep::PlannedRun& run : m.runs) {
    ++bases[run.basis];
    slots[static_cast<size_t>(run.slot - 1)] += run.seconds;
  }
  const double longest = *std::max_element(slots.begin(), slots.end()) / static_cast<double>(m.job.together);
  say("{}: {} in {} of up to {}, at most {} at once\n", folder.string(), counted(m.runs.size(), "run"), counted(m.slots, "job"),
      launch::human_seconds(m.job.time_s), m.job.at_once);
  say("expected: {} of runs, {} in the longest job\n", launch::human_seconds(seconds_of(m)), launch::human_seconds(longest));
  for (const auto& [basis, count] : bases) say("  {} of {} runs: {}\n", count, m.runs.size(), basis);
  if (longest > m.job.time_s)
    say("the longest job takes more than its time: it is stopped before its end and goes on in the queue; --jobs-max or --time would spare "
        "that\n");
  if (bf16_on_processor)
    say("bf16 on the jobs' processors: {}, which is part of what the runs are; it was chosen by the processor of this machine\n",
        *bf16_on_processor == base::kBf16 ? "products in bfloat16" : "weights in bfloat16, products in float32");
  if (!m.features.empty()) say("features that runs share are computed first, of {} settings\n", m.features.size());
  say("next: clbench sweep submit {0}, or without Slurm, for each slot: clbench sweep run {0} --slot K\n", quoted(folder.string()));
}

}  // namespace

int sweep_plan(const Arguments& arguments) {
  Options options = sweep_plan_options();
  if (!options.parse(arguments, 1, 1)) return 0;
  const launch::HeldSignals held;
  const SweepWishes wishes = read_wishes(options);
  const auto plugins = installed_plugins(options);
  launch::Describer describer(launch::find_runner(), cache_folder(options), reading_progress());
  InstalledCatalogue catalogue(plugins, describer);
  const int64_t cpus = wishes.cpus.value_or(std::min(kCpus, usable_cores()));
  const plan::Plan plan =
      plan_experiment(options.words()[0], options, catalogue, {.missing_ok = false, .elsewhere = OtherMachine{cpus, wishes.job.gpus > 0}});
  const Distinct once = distinct(plan.runs);
  const std::vector<base::RunSpec>& runs = once.runs;
  if (runs.empty()) throw base::Error(fmt::format("{}: plans no runs", options.words()[0]));

  const sweep::Manifest manifest = manifest_of(plan.name, once, wishes, options.texts("plugin-path"));
  sweep::Folder::create(wishes.folder, manifest, runs);

  if (options.flag("json")) {
    fmt::print("{}\n", base::pretty(base::Json{{"folder", fs::absolute(wishes.folder)},
                                               {"runs", manifest.runs.size()},
                                               {"slots", manifest.slots},
                                               {"expected_s", seconds_of(manifest)}}));
  } else {
    say_plan(manifest, bf16_of_processors(runs, manifest.job.gpus), wishes.folder);
  }
  return 0;
}

}  // namespace clb::cli
