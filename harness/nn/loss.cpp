#include "clb/nn/loss.hpp"

#include <limits>

namespace clb::nn {

torch::Tensor mask_to(const std::vector<int64_t>& labels, const torch::Tensor& logits) {
  torch::Tensor outside = torch::ones(logits.size(1), torch::kBool);
  outside.index_fill_(0, torch::tensor(labels, torch::kInt64), false);
  return logits.masked_fill(outside.to(logits.device()), -std::numeric_limits<double>::infinity());
}

}  // namespace clb::nn
