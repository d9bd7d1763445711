#include "clb/nn/ridge.hpp"

#include <algorithm>
#include <clb/nn/error.hpp>
#include <clb/nn/triangle.hpp>
#include <cmath>
#include <limits>
#include <string>
#include <tuple>

namespace clb::nn {
namespace {

using torch::Tensor;

// W = Q A^-1 from A = U^T U, A's upper triangle given; undefined when A is not positive definite to its precision.
Tensor solve_by_cholesky(const Tensor& upper, const Tensor& sums) {
  // Transposed, the matrix lies in memory as LAPACK wants it: no copy but that of the result.
  const auto [factor, info] = at::linalg_cholesky_ex(upper.t(), /*upper=*/false);  // [m, m]
  if (info.item<int>() != 0) return {};
  const Tensor half = at::linalg_solve_triangular(factor, sums.t(), /*upper=*/false);  // [m, classes]
  return at::linalg_solve_triangular(factor.t(), half, /*upper=*/true).t().contiguous();
}

Tensor solve_by_lu(const Tensor& upper, const Tensor& sums) {
  const auto [solution, info] = at::linalg_solve_ex(mirrored(upper.to(torch::kFloat64)), sums.t().to(torch::kFloat64));  // [m, classes]
  return info.item<int>() == 0 ? solution.t().to(sums.scalar_type()).contiguous() : Tensor();
}

}  // namespace

RidgeStatistics::RidgeStatistics(int64_t dim, torch::ScalarType type, torch::Device device)
    : gram_(torch::zeros({dim, dim}, torch::dtype(type).device(device))), sums_(torch::zeros({0, dim}, gram_.options())) {}

void RidgeStatistics::grow(int64_t classes) {
  if (classes < this->classes()) throw Error(ErrorKind::kInternal, "sums over classes cannot shrink");
  sums_ = at::cat({sums_, torch::zeros({classes - this->classes(), dim()}, sums_.options())});
}

void RidgeStatistics::add(const Tensor& rows, const Tensor& labels) {
  constexpr int64_t kStrip = 1024;  // rows of the Gram matrix at a time, from the diagonal on: half the work of the whole product
  for (int64_t i = 0; i < dim(); i += kStrip) {
    const int64_t count = std::min(kStrip, dim() - i);
    gram_.narrow(0, i, count).narrow(1, i, dim() - i).addmm_(rows.narrow(1, i, count).t(), rows.narrow(1, i, dim() - i));
  }
  sums_.addmm_(one_hot(labels, classes(), type()).t(), rows);
}

Tensor RidgeStatistics::gram() const { return mirrored(gram_); }

Tensor RidgeStatistics::weights(double ridge) const {
  Tensor diagonal = gram_.diagonal();
  const Tensor before = diagonal.clone();  // [dim]; the ridge is put in and taken out again, instead of copying the whole matrix
  diagonal.add_(ridge);
  Tensor weights = solve_by_cholesky(gram_, sums_);
  if (!weights.defined()) weights = solve_by_lu(gram_, sums_);
  diagonal.copy_(before);
  if (!weights.defined() || !weights.isfinite().all().item<bool>()) {
    const bool finite = mirrored(gram_).isfinite().all().item<bool>();  // the ridge is too small then
    throw Error(finite ? ErrorKind::kInvalid : ErrorKind::kNumeric,
                "the ridge regression over " + std::to_string(dim()) + " columns cannot be solved with a ridge of " +
                    std::to_string(ridge) + "; features that are finite, or a larger ridge, were expected");
  }
  return weights;
}

void RidgeStatistics::parameters(const ParameterVisitor& visit) {
  visit("sums", sums_);
  const Tensor packed = gram_.defined() ? pack_triangle(gram_) : Tensor();
  Tensor visited = packed;
  visit("gram", visited);
  if (!visited.is_same(packed)) gram_ = visited.defined() ? unpack_triangle(visited, sums_.defined() ? sums_.size(-1) : -1) : visited;
}

RidgePath RidgePath::of_rows(const Tensor& rows, const Tensor& labels, int64_t classes, const Tensor& predicted) {
  if (rows.size(0) >= rows.size(1)) {
    RidgeStatistics sums(rows.size(1), torch::kFloat64, rows.device());
    sums.grow(classes);
    sums.add(rows.to(torch::kFloat64), labels);
    return of_sums(sums, predicted);
  }
  const Tensor h = rows.to(torch::kFloat64);                                // [n, m]
  const auto [spectrum, vectors] = at::linalg_eigh(at::mm(h, h.t()), "U");  // [n], [n, n]
  RidgePath path;
  path.spectrum_ = spectrum.clamp_min(0);
  path.left_ = at::mm(at::mm(predicted.to(torch::kFloat64), h.t()), vectors);
  path.right_ = at::mm(vectors.t(), one_hot(labels, classes, torch::kFloat64));
  return path;
}

RidgePath RidgePath::of_sums(const RidgeStatistics& sums, const Tensor& predicted) {
  const auto [spectrum, vectors] = at::linalg_eigh(sums.gram_.to(torch::kFloat64), "U");  // [m], [m, m]
  RidgePath path;
  path.spectrum_ = spectrum.clamp_min(0);
  path.left_ = at::mm(predicted.to(torch::kFloat64), vectors);
  path.right_ = at::mm(vectors.t(), sums.sums_.t().to(torch::kFloat64));
  return path;
}

Tensor RidgePath::predict(double ridge) const { return at::mm(left_ / (spectrum_ + ridge), right_); }

std::vector<Tensor> RidgeFolds::predict(const Tensor& rows, const Tensor& labels, const std::vector<double>& ridges) {
  const Tensor v = rows.to(torch::kFloat64), y = one_hot(labels, all_->classes(), torch::kFloat64);  // [v, m], [v, c]
  std::vector<Tensor> predictions;
  if (2 * v.size(0) > v.size(1)) {
    RidgeStatistics rest;
    rest.gram_ = all_->gram_.to(torch::kFloat64) - at::mm(v.t(), v);
    rest.sums_ = all_->sums_.to(torch::kFloat64) - at::mm(y.t(), v);
    const RidgePath path = RidgePath::of_sums(rest, v);
    for (const double ridge : ridges) predictions.push_back(path.predict(ridge));
    return predictions;
  }
  if (!spectrum_.defined()) {
    std::tie(spectrum_, vectors_) = at::linalg_eigh(all_->gram_.to(torch::kFloat64), "U");
    spectrum_.clamp_min_(0);
  }
  const Tensor z = at::mm(v, vectors_), sums = at::mm(all_->sums_.to(torch::kFloat64), vectors_);  // [v, m], [c, m]: in the eigenbasis
  for (const double ridge : ridges) {
    const Tensor scaled = z / (spectrum_ + ridge), k = at::mm(scaled, z.t());  // V A^-1, K [v, v]
    const Tensor right = at::mm(scaled, sums.t()) - at::mm(k, y);
    predictions.push_back(std::get<0>(at::linalg_solve_ex(at::eye(v.size(0), v.options()) - k, right)));
  }
  return predictions;
}

std::vector<double> powers_of_ten(int64_t low, int64_t high) {
  std::vector<double> powers;
  for (int64_t k = low; k <= high; ++k) powers.push_back(std::pow(10.0, static_cast<double>(k)));
  return powers;
}

size_t first_minimum(const std::vector<double>& losses) {
  size_t best = losses.size();
  for (size_t k = 0; k < losses.size(); ++k) {
    if (std::isfinite(losses[k]) && (best == losses.size() || losses[k] < losses[best])) best = k;
  }
  if (best == losses.size()) throw Error(ErrorKind::kNumeric, "no candidate has a finite loss; features that are finite were expected");
  return best;
}

Tensor one_hot(const Tensor& labels, int64_t classes, torch::ScalarType type) {
  return torch::zeros({labels.size(0), classes}, torch::dtype(type).device(labels.device())).scatter_(1, labels.unsqueeze(1), 1);
}

}  // namespace clb::nn
