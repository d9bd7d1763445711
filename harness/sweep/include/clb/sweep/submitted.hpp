// Jobs of a sweep that were handed to a scheduler (submitted.json).
#pragma once

#include <clb/sweep/folder.hpp>
#include <set>
#include <string>
#include <vector>

namespace clb::sweep {

struct SubmittedJob {
  std::string what;   // "features" | "array" | "merge"
  std::string job;    // its id
  std::string slots;  // of the array, "1-50"
};

std::vector<SubmittedJob> submitted(const Folder& folder);  // in the order in which they were
void note_submitted(const Folder& folder, const SubmittedJob& job);
std::set<std::string> job_ids(const std::vector<SubmittedJob>& jobs);

}  // namespace clb::sweep
