// A network small enough to train in a unit test, and tasks of images for it.
#pragma once

#include <clb/nn/vit.hpp>

#include "support/method_bench.hpp"

namespace clb::testing {

inline constexpr nn::VitShape kSmallVit{.image = 16, .patch = 8, .dim = 24, .depth = 2, .heads = 3, .mlp = 48};

inline BenchWeights small_weights() { return {.tensors = nn::random_vit(kSmallVit, 1), .heads = kSmallVit.heads}; }

inline nn::Vit small_vit() { return nn::Vit(small_weights().tensors, {.heads = kSmallVit.heads}); }

// n images of classes 2 * index and 2 * index + 1 in turn, brighter from class to class.
inline Samples small_task(int64_t index, int64_t n = 12) {
  const torch::Tensor labels = torch::arange(n).remainder(2) + 2 * index;
  const torch::Tensor noise = at::rand({n, 3, 16, 16}, at::detail::createCPUGenerator(static_cast<uint64_t>(index)));
  return {.images = noise + 0.2 * labels.reshape({n, 1, 1, 1}), .labels = labels};
}

}  // namespace clb::testing
