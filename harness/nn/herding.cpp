#include "clb/nn/herding.hpp"

#include <algorithm>
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

std::vector<torch::Tensor> exemplar_rows(const torch::Tensor& features, const torch::Tensor& labels, int64_t classes,
                                         const std::vector<int64_t>& fresh, int64_t quota) {
  std::vector<torch::Tensor> kept;
  for (int64_t c = 0; c < classes; ++c) {
    const torch::Tensor rows = (labels == c).nonzero().squeeze(1);  // in the order of the stream
    const int64_t count = std::min(quota, rows.size(0));
    const bool is_fresh = std::find(fresh.begin(), fresh.end(), c) != fresh.end();
    const torch::Tensor order =
        is_fresh ? herding(features.index_select(0, rows), count).to(rows.device()) : at::arange(count, rows.options());
    kept.push_back(rows.index_select(0, order));
  }
  return kept;
}

}  // namespace clb::nn
