// What is kept of a class in place of its samples: one normal distribution, with a full or a diagonal covariance, or several, one for each
// cluster of its features (HiDe-Prompt: up to ten diagonal ones). alignment.hpp draws from any of them.
#pragma once

#include <clb/nn/k_means.hpp>
#include <clb/nn/rng.hpp>
#include <string>
#include <vector>

namespace clb::nn {

struct ClassGaussian {
  int64_t label;
  torch::Tensor mean, covariance;  // [d], [d, d]; or variances [d]
};

struct GaussianOptions {
  std::string covariance = "full";  // full | diagonal
  int64_t per_class = 1;            // clusters of k-means; fewer where a class has fewer different samples
  bool unbiased = true;             // sums of squares divided by n - 1, else by n; of a single sample the covariance is 0
  double ridge = 0;                 // added to the variances
};

// By name, as HiDe-Prompt has them.
struct StatisticsOptions {
  std::string statistics = "multi_centroid";  // clusters with their variances | variance | covariance, which are of a whole class
  int64_t centroids = 10;                     // clusters
  double ridge = 1e-4;                        // added to the variances when features are drawn

  GaussianOptions gaussians() const;
};

// Of the samples of one class, rows [n, d] with n at least 1: means in float64, covariances in float32, on the rows' device. Clusters come
// in the order of their numbers and draw from rng("clusters"). Throws Error (invalid) for another covariance or no row.
std::vector<ClassGaussian> gaussians_of(int64_t label, const torch::Tensor& rows, const GaussianOptions& options, const Rng& rng);

}  // namespace clb::nn
