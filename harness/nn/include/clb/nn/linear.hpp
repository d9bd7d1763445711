// x W^T + b, alone, with an exact GELU behind it, or added to something: the products of a ViT and of what hangs on it.
#pragma once

#include <torch/types.h>

namespace clb::nn {

// `t` in the floating-point type of `x`: trained parameters are float32 while the frozen network may compute in bfloat16.
inline torch::Tensor as_type_of(const torch::Tensor& x, const torch::Tensor& t) {
  return t.scalar_type() == x.scalar_type() ? t : t.to(x.scalar_type());
}

// x [..., in], weight [out, in], bias [out] -> [..., out] in the type of x.
torch::Tensor linear(const torch::Tensor& x, const torch::Tensor& weight, const torch::Tensor& bias);
torch::Tensor linear_gelu(const torch::Tensor& x, const torch::Tensor& weight, const torch::Tensor& bias);
// other [..., out] + x W^T + b
torch::Tensor linear_add(const torch::Tensor& x, const torch::Tensor& weight, const torch::Tensor& bias, const torch::Tensor& other);

}  // namespace clb::nn
