// clbench sweep plan: an experiment as a folder of jobs.
#include <clb/meta.h>
#include <fmt/format.h>

#include <algorithm>
#include <clb/base/error.hpp>
#include <clb/launch/human.hpp>
#include <clb/launch/stop.hpp>
#include <clb/sweep/estimate.hpp>
#include <clb/sweep/pack.hpp>
#include <clb/sweep/script.hpp>
#include <clb/sweep/slurm.hpp>
#include <map>
#include <numeric>
#include <set>

#include "catalogue.hpp"
#include "experiment.hpp"
#include "installation.hpp"
#include "labels.hpp"
#include "machine.hpp"
#include "progress_line.hpp"
#include "say.hpp"
#include "sweep.hpp"

namespace clb::cli {

namespace fs = std::filesystem;

namespace {

constexpr VerbText kSweepPlan{"sweep plan", "EXPERIMENT.toml|METHOD/PRESET",
                              "resolve an experiment once into a folder: runs, jobs, scripts; starts nothing",
                              "clbench sweep plan small.toml --dir sweep --time 4h --jobs-max 50 --sbatch \"--account=abc --mem=16G\""};

constexpr int64_t kCpus = 4;          // of a job, when nobody says how many
constexpr double kLeastTime = 300;    // of a job: the notice before its end takes most of less
constexpr double kShareOfTime = 0.8;  // of a job's time that its runs are expected to take
constexpr int64_t kArraySize = 1001;  // Slurm's own MaxArraySize

Options sweep_plan_options() {
  Options options(kSweepPlan);
  options.add()("dir", po::value<std::string>()->value_name("DIR")->default_value("sweep"),
                "folder of the sweep; it must not be there yet");
  options.add()("time", po::value<std::string>()->value_name("TIME")->default_value("4h"),
                "time limit of a job; what is not done by then goes on in the next");
  options.add()("jobs-max", po::value<std::string>()->value_name("N")->default_value("100"), "jobs at most: short runs share one");
  options.add()("at-once", po::value<std::string>()->value_name("N"), "jobs that run at the same time at most; default all");
  options.add()("cpus", po::value<std::string>()->value_name("N"),
                "cores of a job, and threads of a run where the experiment does not say (run.threads); default run.threads, else up to 4");
  options.add()("gpus", po::value<std::string>()->value_name("N")->default_value("0"), "cards of a job; each run that is on has one");
  options.add()("partition", po::value<std::string>()->value_name("NAME"), "partition of the jobs");
  options.add()("sbatch", po::value<std::string>()->value_name("OPTIONS"),
                "more options of sbatch for all jobs, for example \"--account=abc --mem=16G\"");
  options.add()("db", po::value<std::string>()->value_name("FILE")->default_value(kDatabase),
                "database whose measured times the estimates rest on, where it is there; it is only read");
  options.add()("guess", po::value<std::string>()->value_name("TIME")->default_value("30m"), "time of a run of which nothing was measured");
  options.add()("max-array-size", po::value<std::string>()->value_name("N"), "Slurm's MaxArraySize; default: asked for, else 1001");
  options.add()("max-submit-jobs", po::value<std::string>()->value_name("N"),
                "jobs that may be queued; default: Slurm's limit, where it is here");
  options.add_overrides();
  options.add_installation();
  options.add_cache();
  options.add_json();
  return options;
}

// Each run once, as a database has it.
std::vector<base::RunSpec> distinct(std::vector<base::RunSpec> runs) {
  std::set<std::string> seen;
  std::vector<base::RunSpec> once;
  for (base::RunSpec& run : runs)
    if (seen.insert(run.key()).second) once.push_back(std::move(run));
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

void estimate_runs(const Options& options, const std::vector<base::RunSpec>& runs, const std::vector<std::vector<size_t>>& groups,
                   std::vector<sweep::PlannedRun>& planned) {
  const fs::path database = options.text("db");
  const double guess = launch::parse_seconds(options.text("guess"));
  std::error_code error;
  std::optional<store::Store> store;
  if (fs::exists(database, error)) store.emplace(store::Store::open(database, store::Store::Mode::kRead));
  const store::Machine here = this_machine();
  for (const std::vector<size_t>& group : groups) {
    std::optional<sweep::Measured> measured;
    if (const auto cost = store ? store->cost(runs[group[0]], here) : std::nullopt)
      measured = {cost->seconds, cost->same_class, cost->same_config};
    const sweep::Estimate estimate = sweep::estimate(measured, guess);
    for (const size_t run : group) {
      planned[run].seconds = estimate.seconds;
      planned[run].basis = estimate.basis;
    }
  }
}

// How many jobs there may be at all: an array's indices are below MaxArraySize, and features and merge are jobs, too.
int64_t most_jobs(const Options& options) {
  const sweep::SlurmLimits asked = sweep::slurm_limits().value_or(sweep::SlurmLimits{});
  const int64_t array = options.number("max-array-size", 2).value_or(asked.array_size.value_or(kArraySize));
  const auto submit = options.flag("max-submit-jobs") ? options.number("max-submit-jobs", 3) : asked.submit;
  int64_t most = std::min(*options.number("jobs-max", 1), array - 1);
  if (submit) most = std::min(most, *submit - 2);
  return std::max<int64_t>(most, 1);
}

sweep::JobOptions job_options(const Options& options, const std::vector<base::RunSpec>& runs) {
  sweep::JobOptions job;
  job.time_s = launch::parse_seconds(options.text("time"));
  if (job.time_s < kLeastTime)
    throw base::Error(fmt::format("sweep plan: --time {} is too little: a job is told to stop {} s before its end; give at least 5m",
                                  options.text("time"), sweep::kNoticeSeconds));
  int64_t threads = 1;
  for (const base::RunSpec& run : runs) threads = std::max(threads, run.threads);
  job.cpus = options.number("cpus", 1).value_or(threads);
  if (job.cpus < threads)
    throw base::Error(
        fmt::format("sweep plan: --cpus {} is less than the {} threads of a run (run.threads); give as many", job.cpus, threads));
  job.gpus = *options.number("gpus", 0);
  job.partition = options.text("partition");
  if (job.partition.find_first_of(" \t\r\n#") != std::string::npos)
    throw base::Error(fmt::format("sweep plan: --partition '{}' is no name of a partition", job.partition));
  if (options.flag("sbatch")) job.sbatch = sweep::parse_sbatch(options.text("sbatch"));
  return job;
}

void say_plan(const sweep::Manifest& m, const fs::path& folder) {
  double total = 0, longest = 0;
  std::map<std::string, size_t> bases;
  std::vector<double> slots(static_cast<size_t>(m.slots));
  for (const sweep::PlannedRun& run : m.runs) {
    total += run.seconds;
    ++bases[run.basis];
    slots[static_cast<size_t>(run.slot - 1)] += run.seconds;
  }
  longest = *std::max_element(slots.begin(), slots.end());
  say("{}: {} runs in {} jobs of up to {}, at most {} at once\n", folder.string(), m.runs.size(), m.slots,
      launch::human_seconds(m.job.time_s), m.job.at_once);
  say("expected: {} of runs, {} in the longest job\n", launch::human_seconds(total), launch::human_seconds(longest));
  for (const auto& [basis, count] : bases) say("  {} of {} runs: {}\n", count, m.runs.size(), basis);
  if (longest > m.job.time_s)
    say("the longest job takes more than its time: it is stopped before its end and goes on in the queue; --jobs-max or --time would spare "
        "that\n");
  if (!m.features.empty()) say("features that runs share are computed first, of {} settings\n", m.features.size());
  say("next: clbench sweep submit {0}, or without Slurm, for each slot: clbench sweep run {0} --slot K\n", quoted(folder.string()));
}

}  // namespace

int sweep_plan(const Arguments& arguments) {
  Options options = sweep_plan_options();
  if (!options.parse(arguments, 1, 1)) return 0;
  const launch::HeldSignals held;
  const fs::path folder = options.text("dir");
  sweep::Folder::require_new(folder);
  const int64_t cpus = options.number("cpus", 1).value_or(std::min(kCpus, usable_cores()));
  const auto plugins = installed_plugins(options);
  launch::Describer describer(launch::find_runner(), cache_folder(options), reading_progress());
  InstalledCatalogue catalogue(plugins, describer);
  const plan::Plan plan = plan_experiment(options.words()[0], options, catalogue, {.missing_ok = false, .cores = cpus});
  const std::vector<base::RunSpec> runs = distinct(plan.runs);
  if (runs.empty()) throw base::Error(fmt::format("{}: plans no runs", options.words()[0]));

  sweep::Manifest manifest{.name = plan.name, .job = job_options(options, runs), .runs = {}};
  for (const std::string& plugin_folder : options.texts("plugin-path"))
    manifest.plugin_folders.push_back(fs::absolute(plugin_folder).string());
  const std::vector<std::string> labels = run_labels(runs);
  for (size_t i = 0; i < runs.size(); ++i) manifest.runs.push_back({.key = runs[i].key(), .label = labels[i]});
  const auto groups = groups_of(runs);
  manifest.features = features_of(runs, groups);
  estimate_runs(options, runs, groups, manifest.runs);

  std::vector<double> seconds;
  for (const sweep::PlannedRun& run : manifest.runs) seconds.push_back(run.seconds);
  const int64_t together = manifest.job.gpus > 0 ? manifest.job.gpus : manifest.job.cpus / std::max<int64_t>(1, runs[0].threads);
  const std::vector<int64_t> slots = sweep::pack(
      seconds,
      {.job_s = kShareOfTime * (manifest.job.time_s - sweep::kNoticeSeconds), .jobs_max = most_jobs(options), .at_once = together});
  for (size_t i = 0; i < slots.size(); ++i) manifest.runs[i].slot = slots[i];
  manifest.slots = *std::max_element(slots.begin(), slots.end());
  manifest.job.at_once = std::min(manifest.slots, options.number("at-once", 1).value_or(manifest.slots));
  sweep::Folder::create(folder, manifest, runs);

  if (options.flag("json")) {
    fmt::print("{}\n", base::pretty(base::Json{{"folder", fs::absolute(folder)},
                                               {"runs", manifest.runs.size()},
                                               {"slots", manifest.slots},
                                               {"expected_s", std::accumulate(seconds.begin(), seconds.end(), 0.0)}}));
  } else {
    say_plan(manifest, folder);
  }
  return 0;
}

}  // namespace clb::cli
