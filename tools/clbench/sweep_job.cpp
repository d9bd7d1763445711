#include "sweep_job.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <clb/base/paths.hpp>
#include <clb/sweep/script.hpp>
#include <clb/sweep/slurm.hpp>
#include <clb/sweep/submitted.hpp>
#include <csignal>
#include <cstdlib>
#include <sstream>

#include "execute.hpp"
#include "installation.hpp"
#include "progress_line.hpp"
#include "say.hpp"
#include "stored_run.hpp"

namespace clb::cli {

namespace fs = std::filesystem;

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

Here::Here(const sweep::Folder& folder, const Options& options, const std::optional<fs::path>& cache_dir)
    : schedule(schedule_options(options)), cache(cache_dir), describer(schedule.runner, cache, reading_progress()) {
  std::vector<std::string> folders = options.texts("plugin-path");
  for (const std::string& planned : folder.plugin_folders()) folders.push_back(planned);
  plugins = launch::find_plugins(base::plugin_folders(folders));
}

std::vector<base::RunSpec> Here::specs(const sweep::Folder& folder, int64_t slot) {
  std::vector<base::RunSpec> runs = folder.specs(slot);
  for (base::RunSpec& run : runs) {
    find_plugins_of(run, plugins);
    run.execution.method_sources = describer.method(run.method.file).sources;
  }
  return runs;
}

std::optional<fs::path> cache_of_job(const sweep::Folder& folder, const Options& options) {
  const bool own = options.flag("cache") || !environment("CLB_CACHE").empty();
  if (own && environment("CLB_CACHE_SHARED").empty()) setenv("CLB_CACHE_SHARED", folder.cache().c_str(), 0);
  return own ? cache_folder(options) : folder.cache();
}

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

void queue_again(const sweep::Folder& folder, int signal, bool got_on, double seconds) {
  const std::string job = environment("SLURM_JOB_ID"), array = environment("SLURM_ARRAY_JOB_ID");
  if (job.empty() || (signal != SIGUSR1 && signal != SIGUSR2) || sweep::is_cancelled(folder, array.empty() ? job : array)) return;
  if (!got_on && seconds > folder.manifest().job.time_s - 2 * sweep::kNoticeSeconds) {
    say(stderr,
        "clbench: nothing was completed within the time of this job, so it is not queued again: give it more (#SBATCH --time in its "
        "script)\n");
    return;
  }
  std::fflush(nullptr);
  if (!sweep::requeue(job))
    say(stderr, "clbench: job {} could not be queued again; `clbench sweep retry --missing` submits what is left\n", job);
}

}  // namespace clb::cli
