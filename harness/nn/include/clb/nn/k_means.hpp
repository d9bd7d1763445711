// K-means: Lloyd's iterations from a k-means++ start (Arthur and Vassilvitskii, SODA 2007), greedy as in scikit-learn, in float64.
#pragma once

#include <torch/types.h>

#include <cstdint>

namespace clb::nn {

struct KMeansOptions {
  int64_t clusters = 5;
  int64_t tries = 1;         // the one with the smallest inertia counts
  int64_t iterations = 300;  // at most, of each try
  double tolerance = 1e-4;   // of the centres' squared movement, times the mean variance of the features; scikit-learn's
};

struct Clusters {
  torch::Tensor centres;  // [k, d] float64; k is smaller than asked for where there are fewer different rows
  torch::Tensor labels;   // [n] int64: the nearest centre, ties to the smaller number
  double inertia = 0;     // sum of squared distances to it
};

// rows [n, d] of any floating-point type, n at least 1, on any device; what is drawn comes from the generator alone. Throws Error (invalid)
// for fewer than one cluster, (numeric) for rows that are not finite.
Clusters k_means(const torch::Tensor& rows, const KMeansOptions& options, torch::Generator generator);

// The iterations alone, from these centres [k, d]; nothing is drawn, and `clusters` and `tries` say nothing.
Clusters k_means_from(const torch::Tensor& rows, const torch::Tensor& centres, const KMeansOptions& options);

}  // namespace clb::nn
