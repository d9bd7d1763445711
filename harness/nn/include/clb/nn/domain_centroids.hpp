// Domain identification (S-Prompts, Wang et al., NeurIPS 2022, arXiv:2207.12819, section 3.2): each domain, or task, is known by some
// centroids of its images' features; an image is of the domain that has the nearest one. Features are those of a frozen network, so what
// was learned of a domain never has to change.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <string>
#include <vector>

namespace clb::nn {

// [n, k] float64: from each of the rows [n, d] to each of the centres [k, d], "l1" the sum of the absolute differences (the released code
// of S-Prompts), "l2" the Euclidean distance (what its paper says). Throws Error (invalid) for another name.
torch::Tensor distances(const torch::Tensor& rows, const torch::Tensor& centres, const std::string& by);

class DomainCentroids {
 public:
  // Learns a domain from the features [n, d] of its images, n at least 1, which are brought to length 1: at most `clusters` centroids by
  // k-means. `domain` is one that is known, and is then learned anew, or the next one.
  void learn(int64_t domain, const torch::Tensor& features, int64_t clusters, const torch::Generator& generator);

  int64_t domains() const { return static_cast<int64_t>(centroids_.size()); }
  const torch::Tensor& centroids(int64_t domain) const { return centroids_[static_cast<size_t>(domain)]; }  // [k, d] float32

  // [n, domains] float64: to the nearest centroid of each, of the features [n, d] brought to length 1. Throws Error (invalid) before a
  // domain was learned.
  torch::Tensor distances_of(const torch::Tensor& features, const std::string& by) const;

  // [n] int64: the nearest domain; the smaller number where two are equally near.
  torch::Tensor nearest(const torch::Tensor& features, const std::string& by) const { return distances_of(features, by).argmin(1); }

  std::vector<torch::Tensor>& all() { return centroids_; }  // for whoever saves them

 private:
  std::vector<torch::Tensor> centroids_;
};

}  // namespace clb::nn
