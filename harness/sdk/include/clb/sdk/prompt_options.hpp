// Options of nn's building blocks as parameters of a method: each group once, so that every method that has the block declares it alike.
#pragma once

#include <clb/nn/class_gaussians.hpp>
#include <clb/sdk/params.hpp>

namespace clb {

// What is kept of a class's features (HiDe-Prompt).
template <class T>
void add_options(Params<T>& p, nn::StatisticsOptions T::*kept) {
  using Kept = nn::StatisticsOptions;
  auto in = p.in(kept);
  in.choice("statistics", &Kept::statistics, {"multi_centroid", "variance", "covariance"}, "what is kept of a class's features");
  in.integer("centroids", &Kept::centroids, {1, 1000}, "statistics multi_centroid: clusters per class, each with its variances");
  in.real("ridge", &Kept::ridge, {0, 100}, "added to the variances that features are drawn with");
}

}  // namespace clb
