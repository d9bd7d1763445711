#include <clb/base/error.hpp>
#include <clb/base/file.hpp>
#include <clb/sweep/submitted.hpp>

namespace clb::sweep {

namespace {

constexpr uint64_t kMostBytes = 64 << 20;

fs::path file_of(const Folder& folder) { return folder.path() / "submitted.json"; }

}  // namespace

std::vector<SubmittedJob> submitted(const Folder& folder) {
  const fs::path file = file_of(folder);
  std::error_code error;
  if (!fs::exists(file, error)) return {};
  std::vector<SubmittedJob> jobs;
  const base::Json json = base::parse_json(base::read_file(file, kMostBytes), file.string());
  try {
    for (const base::Json& job : json) jobs.push_back({job.at("what"), job.at("job"), job.at("slots")});
  } catch (const base::Json::exception&) {
    throw base::Error(file.string() + ": is damaged; move it away (jobs that are still queued are then no longer known to the sweep)");
  }
  return jobs;
}

void note_submitted(const Folder& folder, const SubmittedJob& job) {
  base::Json all = base::Json::array();
  std::vector<SubmittedJob> jobs = submitted(folder);
  jobs.push_back(job);
  for (const SubmittedJob& one : jobs) all.push_back({{"what", one.what}, {"job", one.job}, {"slots", one.slots}});
  base::write_file_atomic(file_of(folder), base::pretty(all) + "\n");
}

std::set<std::string> job_ids(const std::vector<SubmittedJob>& jobs) {
  std::set<std::string> ids;
  for (const SubmittedJob& job : jobs) ids.insert(job.job);
  return ids;
}

}  // namespace clb::sweep
