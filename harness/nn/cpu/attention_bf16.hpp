// Attention in bfloat16 on processors with AVX-512 BF16. There LibTorch 2.11's fused kernel is slower than in float32, and three plain
// steps (product, softmax, product) take 1.4 times the time of this one.
#pragma once

#include <torch/types.h>

#include <optional>

namespace clb::nn {

// What attend() returns; scores and sums in float32. Each image and head is computed by itself: the same in any batch, on any thread.
// Nothing: another processor, type or layout, or gradients are wanted.
std::optional<torch::Tensor> attend_bf16(const torch::Tensor& q, const torch::Tensor& k, const torch::Tensor& v, int64_t heads);

}  // namespace clb::nn
