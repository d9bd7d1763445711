// The sentence that a comparison ends in.
#pragma once

#include <clb/compare/comparison.hpp>

namespace clb::compare {

std::string points(double fraction);                                    // "+1.20": percentage points with their sign
std::string p_value(double p);                                          // "0.043", "< 0.001"
std::string side_names(const Comparison& c, const Matched& m, bool a);  // method, and the ref where both have the same
std::string conclusion(const Comparison& c);

}  // namespace clb::compare
