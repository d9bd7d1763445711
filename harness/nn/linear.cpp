#include "clb/nn/linear.hpp"

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

}  // namespace clb::nn
