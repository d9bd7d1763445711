// What a job of a sweep finds: the installation, its cores and cards, the queue that it came from.
#pragma once

#include <clb/launch/describe.hpp>
#include <clb/launch/plugins.hpp>
#include <clb/launch/schedule.hpp>
#include <clb/sweep/folder.hpp>
#include <optional>
#include <string>
#include <vector>

#include "options.hpp"

namespace clb::cli {

std::string environment(const char* name);  // "" where it is not set

// The installation that is here, which need not be that of the plan.
struct Here {
  Here(const sweep::Folder& folder, const Options& options, const std::optional<std::filesystem::path>& cache_dir);

  std::vector<base::RunSpec> specs(const sweep::Folder& folder, int64_t slot);  // with the plugins that are here

  launch::ScheduleOptions schedule;
  std::optional<std::filesystem::path> cache;
  launch::Describer describer;
  std::vector<launch::PluginFile> plugins;
};

// --cache or CLB_CACHE, else the sweep's. Where the job has one of its own, what the features job has left in the sweep's is found there.
std::optional<std::filesystem::path> cache_of_job(const sweep::Folder& folder, const Options& options);

// So many runs at once as the job has cards, else cores for.
void share_out(launch::ScheduleOptions& schedule, const Options& options, const std::vector<base::RunSpec>& runs);

// Queues this job again when its time is over or somebody with a right to its node wants it. SIGTERM alone also comes from scancel, and
// before Slurm itself queues a job again that has to make room. got_on: something was completed, a task for example; seconds: since the job
// began.
void queue_again(const sweep::Folder& folder, int signal, bool got_on, double seconds);

int run_slot(const sweep::Folder& folder, int64_t slot, const Options& options);
int run_features(const sweep::Folder& folder, const Options& options);

}  // namespace clb::cli
