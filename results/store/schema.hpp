// The shape of a results file: SQL as a list of migrations. Step k takes a file from user_version k to k + 1; a step that has been released
// is never edited, a change is a new step at the end.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace clb::store {

inline constexpr int32_t kApplicationId = 0x434c4264;  // "CLBd", PRAGMA application_id: tells our files from other SQLite databases

// SQL text of every step, in order; migrations().size() is the newest user_version.
const std::vector<std::string>& migrations();

}  // namespace clb::store
