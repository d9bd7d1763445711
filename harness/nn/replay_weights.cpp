#include "clb/nn/replay_weights.hpp"

#include <torch/nn/functional/loss.h>

#include <algorithm>
#include <numeric>

namespace clb::nn {

using torch::Tensor;

ReplayWeights::ReplayWeights(int64_t batch_size) : alpha(torch::ones({batch_size, 0})), beta(torch::ones({batch_size, 0})) {}

void ReplayWeights::begin_task(int64_t index, const std::vector<int64_t>& labels, int64_t classes_seen) {
  const auto own = static_cast<int64_t>(labels.size());
  if (alpha.size(1) != own) alpha = torch::ones({alpha.size(0), own}, alpha.options());
  beta = torch::ones({alpha.size(0), classes_seen - own}, alpha.options());
  for (Tensor* t : {&alpha, &beta}) t->requires_grad_();
  theta_ = static_cast<double>(index) / 2;

  std::vector<int64_t> order(static_cast<size_t>(classes_seen));
  std::iota(order.begin(), order.end(), 0);
  const auto is_other = [&](int64_t c) { return std::find(labels.begin(), labels.end(), c) == labels.end(); };
  std::stable_partition(order.begin(), order.end(), is_other);
  place_ = torch::tensor(order, torch::kInt64).argsort().to(alpha.device());
}

Tensor ReplayWeights::of(int64_t samples) const {
  const auto rows = [&](const Tensor& t) { return t.narrow(0, 0, samples).sigmoid(); };
  return at::cat({theta_ / rows(beta), rows(alpha)}, 1).index_select(1, place_.to(alpha.device()));
}

Tensor ReplayWeights::loss(const Tensor& logits, const Tensor& labels) const {
  return at::nll_loss(logits.log_softmax(1) * of(logits.size(0)), labels);
}

}  // namespace clb::nn
