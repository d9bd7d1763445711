// How many pairs of runs a paired comparison needs.
#pragma once

#include <cstdint>
#include <optional>

namespace clb::stats {

// The smallest n >= 3 for which, when nothing changed, the 95 % t interval of n paired differences with this standard deviation stays above
// -floor with a probability of at least 80 %: (t(0.975, n - 1) + t(0.80, n - 1)) sd / sqrt(n) <= floor, the sample size of a
// non-inferiority test (Julious, Statistics in Medicine 23, 2004, section 5). nullopt: more than kMostPairs. sd >= 0, floor > 0, in one
// unit.
inline constexpr int64_t kMostPairs = 1000;
std::optional<int64_t> pairs_needed(double sd, double floor);

}  // namespace clb::stats
