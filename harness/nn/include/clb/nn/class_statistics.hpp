// Means, variances and covariances of the classes' features, from running sums in float64: d, 2 d and d + d (d + 1) / 2 numbers a class,
// however many samples there are.
#pragma once

#include <clb/nn/module.hpp>

namespace clb::nn {

// Mean of each class; a class without samples has a mean of zeros.
class ClassMeans : public Module {
 public:
  int64_t classes() const { return sums_.defined() ? sums_.size(0) : 0; }
  void grow(int64_t classes, int64_t dim, torch::Device device);         // never fewer than before
  void add(const torch::Tensor& features, const torch::Tensor& labels);  // [n, d] of any floating-point type, [n] int64 below classes()

  torch::Tensor means() const;                              // [classes, d] float64
  torch::Tensor counts() const { return counts_; }          // [classes, 1] float64
  void parameters(const ParameterVisitor& visit) override;  // "sums", "counts"

 protected:
  torch::Tensor sums_, counts_;  // [classes, d], [classes, 1]
};

// The variance of each feature as well.
class ClassVariances final : public ClassMeans {
 public:
  void grow(int64_t classes, int64_t dim, torch::Device device);
  void add(const torch::Tensor& features, const torch::Tensor& labels);

  // [classes, d] float64: (sum x^2 - n mu^2) / (n - 1), or / n where not `unbiased`; zeros for a class of too few samples.
  torch::Tensor variances(bool unbiased = true) const;
  void parameters(const ParameterVisitor& visit) override;  // "sums", "counts", "squares"

 private:
  torch::Tensor squares_;  // [classes, d]
};

// The covariance of each class as well.
class ClassCovariances final : public ClassMeans {
 public:
  void grow(int64_t classes, int64_t dim, torch::Device device);
  void add(const torch::Tensor& features, const torch::Tensor& labels);

  // Unbiased, [d, d] float64: (sum x x^T - n mu mu^T) / (n - 1); zeros for a class of fewer than two samples.
  torch::Tensor covariance(int64_t c) const;
  void parameters(const ParameterVisitor& visit) override;  // "sums", "counts", "products"

 private:
  torch::Tensor products_;  // [classes, d (d + 1) / 2]: the sums of x x^T as triangles (triangle.hpp)
};

// FeCAM (Goswami et al., NeurIPS 2023), eq. 7: covariance + diagonal * v I + off_diagonal * w (1 - I), where v is the mean variance and w
// the mean of those covariances of two features that are not exactly 0. [..., d, d].
torch::Tensor shrunk(const torch::Tensor& covariance, double diagonal, double off_diagonal);

// S_ij / sqrt(S_ii S_jj) (eq. 8). A feature without variance correlates with nothing and has 1 on the diagonal. [..., d, d].
torch::Tensor correlation(const torch::Tensor& covariance);

}  // namespace clb::nn
