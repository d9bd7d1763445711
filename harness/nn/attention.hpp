// Multi-head attention between projections, with and without a look at its weights.
#pragma once

#include <torch/types.h>

#include <functional>

namespace clb::nn {

// q [n, tq, d], k and v [n, tk, d], any strides over n and t -> [n, tq, d], the heads side by side.
torch::Tensor attend(const torch::Tensor& q, const torch::Tensor& k, const torch::Tensor& v, int64_t heads);

// The same by plain steps; change() gets the weights [n, heads, tq, tk] after the softmax, and what it returns is used in their place.
using ChangeWeights = std::function<torch::Tensor(const torch::Tensor& weights)>;
torch::Tensor attend_changed(const torch::Tensor& q, const torch::Tensor& k, const torch::Tensor& v, int64_t heads,
                             const ChangeWeights& change);

}  // namespace clb::nn
