// Layers whose weights are frozen, in float32 on the processor: the weights lie in panels (panels.hpp), bias, activation and residual are
// computed with the product, and backward gives the gradient of the input alone. With and without a gradient, whatever the number of rows:
// a row's result does not depend on the others. Each gives nothing where it does not apply: another type or device, a weight that is
// trained or whose sizes are no multiples of 16.
#pragma once

#include <clb/nn/linear.hpp>
#include <clb/nn/mlp.hpp>
#include <optional>

namespace clb::nn {

// x [..., in] -> x W^T + b, [..., out]; with `other` [..., out] defined, other + x W^T + b.
std::optional<torch::Tensor> frozen_linear(const torch::Tensor& x, const Linear& layer, const torch::Tensor& other = {});

// other [..., d] + fc2(gelu(fc1(x))), x [..., d]; `other` may be undefined. What lies between the products stays in a core's cache.
std::optional<torch::Tensor> frozen_mlp(const torch::Tensor& x, const Linear& fc1, const Linear& fc2, const torch::Tensor& other = {});

}  // namespace clb::nn
