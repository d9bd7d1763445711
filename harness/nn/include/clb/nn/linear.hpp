// x W^T + b: the product that networks, adapters and heads are made of, alone, with an activation behind it, or added to something.
#pragma once

#include <torch/types.h>

#include <clb/nn/module.hpp>
#include <clb/nn/rng.hpp>
#include <optional>

namespace clb::nn {

// `t` in the floating-point type of `x`: trained parameters are float32 while the frozen network may compute in bfloat16.
inline torch::Tensor as_type_of(const torch::Tensor& x, const torch::Tensor& t) {
  return !t.defined() || t.scalar_type() == x.scalar_type() ? t : t.to(x.scalar_type());
}

// What LibTorch takes where a tensor may be missing.
inline std::optional<torch::Tensor> if_defined(const torch::Tensor& t) { return t.defined() ? std::optional(t) : std::nullopt; }

// x [..., in], weight [out, in], bias [out] or undefined -> [..., out] in the type of x.
torch::Tensor linear(const torch::Tensor& x, const torch::Tensor& weight, const torch::Tensor& bias);
torch::Tensor exact_gelu(const torch::Tensor& x);  // x Phi(x)
torch::Tensor linear_gelu(const torch::Tensor& x, const torch::Tensor& weight, const torch::Tensor& bias);
// other [..., out] + x W^T + b
torch::Tensor linear_add(const torch::Tensor& x, const torch::Tensor& weight, const torch::Tensor& bias, const torch::Tensor& other);

// As a module: "weight" [out, in] and "bias" [out], which may be undefined.
struct Linear final : Module {
  Linear() = default;
  explicit Linear(torch::Tensor weight, torch::Tensor bias = {}) : weight(std::move(weight)), bias(std::move(bias)) {}

  // torch.nn.Linear's start: both uniform within 1/sqrt(in), drawn as "weight" and "bias". Trained.
  static Linear drawn(int64_t out, int64_t in, const Rng& rng, bool with_bias = true);
  // All zero, so that what it is added to stays as it is. Trained.
  static Linear zeros(int64_t out, int64_t in, bool with_bias = true);

  torch::Tensor operator()(const torch::Tensor& x) const;
  torch::Tensor add_to(const torch::Tensor& other, const torch::Tensor& x) const;  // other + what it gives for x
  Linear rows(int64_t first, int64_t count) const;                                 // those of its outputs, a view

  torch::Tensor weight, bias;

 private:
  void parts(Parts& p) override { p("weight", weight)("bias", bias); }
};

}  // namespace clb::nn
