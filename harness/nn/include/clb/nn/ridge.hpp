// Ridge regression from running sums, and the choice of its ridge: RanPAC (McDonnell et al., NeurIPS 2023), LayUP (Ahrens et al., TMLR
// 2024) and whatever fits a linear classifier in closed form.
#pragma once

#include <clb/nn/module.hpp>
#include <vector>

namespace clb::nn {

// G = H^T H and Q = Y^T H over all rows added so far, Y one-hot; W = Q (G + ridge I)^-1. What is kept does not grow with the number of
// rows. Everything is computed in `type` (float64 or float32): products of a batch, sums and the solution.
class RidgeStatistics final : public Module {
 public:
  RidgeStatistics() = default;
  RidgeStatistics(int64_t dim, torch::ScalarType type, torch::Device device);

  bool defined() const { return gram_.defined(); }
  int64_t dim() const { return gram_.size(0); }
  int64_t classes() const { return sums_.size(0); }
  torch::ScalarType type() const { return gram_.scalar_type(); }

  void grow(int64_t classes);                                        // never fewer than before
  void add(const torch::Tensor& rows, const torch::Tensor& labels);  // [n, dim] of `type`, [n] int64 below classes()

  torch::Tensor gram() const;                          // [dim, dim], a symmetric copy
  const torch::Tensor& sums() const { return sums_; }  // Q: [classes, dim]

  // W [classes, dim], by Cholesky; where the matrix is not positive definite to this precision, by LU in float64. Throws Error when
  // it is singular even then. Needs the memory of one more matrix [dim, dim] meanwhile.
  torch::Tensor weights(double ridge) const;

  void parameters(const ParameterVisitor& visit) override;  // "gram" as a triangle (triangle.hpp), "sums"

 private:
  friend class RidgePath;
  friend class RidgeFolds;
  torch::Tensor gram_;  // [dim, dim], of which only the upper triangle is kept up
  torch::Tensor sums_;
};

// What ridge regression predicts on given rows, for as many ridges as are asked for: one eigendecomposition G = U diag(s) U^T serves them
// all, since (G + ridge I)^-1 = U diag(1 / (s + ridge)) U^T. In float64 whatever the type of what comes in: with fewer rows than columns a
// search in float32 finds minima of rounding noise at tiny ridges.
class RidgePath {
 public:
  // Fitted on rows [n, m] with labels [n] below `classes`. With n < m the kernel [n, n] is decomposed instead of the Gram matrix: W = Y^T
  // (H H^T + ridge I)^-1 H.
  static RidgePath of_rows(const torch::Tensor& rows, const torch::Tensor& labels, int64_t classes, const torch::Tensor& predicted);
  static RidgePath of_sums(const RidgeStatistics& sums, const torch::Tensor& predicted);

  torch::Tensor predict(double ridge) const;  // [rows of `predicted`, classes]

 private:
  torch::Tensor spectrum_;  // [k]
  torch::Tensor left_;      // [rows of `predicted`, k]
  torch::Tensor right_;     // [k, classes]
};

// Cross-validation of ridges: what the regression on everything but a fold predicts on the fold. For folds that are small against the
// columns one eigendecomposition of the whole Gram matrix serves all of them: without the rows V of a fold, and with A = G + ridge I and
// K = V A^-1 V^T, the prediction is (I - K)^-1 (V A^-1 Q^T - K Y). For larger ones each fold has its own. In float64.
class RidgeFolds {
 public:
  // Sums over everything, the folds included; must outlive this.
  explicit RidgeFolds(const RidgeStatistics& all) : all_(&all) {}

  // rows [v, dim] and labels [v] that are part of the sums -> for each ridge [v, classes], not finite where it is too small to be solved.
  std::vector<torch::Tensor> predict(const torch::Tensor& rows, const torch::Tensor& labels, const std::vector<double>& ridges);

 private:
  const RidgeStatistics* all_;
  torch::Tensor spectrum_, vectors_;  // [m], [m, m]; computed when first needed
};

// 10^low, ..., 10^high.
std::vector<double> powers_of_ten(int64_t low, int64_t high);

// Position of the smallest loss, the first of several; one that is not finite counts as infinite. Throws Error (numeric) when none is
// finite.
size_t first_minimum(const std::vector<double>& losses);

torch::Tensor one_hot(const torch::Tensor& labels, int64_t classes, torch::ScalarType type);  // [n] -> [n, classes]

}  // namespace clb::nn
