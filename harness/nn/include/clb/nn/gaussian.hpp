// Features drawn from a class's normal distribution, in place of samples that a method may not keep.
#pragma once

#include <torch/types.h>

namespace clb::nn {

struct LowerFactor {
  torch::Tensor lower;  // [d, d] float64, L L^T = covariance + jitter I
  double jitter;        // 0: the covariance was positive definite as it is
};

// The Cholesky factor of a symmetric covariance [d, d], computed in float64 on its device. What is not positive definite in rounding gets
// jitter on its diagonal: 1e-4, then ten times more, up to 1. An Error (numeric) when that is not enough (no covariance) or a number is not
// finite.
LowerFactor lower_factor(const torch::Tensor& covariance);

// mean + sqrt(variances) noise: the same for a diagonal covariance, of which nothing is factorised. variances [d], negative ones count as
// 0.
torch::Tensor diagonal_rows(const torch::Tensor& mean, const torch::Tensor& variances, const torch::Tensor& noise);

// mean + noise L^T: rows [n, d], float32, of the distribution with this mean [d] when noise [n, d] are standard normals.
torch::Tensor gaussian_rows(const torch::Tensor& mean, const torch::Tensor& lower, const torch::Tensor& noise);

}  // namespace clb::nn
