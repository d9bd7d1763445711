// A small problem that can be learned: classes are patterns with noise, two in each task. Include it after the plugin's .cpp.
#pragma once

#include <gtest/gtest.h>

#include <ATen/Parallel.h>

#include "support/method_bench.hpp"

namespace clb::testing {

inline BenchWeights made_weights() {
  at::set_num_threads(1);  // tensors this small gain nothing by more
  return {.tensors = nn::random_vit({.image = 16, .patch = 8, .dim = 64, .depth = 2, .heads = 2, .mlp = 96}, 1), .heads = 2};
}

class MadeTask {
 public:
  explicit MadeTask(int64_t index, int64_t per_class = 4) : index_(index), per_class_(per_class) {}

  Samples samples() const {
    std::vector<torch::Tensor> images, labels;
    for (int64_t c = 2 * index_; c < 2 * index_ + 2; ++c) {
      const auto draw = [](int64_t n, int64_t seed) { return at::randn({n, 3, 16, 16}, at::detail::createCPUGenerator(seed)); };
      images.push_back(draw(1, 100 + c) + 0.3 * draw(per_class_, 200 + c));
      labels.push_back(torch::full(per_class_, c, torch::kInt64));
    }
    return {.features = {}, .images = at::cat(images), .labels = at::cat(labels)};
  }

  // Share of right answers among the task's own classes. logits [n, classes seen].
  double right(const torch::Tensor& logits) const {
    const torch::Tensor own = logits.narrow(1, 2 * index_, 2).argmax(1) + 2 * index_;
    return own.eq(samples().labels).to(torch::kFloat64).mean().item<double>();
  }

 private:
  int64_t index_, per_class_;
};

}  // namespace clb::testing
