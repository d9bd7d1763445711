#pragma once

#include <vector>

namespace clb::stats {

// Darwin's maize: differences in height of crossed and self-fertilised plants, eighths of an inch (Fisher, The Design of Experiments, 1935,
// section 17).
inline const std::vector<double> kMaize{49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48};

}  // namespace clb::stats
