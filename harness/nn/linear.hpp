// x W^T + b, with an exact GELU behind it or not: the two products of a ViT.
#pragma once

#include <torch/types.h>

namespace clb::nn {

torch::Tensor linear(const torch::Tensor& x, const torch::Tensor& weight, const torch::Tensor& bias);
torch::Tensor linear_gelu(const torch::Tensor& x, const torch::Tensor& weight, const torch::Tensor& bias);

}  // namespace clb::nn
