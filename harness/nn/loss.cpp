#include "clb/nn/loss.hpp"

#include <limits>

namespace clb::nn {

torch::Tensor mask_to(const std::vector<int64_t>& labels, const torch::Tensor& logits) {
  torch::Tensor outside = torch::ones(logits.size(1), torch::kBool);
  outside.index_fill_(0, torch::tensor(labels, torch::kInt64), false);
  return logits.masked_fill(outside.to(logits.device()), -std::numeric_limits<double>::infinity());
}

torch::Tensor soft_cross_entropy(const torch::Tensor& logits, const torch::Tensor& targets) {
  return -(targets * logits.log_softmax(1)).sum(1).mean();
}

torch::Tensor paired_cross_entropy(const torch::Tensor& logits, const torch::Tensor& answers) {
  const auto one_way = [](const torch::Tensor& z, const torch::Tensor& right) { return soft_cross_entropy(z, right / right.sum(1, true)); };
  return (one_way(logits, answers) + one_way(logits.t(), answers.t())) / 2;
}

torch::Tensor contrastive_loss(const torch::Tensor& stored, const torch::Tensor& features, double temperature) {
  const torch::Tensor rows = stored.defined() ? at::cat({stored, features}) : features;
  return at::cross_entropy_loss(rows.matmul(rows.t()) / temperature, torch::arange(rows.size(0), rows.options().dtype(torch::kInt64)));
}

}  // namespace clb::nn
