#include "clb/nn/mlp.hpp"

#include "cpu/frozen_linear.hpp"

namespace clb::nn {

using torch::Tensor;

Tensor activate(Activation activation, const Tensor& x) {
  return activation == Activation::kGelu ? exact_gelu(x) : x * at::sigmoid(1.702 * x);
}

Tensor Mlp::operator()(const Tensor& x) const {
  if (activation == Activation::kGelu) {
    if (auto y = frozen_mlp(x, fc1, fc2)) return *y;
  }
  return fc2(hidden(x));
}

Tensor Mlp::add_to(const Tensor& other, const Tensor& x) const {
  if (activation == Activation::kGelu) {
    if (auto y = frozen_mlp(x, fc1, fc2, other)) return *y;
  }
  return fc2.add_to(other, hidden(x));
}

Tensor Mlp::hidden(const Tensor& x) const {
  if (activation == Activation::kGelu) return linear_gelu(x, fc1.weight, fc1.bias);
  return activate(activation, fc1(x));
}

}  // namespace clb::nn
