// LayerNorm over the last dimension (Ba et al., 2016).
#pragma once

#include <clb/nn/module.hpp>

namespace clb::nn {

// (x - mean) / sqrt(variance + eps) * weight + bias; x [..., d] of any floating-point type. "weight" and "bias" [d].
struct LayerNorm final : Module {
  LayerNorm() = default;
  explicit LayerNorm(int64_t dim, double eps = 1e-5);  // 1 and 0: torch.nn.LayerNorm's start and eps. Not trained

  torch::Tensor operator()(const torch::Tensor& x) const;

  torch::Tensor weight, bias;
  double eps = 1e-5;

 private:
  void parts(Parts& p) override { p("weight", weight)("bias", bias); }
};

}  // namespace clb::nn
