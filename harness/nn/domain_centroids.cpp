#include "clb/nn/domain_centroids.hpp"

#include <clb/nn/error.hpp>
#include <clb/nn/k_means.hpp>
#include <clb/nn/tensors.hpp>

namespace clb::nn {

using torch::Tensor;

namespace {

// In float64 and without products: neither rounding nor the other rows of a batch decide between two domains.
Tensor distances_of_some(const Tensor& rows, const Tensor& centres, bool squared) {
  const Tensor difference = rows.to(torch::kFloat64).unsqueeze(1) - centres.to(torch::kFloat64).unsqueeze(0);  // [n, k, d]
  return squared ? difference.square().sum(2).sqrt() : difference.abs().sum(2);
}

}  // namespace

Tensor distances(const Tensor& rows, const Tensor& centres, const std::string& by) {
  if (by != "l1" && by != "l2") throw Error(ErrorKind::kInvalid, "unknown distance '" + by + "'; expected l1 or l2");
  constexpr int64_t kAtOnce = 1024;  // rows: a session of DomainNet has 100,000
  std::vector<Tensor> parts;
  for (const Tensor& some : rows.split(kAtOnce)) parts.push_back(distances_of_some(some, centres, by == "l2"));
  return at::cat(parts);
}

void DomainCentroids::learn(int64_t domain, const Tensor& features, int64_t clusters, const torch::Generator& generator) {
  if (domain < 0 || domain > domains()) {
    throw Error(ErrorKind::kInternal, "domain " + std::to_string(domain) + " is learned where only " + std::to_string(domains()) +
                                          " are known; they come one after the other");
  }
  const Clusters found = k_means(unit_rows(features.to(torch::kFloat32)), {.clusters = clusters}, generator);
  if (domain == domains()) centroids_.emplace_back();
  centroids_[static_cast<size_t>(domain)] = found.centres.to(torch::kFloat32);
}

Tensor DomainCentroids::distances_of(const Tensor& features, const std::string& by) const {
  if (centroids_.empty()) throw Error(ErrorKind::kInvalid, "no domain was learned, so none can be the nearest");
  const Tensor unit = unit_rows(features.to(torch::kFloat32));
  std::vector<Tensor> nearest;
  for (const Tensor& centres : centroids_) nearest.push_back(std::get<0>(distances(unit, centres, by).min(1)));
  return at::stack(nearest, 1);
}

}  // namespace clb::nn
