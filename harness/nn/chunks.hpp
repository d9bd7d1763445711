// A frozen network on the processor. Small chunks keep a block's activations in the processor's cache, and a thread with a chunk of its own
// waits for no other thread inside the network.
#pragma once

#include <ATen/Parallel.h>

#include <algorithm>
#include <clb/nn/cpu_kernels.hpp>
#include <clb/nn/parallel.hpp>
#include <vector>

namespace clb::nn {

// Of the widest activation of images that one thread computes at a time: of ViT-Tiny's hidden units at 224 pixels 4 images in float32, 8 in
// bfloat16.
inline constexpr int64_t kCachedBytes = 2'600'000;

// compute(inputs), where no gradient is wanted chunk by chunk along dimension 0. bytes: the widest activation of one input.
template <class F>
torch::Tensor in_chunks(const torch::Tensor& inputs, int64_t bytes, F compute) {
  const int64_t n = inputs.size(0), threads = at::get_num_threads();
  const int64_t size = std::max<int64_t>(1, std::min(kCachedBytes / bytes, (n + threads - 1) / threads));
  if (!inputs.is_cpu() || at::GradMode::is_enabled() || n <= size || !cpu_kernels()) return compute(inputs);
  std::vector<torch::Tensor> chunks = inputs.split(size);
  side_by_side(chunks.size(), [&](size_t i) { chunks[i] = compute(chunks[i]); });
  return at::cat(chunks);
}

}  // namespace clb::nn
