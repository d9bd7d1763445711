#include "clb/nn/mlp.hpp"

namespace clb::nn {

using torch::Tensor;

Tensor activate(Activation activation, const Tensor& x) {
  return activation == Activation::kGelu ? exact_gelu(x) : x * at::sigmoid(1.702 * x);
}

Tensor Mlp::hidden(const Tensor& x) const {
  if (activation == Activation::kGelu) return linear_gelu(x, fc1.weight, fc1.bias);
  return activate(activation, fc1(x));
}

}  // namespace clb::nn
