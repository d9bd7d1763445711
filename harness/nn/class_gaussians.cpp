#include "clb/nn/class_gaussians.hpp"

#include <algorithm>
#include <clb/nn/error.hpp>

namespace clb::nn {
namespace {

using torch::Tensor;

ClassGaussian gaussian_of(int64_t label, const Tensor& rows, const GaussianOptions& o) {  // rows float64
  const Tensor mean = rows.mean(0), apart = rows - mean;
  const double divisor = static_cast<double>(std::max<int64_t>(1, rows.size(0) - (o.unbiased ? 1 : 0)));
  Tensor covariance;
  if (o.covariance == "full") {
    covariance = apart.t().matmul(apart) / divisor;
    covariance.diagonal().add_(o.ridge);
  } else {
    covariance = apart.square().sum(0) / divisor + o.ridge;
  }
  return {label, mean, covariance.to(torch::kFloat32)};
}

}  // namespace

GaussianOptions StatisticsOptions::gaussians() const {
  if (statistics == "multi_centroid") return {.covariance = "diagonal", .per_class = centroids, .unbiased = false};
  return {.covariance = statistics == "covariance" ? "full" : "diagonal"};
}

std::vector<ClassGaussian> gaussians_of(int64_t label, const Tensor& rows, const GaussianOptions& o, const Rng& rng) {
  if (o.covariance != "full" && o.covariance != "diagonal")
    throw Error(ErrorKind::kInvalid, "unknown covariance '" + o.covariance + "'; expected full or diagonal");
  if (rows.dim() != 2 || rows.size(0) < 1 || o.per_class < 1)
    throw Error(ErrorKind::kInvalid, "a class of no samples, or no distribution for one; 1 at least was expected");
  const torch::NoGradGuard no_grad;
  const Tensor wide = rows.detach().to(torch::kFloat64);
  if (o.per_class == 1) return {gaussian_of(label, wide, o)};
  const Clusters clusters = k_means(wide, {.clusters = o.per_class}, rng("clusters"));
  std::vector<ClassGaussian> all;
  for (int64_t k = 0; k < clusters.centres.size(0); ++k) {
    const Tensor of_cluster = clusters.labels.eq(k).nonzero().flatten();
    if (of_cluster.numel() > 0) all.push_back(gaussian_of(label, wide.index_select(0, of_cluster), o));
  }
  return all;
}

}  // namespace clb::nn
