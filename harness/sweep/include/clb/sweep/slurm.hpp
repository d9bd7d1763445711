// Slurm, through its commands. Each function says with nullopt that there is no Slurm here, or that it does not answer.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace clb::sweep {

struct SlurmLimits {
  std::optional<int64_t> array_size;  // MaxArraySize: an index of an array is below it
  std::optional<int64_t> submit;      // MaxSubmitJobs or MaxJobCount: jobs that are known at a time
};
std::optional<SlurmLimits> slurm_limits();  // of `scontrol show config`
SlurmLimits parse_limits(const std::string& config);

struct Submission {
  std::filesystem::path folder{}, script{};  // the job's current folder; its script
  std::filesystem::path program{};           // clbench, as a person starts it
  std::string array{};                       // empty: as the script says
  std::string dependency{};                  // "afterok:12"; empty: none
};
bool has_slurm();                            // is there an `sbatch`?
std::string submit(const Submission& what);  // the job's id; Error with what sbatch says

struct QueuedJob {
  std::string job;    // of an array: its id without the element
  int64_t slot = 0;   // the element; 0: no array
  std::string state;  // "RUNNING", "PENDING", ...
  std::string left;   // of its time, "1:23:45"
  std::string reason;
};
// Those of these jobs that wait or run, array elements one by one.
std::optional<std::vector<QueuedJob>> queued(const std::set<std::string>& jobs);
std::vector<QueuedJob> parse_queue(const std::string& squeue, const std::set<std::string>& jobs);

std::optional<bool> is_queued(const std::string& job);  // any one, by the id that it finds in SLURM_JOB_ID

void cancel(const std::set<std::string>& jobs);  // Error with what scancel says
// For a job about itself, as the last thing it does; signals may be held. False: it was not taken.
bool requeue(const std::string& job);

}  // namespace clb::sweep
