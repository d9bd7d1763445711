#include "clb/nn/linear.hpp"

#include <cmath>

#include "cpu/fused_linear.hpp"

namespace clb::nn {

using torch::Tensor;

Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  const Tensor w = as_type_of(x, weight), b = as_type_of(x, bias);
  if (auto y = fused_linear(x, w, b, "none")) return *y;
  return at::linear(x, w, b);
}

Tensor linear_gelu(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  const Tensor w = as_type_of(x, weight), b = as_type_of(x, bias);
  if (auto y = fused_linear(x, w, b, "gelu")) return *y;
  return at::gelu(at::linear(x, w, b));
}

Tensor linear_add(const Tensor& x, const Tensor& weight, const Tensor& bias, const Tensor& other) {
  const Tensor w = as_type_of(x, weight), b = as_type_of(x, bias);
  if (auto y = fused_linear_add(x, w, b, other)) return *y;
  return other + at::linear(x, w, b);
}

Linear Linear::drawn(int64_t out, int64_t in, const Rng& rng, bool with_bias) {
  const double bound = 1 / std::sqrt(static_cast<double>(in));
  Linear drawn(linear_weight(out, in, rng("weight")), with_bias ? uniform({out}, -bound, bound, rng("bias")) : Tensor());
  unfreeze(drawn);
  return drawn;
}

Linear Linear::zeros(int64_t out, int64_t in, bool with_bias) {
  Linear zero(torch::zeros({out, in}), with_bias ? torch::zeros(out) : Tensor());
  unfreeze(zero);
  return zero;
}

Linear Linear::rows(int64_t first, int64_t count) const {
  return Linear(weight.narrow(0, first, count), bias.defined() ? bias.narrow(0, first, count) : bias);
}

}  // namespace clb::nn
