#include "clb/nn/herding.hpp"

#include <clb/nn/tensors.hpp>
#include <limits>
#include <vector>

namespace clb::nn {

torch::Tensor herding(const torch::Tensor& features, int64_t count) {
  const torch::Tensor rows = unit_rows(features.detach().to(torch::kCPU, torch::kFloat64));  // [n, d]
  const torch::Tensor mean = rows.mean(0);
  torch::Tensor sum = torch::zeros_like(mean), taken = torch::zeros(rows.size(0), torch::kBool);
  std::vector<int64_t> order;
  for (int64_t k = 1; k <= count; ++k) {
    const torch::Tensor distance = (mean - (sum + rows) / k).norm(2, -1).masked_fill(taken, std::numeric_limits<double>::infinity());
    order.push_back(distance.argmin().item<int64_t>());
    sum += rows[order.back()];
    taken[order.back()] = true;
  }
  return torch::tensor(order, torch::kInt64);
}

}  // namespace clb::nn
