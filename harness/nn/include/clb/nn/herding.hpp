// Which samples of a class represent it best.
#pragma once

#include <torch/types.h>

namespace clb::nn {

// Rebuffi et al., CVPR 2017, algorithm 4: positions of `count` rows of features [n, d], in the order in which their running mean stays
// closest to the mean of all, on L2-normalised rows and in float64. No row twice, so count is at most n; ties go to the smaller position.
torch::Tensor herding(const torch::Tensor& features, int64_t count);  // [count] int64 on the CPU

}  // namespace clb::nn
