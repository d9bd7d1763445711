// Which samples of a class represent it best.
#pragma once

#include <torch/types.h>

#include <vector>

namespace clb::nn {

// Rebuffi et al., CVPR 2017, algorithm 4: positions of `count` rows of features [n, d], in the order in which their running mean stays
// closest to the mean of all, on L2-normalised rows and in float64. No row twice, so count is at most n; ties go to the smaller position.
torch::Tensor herding(const torch::Tensor& features, int64_t count);  // [count] int64 on the CPU

// Rows [k] that are kept of each class 0, 1, ..., `quota` at most, where features [n, d] and labels [n] are those of a task and of the
// memory: of a class that is `fresh` by herding, of another the first ones, since the memory holds them in herding order.
std::vector<torch::Tensor> exemplar_rows(const torch::Tensor& features, const torch::Tensor& labels, int64_t classes,
                                         const std::vector<int64_t>& fresh, int64_t quota);

}  // namespace clb::nn
