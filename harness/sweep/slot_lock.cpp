#include <fmt/format.h>

#include <clb/base/error.hpp>
#include <clb/sweep/slot_lock.hpp>
#include <clb/sweep/slurm.hpp>
#include <cstdlib>
#include <sstream>

namespace clb::sweep {

namespace {

// "PID HOST SINCE JOB", as base::FileLock signs; "": no job.
std::string job_in(const fs::path& lock) {
  constexpr uint64_t kMost = 4096;
  std::istringstream words(base::read_file(lock, kMost));
  std::string pid, host, since, job;
  words >> pid >> host >> since >> job;
  return job;
}

bool is_over(const std::string& job) {
  if (job.empty()) return false;
  const char* own = std::getenv("SLURM_JOB_ID");
  return (own && job == own) || !is_queued(job).value_or(true);
}

base::FileLock own(const Folder& folder, const fs::path& lock, const std::string& subject, const std::string& advice) {
  try {
    return base::FileLock::own(lock, subject, advice);
  } catch (const base::WriteError& error) {
    throw base::WriteError(fmt::format("{}; copy {} to where you may write, and work there", error.what(), folder.path().string()));
  }
}

}  // namespace

base::FileLock lock_slot(const Folder& folder, int64_t slot) {
  const fs::path lock = folder.lock(slot);
  try {
    return own(folder, lock, fmt::format("slot {} of {}", slot, folder.path().string()), "wait until it has ended");
  } catch (const base::WriteError&) {
    throw;
  } catch (const base::Error&) {
    if (is_over(job_in(lock)))
      if (auto taken = base::FileLock::try_lock(lock)) return std::move(*taken);
    throw;
  }
}

base::FileLock lock_submission(const Folder& folder) {
  return own(folder, folder.path() / "submit.lock", folder.path().string(), "wait until its jobs are submitted");
}

bool is_worked_on(const Folder& folder, int64_t slot) { return base::FileLock::held(folder.lock(slot)); }

}  // namespace clb::sweep
