// How large an experiment may be before it is taken for a mistake.
#pragma once

#include <cstddef>

namespace clb::plan {

inline constexpr size_t kMaxRuns = 100'000;

}  // namespace clb::plan
