#include "clb/nn/class_statistics.hpp"

#include <clb/nn/tensors.hpp>
#include <clb/nn/triangle.hpp>

namespace clb::nn {

using torch::Tensor;

void ClassMeans::grow(int64_t classes, int64_t dim, torch::Device device) {
  sums_ = grow_rows(sums_, classes, dim, device);
  counts_ = grow_rows(counts_, classes, 1, device);
}

void ClassMeans::add(const Tensor& features, const Tensor& labels) {
  sums_.index_add_(0, labels, features.to(torch::kFloat64));
  counts_.index_add_(0, labels, torch::ones({labels.size(0), 1}, counts_.options()));
}

Tensor ClassMeans::means() const { return sums_ / counts_.clamp_min(1); }

void ClassMeans::parameters(const ParameterVisitor& visit) {
  visit("sums", sums_);
  visit("counts", counts_);
}

void ClassVariances::grow(int64_t classes, int64_t dim, torch::Device device) {
  ClassMeans::grow(classes, dim, device);
  squares_ = grow_rows(squares_, classes, dim, device);
}

void ClassVariances::add(const Tensor& features, const Tensor& labels) {
  ClassMeans::add(features, labels);
  squares_.index_add_(0, labels, features.to(torch::kFloat64).square());
}

Tensor ClassVariances::variances(bool unbiased) const {
  const Tensor divisor = (counts_ - (unbiased ? 1 : 0)).clamp_min(1);
  return ((squares_ - sums_.square() / counts_.clamp_min(1)) / divisor).clamp_min(0).masked_fill(counts_ < (unbiased ? 2 : 1), 0);
}

void ClassVariances::parameters(const ParameterVisitor& visit) {
  ClassMeans::parameters(visit);
  visit("squares", squares_);
}

void ClassCovariances::grow(int64_t classes, int64_t dim, torch::Device device) {
  ClassMeans::grow(classes, dim, device);
  products_ = grow_rows(products_, classes, dim * (dim + 1) / 2, device);
}

void ClassCovariances::add(const Tensor& features, const Tensor& labels) {
  ClassMeans::add(features, labels);
  const Tensor rows = features.to(torch::kFloat64), present = std::get<0>(at::_unique(labels.cpu()));
  for (int64_t k = 0; k < present.numel(); ++k) {
    const auto c = present[k].item<int64_t>();
    const Tensor of_class = rows.index_select(0, (labels == c).nonzero().flatten());  // [n, d]
    products_[c] += pack_triangle(at::mm(of_class.t(), of_class));
  }
}

Tensor ClassCovariances::covariance(int64_t c) const {
  const Tensor sum = sums_[c], products = mirrored(unpack_triangle(products_[c], sums_.size(1)));  // [d], [d, d]
  const auto n = counts_[c].item<double>();
  return n < 2 ? torch::zeros_like(products) : (products - at::outer(sum, sum) / n) / (n - 1);
}

void ClassCovariances::parameters(const ParameterVisitor& visit) {
  ClassMeans::parameters(visit);
  visit("products", products_);
}

Tensor shrunk(const Tensor& covariance, double diagonal, double off_diagonal) {
  const Tensor eye = at::eye(covariance.size(-1), covariance.options()), off = covariance * (1 - eye);
  const Tensor v = covariance.diagonal(0, -2, -1).mean(-1);                                  // [...]
  const Tensor w = off.sum({-2, -1}) / off.ne(0).sum(at::IntArrayRef{-2, -1}).clamp_min(1);  // [...]
  const auto each = [](const Tensor& t) { return t.unsqueeze(-1).unsqueeze(-1); };
  return covariance + diagonal * each(v) * eye + off_diagonal * each(w) * (1 - eye);
}

Tensor correlation(const Tensor& covariance) {
  const Tensor deviation = covariance.diagonal(0, -2, -1).clamp_min(0).sqrt();  // [..., d]
  const Tensor scale = deviation.masked_fill(deviation == 0, 1);
  const Tensor scaled = covariance / scale.unsqueeze(-1) / scale.unsqueeze(-2);
  return scaled + at::diag_embed(deviation.eq(0).to(covariance.scalar_type()));
}

}  // namespace clb::nn
