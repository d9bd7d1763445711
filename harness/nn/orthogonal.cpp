#include "clb/nn/orthogonal.hpp"

#include <clb/nn/tensors.hpp>

namespace clb::nn {
namespace {

using torch::Tensor;

constexpr int64_t kAttempts = 4;
constexpr double kNothingLeft = 1e-8;  // of a drawn row's square; the released code's bound, there of the square itself

// v less its parts along the rows [k, d], which need not be of unit length; a row of zeros has no direction.
Tensor less_parts(const Tensor& v, const Tensor& rows) {
  const Tensor squares = rows.square().sum(1), along = rows.matmul(v) / squares.clamp_min(1e-300);
  return v - rows.t().matmul(along);
}

Tensor orthogonal_row(const Tensor& rows, int64_t row, const DrawRow& draw) {
  Tensor first;
  for (int64_t attempt = 0; attempt < kAttempts; ++attempt) {
    const Tensor v = draw(row, attempt).to(torch::kFloat64), left = less_parts(v, rows);
    if (left.square().sum().item<double>() > kNothingLeft * v.square().sum().item<double>()) return left / left.norm();
    if (!first.defined()) first = v;
  }
  return first / first.norm().clamp_min(1e-300);
}

}  // namespace

Tensor gram_schmidt_rows(const Tensor& kept, int64_t count, const DrawRow& draw) {
  const int64_t have = kept.size(0);
  const Tensor all = at::cat({kept.detach().to(torch::kCPU, torch::kFloat64), torch::zeros({count, kept.size(1)}, torch::kFloat64)});
  for (int64_t row = have; row < have + count; ++row) all[row].copy_(orthogonal_row(all.narrow(0, 0, row), row, draw));
  return all.to(torch::kFloat32);
}

Tensor orthogonality_loss(const Tensor& rows) {
  if (rows.numel() == 0) return torch::zeros({}, rows.options());
  const Tensor products = rows.matmul(rows.transpose(-1, -2)), unit = torch::eye(rows.size(-2), rows.options());  // [..., k, k]
  return (products - unit).square().mean({-2, -1}).sum();
}

double overlap(const Tensor& rows) {
  const int64_t k = rows.size(-2);
  if (k < 2 || rows.numel() == 0) return 0;
  const Tensor unit = unit_rows(rows.detach().to(torch::kFloat64)), cosines = unit.matmul(unit.transpose(-1, -2)).abs();  // [..., k, k]
  const double all = cosines.sum().item<double>(), own = cosines.diagonal(0, -2, -1).sum().item<double>();
  return (all - own) / (static_cast<double>(cosines.numel()) * static_cast<double>(k - 1) / static_cast<double>(k));
}

}  // namespace clb::nn
