#include "clb/nn/subspace.hpp"

#include <clb/nn/error.hpp>
#include <string>
#include <tuple>

namespace clb::nn {

using torch::Tensor;

Tensor extended_basis(const Tensor& basis, const Tensor& moment, double share) {
  const torch::NoGradGuard no_grad;
  if (!(share >= 0 && share <= 1)) throw Error(ErrorKind::kInvalid, "a share of " + std::to_string(share) + "; 0 to 1 was expected");
  const Tensor m = moment.to(torch::kFloat64);
  if (!m.isfinite().all().item<bool>()) throw Error(ErrorKind::kNumeric, "inputs of a layer are not finite");
  const double wanted = share * m.trace().item<double>();
  const Tensor old = basis.defined() ? basis.to(m.options()) : torch::zeros({m.size(0), 0}, m.options());
  const Tensor left = outside(outside(m, old).t(), old);                  // (I - B B^T) M (I - B B^T)
  const auto [values, vectors] = at::linalg_eigh((left + left.t()) / 2);  // ascending
  double held = old.t().matmul(m).matmul(old).trace().item<double>();
  const Tensor descending = values.flip(0).cpu();
  const double smallest = 1e-12 * m.trace().item<double>();  // below it directions are rounding
  int64_t more = 0;
  for (; more < m.size(0) - old.size(1) && held < wanted; ++more) {
    const double value = descending[more].item<double>();
    if (value <= smallest) break;
    held += value;
  }
  const Tensor both = at::cat({old, vectors.narrow(1, m.size(0) - more, more).flip(1)}, 1);
  return std::get<0>(at::linalg_qr(both));  // orthonormal also after many tasks
}

Tensor outside(const Tensor& rows, const Tensor& basis) {
  if (!basis.defined() || basis.size(1) == 0) return rows;
  const Tensor b = basis.to(rows.options().requires_grad(false));
  return rows - rows.matmul(b).matmul(b.t());
}

bool project_from(const std::vector<Tensor>& tensors, const std::vector<Tensor>& reference) {
  const torch::NoGradGuard no_grad;
  double product = 0, length = 0;
  for (size_t k = 0; k < tensors.size(); ++k) {
    if (!reference[k].defined()) continue;
    const Tensor r = reference[k].to(torch::kFloat64);
    length += r.square().sum().item<double>();
    if (tensors[k].grad().defined()) product += (tensors[k].grad().to(torch::kFloat64) * r).sum().item<double>();
  }
  if (product >= 0 || length == 0) return false;
  for (size_t k = 0; k < tensors.size(); ++k) {
    if (!reference[k].defined()) continue;
    Tensor& gradient = tensors[k].mutable_grad();
    const Tensor part = reference[k] * (product / length);
    gradient = gradient.defined() ? gradient - part : -part;
  }
  return true;
}

}  // namespace clb::nn
