// Jobs of a sweep that were handed to a scheduler (submitted.json).
#pragma once

#include <clb/sweep/folder.hpp>
#include <set>
#include <string>
#include <vector>

namespace clb::sweep {

struct SubmittedJob {
  std::string what;        // "features" | "array" | "merge"
  std::string job;         // its id
  std::string slots;       // of the array, "1-50"
  bool cancelled = false;  // by `sweep cancel`
};

std::vector<SubmittedJob> submitted(const Folder& folder);  // in the order in which they were
void note_submitted(const Folder& folder, const SubmittedJob& job);
// Before they are: one that is about to queue itself again does not, then.
void note_cancelled(const Folder& folder, const std::set<std::string>& jobs);
bool is_cancelled(const Folder& folder, const std::string& job);
std::set<std::string> job_ids(const std::vector<SubmittedJob>& jobs);

}  // namespace clb::sweep
