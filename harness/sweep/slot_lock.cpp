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

}  // namespace

base::FileLock lock_slot(const Folder& folder, int64_t slot) {
  const fs::path lock = folder.lock(slot);
  try {
    return base::FileLock::own(lock, fmt::format("slot {} of {}", slot, folder.path().string()), "wait until it has ended");
  } catch (const base::WriteError&) {
    throw;
  } catch (const base::Error&) {
    if (is_over(job_in(lock)))
      if (auto taken = base::FileLock::try_lock(lock)) return std::move(*taken);
    throw;
  }
}

bool is_worked_on(const Folder& folder, int64_t slot) { return base::FileLock::held(folder.lock(slot)); }

}  // namespace clb::sweep
