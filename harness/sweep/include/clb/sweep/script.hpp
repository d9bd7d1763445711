// What a scheduler is given, as text that a person can read and edit.
#pragma once

#include <clb/sweep/folder.hpp>
#include <string>
#include <vector>

namespace clb::sweep {

inline constexpr int64_t kNoticeSeconds = 180;  // a job is asked to stop that long before its end

std::string features_script(const Manifest& manifest);
std::string job_script(const Manifest& manifest);  // an array with an element for each slot
std::string merge_script(const Manifest& manifest);

// "--account=x --mem 8G" as the lines of a script, one option each. Error: not of this form, or an option that the scripts set themselves.
std::vector<std::string> parse_sbatch(const std::string& text);

// "1-3,7" of ascending slots, as --array takes it.
std::string array_of(const std::vector<int64_t>& slots);

}  // namespace clb::sweep
