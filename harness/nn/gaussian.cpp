#include "clb/nn/gaussian.hpp"

#include <clb/nn/error.hpp>

namespace clb::nn {

using torch::Tensor;

LowerFactor lower_factor(const Tensor& covariance) {
  const Tensor symmetric = covariance.to(torch::kFloat64);
  for (double jitter = 0; jitter < 2; jitter = jitter == 0 ? 1e-4 : 10 * jitter) {
    Tensor shifted = symmetric.clone();
    shifted.diagonal().add_(jitter);
    const auto [lower, info] = at::linalg_cholesky_ex(shifted);
    if (info.item<int32_t>() == 0 && lower.isfinite().all().item<bool>()) return {lower, jitter};
  }
  throw Error(ErrorKind::kNumeric,
              "a class's covariance is not positive definite even with 1 added to its diagonal; its features are not finite or far "
              "too large");
}

Tensor diagonal_rows(const Tensor& mean, const Tensor& variances, const Tensor& noise) {
  const Tensor deviations = variances.to(torch::kFloat64).clamp_min(0).sqrt();
  return (mean.to(torch::kFloat64) + noise.to(torch::kFloat64) * deviations).to(torch::kFloat32);
}

Tensor gaussian_rows(const Tensor& mean, const Tensor& lower, const Tensor& noise) {
  return (mean.to(torch::kFloat64) + at::matmul(noise.to(torch::kFloat64), lower.t())).to(torch::kFloat32);
}

}  // namespace clb::nn
