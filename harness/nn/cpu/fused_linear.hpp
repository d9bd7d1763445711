// oneDNN's linear with bias and activation in one pass, which LibTorch registers for its compiler. In bfloat16 at::linear first writes the
// bias and then adds to it, rounding in between, and takes 1.1 to 1.2 times as long.
#pragma once

#include <torch/types.h>

#include <optional>

namespace clb::nn {

// x [..., in], weight [out, in], bias [out], all of one type. activation: "none" or "gelu" (exact). Nothing: another type, processor or
// LibTorch, or gradients are wanted.
std::optional<torch::Tensor> fused_linear(const torch::Tensor& x, const torch::Tensor& weight, const torch::Tensor& bias,
                                          const char* activation);

// other [..., out] + x W^T + b
std::optional<torch::Tensor> fused_linear_add(const torch::Tensor& x, const torch::Tensor& weight, const torch::Tensor& bias,
                                              const torch::Tensor& other);

}  // namespace clb::nn
