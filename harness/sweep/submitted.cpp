#include <algorithm>
#include <clb/base/error.hpp>
#include <clb/base/file.hpp>
#include <clb/sweep/submitted.hpp>

#include "own_file.hpp"

namespace clb::sweep {

namespace {

constexpr const char* kMoveAway = "move it away (jobs that are still queued are then no longer known to the sweep)";

fs::path submitted_file(const Folder& folder) { return folder.path() / "submitted.json"; }

void write(const Folder& folder, const std::vector<SubmittedJob>& jobs) {
  base::Json all = base::Json::array();
  for (const SubmittedJob& one : jobs)
    all.push_back({{"what", one.what}, {"job", one.job}, {"slots", one.slots}, {"cancelled", one.cancelled}});
  base::write_file_atomic(submitted_file(folder), base::pretty(all) + "\n");
}

}  // namespace

std::vector<SubmittedJob> submitted(const Folder& folder) {
  const fs::path file = submitted_file(folder);
  std::error_code error;
  if (!fs::exists(file, error)) return {};
  std::vector<SubmittedJob> jobs;
  const base::Json json = read_own(file, kMoveAway);
  try {
    for (const base::Json& job : json) jobs.push_back({job.at("what"), job.at("job"), job.at("slots"), job.at("cancelled").get<bool>()});
  } catch (const base::Json::exception&) {
    throw base::Error(file.string() + ": is damaged; " + kMoveAway);
  }
  return jobs;
}

void note_submitted(const Folder& folder, const SubmittedJob& job) {
  std::vector<SubmittedJob> jobs = submitted(folder);
  jobs.push_back(job);
  write(folder, jobs);
}

void note_cancelled(const Folder& folder, const std::set<std::string>& jobs) {
  std::vector<SubmittedJob> all = submitted(folder);
  for (SubmittedJob& job : all) job.cancelled = job.cancelled || jobs.contains(job.job);
  write(folder, all);
}

bool is_cancelled(const Folder& folder, const std::string& job) {
  const std::vector<SubmittedJob> all = submitted(folder);
  return std::ranges::any_of(all, [&](const SubmittedJob& one) { return one.job == job && one.cancelled; });
}

std::set<std::string> job_ids(const std::vector<SubmittedJob>& jobs) {
  std::set<std::string> ids;
  for (const SubmittedJob& job : jobs) ids.insert(job.job);
  return ids;
}

}  // namespace clb::sweep
