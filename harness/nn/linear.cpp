#include "clb/nn/linear.hpp"

#include <torch/csrc/autograd/custom_function.h>

#include <cmath>

#include "cpu/frozen_linear.hpp"
#include "cpu/fused_linear.hpp"
#include "cpu/fused_training.hpp"

namespace clb::nn {

using torch::Tensor;

namespace {

// x W^T + b of float32 x and frozen weights that lie in bfloat16: backward converts them once more, where autograd would keep a float32
// copy of every weight of the network until then.
struct WidenedLinear : torch::autograd::Function<WidenedLinear> {
  static Tensor forward(torch::autograd::AutogradContext* ctx, const Tensor& x, const Tensor& weight, const std::optional<Tensor>& bias) {
    ctx->save_for_backward({weight});
    return at::linear(x, as_type_of(x, weight), bias ? as_type_of(x, *bias) : Tensor());
  }
  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* ctx, torch::autograd::variable_list gradients) {
    return {at::matmul(gradients[0], as_type_of(gradients[0], ctx->get_saved_variables()[0])), Tensor(), Tensor()};
  }
};

bool widens(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  return x.requires_grad() && at::GradMode::is_enabled() && x.scalar_type() == torch::kFloat32 &&
         weight.scalar_type() == torch::kBFloat16 && !wants_gradient(weight) && !wants_gradient(bias);
}

}  // namespace

Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  if (widens(x, weight, bias)) return WidenedLinear::apply(x, weight, if_defined(bias));
  const Tensor w = as_type_of(x, weight), b = as_type_of(x, bias);
  if (auto y = fused_linear(x, w, b, "none")) return *y;
  return at::linear(x, w, b);
}

Tensor exact_gelu(const Tensor& x) {
  if (auto y = trained_gelu(x)) return *y;
  if (auto y = plain_gelu(x)) return *y;
  return at::gelu(x);
}

Tensor linear_gelu(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  if (auto y = trained_linear_gelu(x, weight, bias)) return *y;
  if (widens(x, weight, bias)) return exact_gelu(linear(x, weight, bias));
  const Tensor w = as_type_of(x, weight), b = as_type_of(x, bias);
  if (auto y = fused_linear(x, w, b, "gelu")) return *y;
  return exact_gelu(at::linear(x, w, b));
}

Tensor linear_add(const Tensor& x, const Tensor& weight, const Tensor& bias, const Tensor& other) {
  if (auto y = trained_linear_add(x, weight, bias, other)) return *y;
  if (widens(x, weight, bias)) return other + linear(x, weight, bias);
  const Tensor w = as_type_of(x, weight), b = as_type_of(x, bias);
  if (auto y = fused_linear_add(x, w, b, other)) return *y;
  return other + at::linear(x, w, b);
}

Tensor Linear::operator()(const Tensor& x) const {
  if (auto y = frozen_linear(x, *this)) return *y;
  return linear(x, weight, bias);
}

Tensor Linear::add_to(const Tensor& other, const Tensor& x) const {
  if (auto y = frozen_linear(x, *this, other)) return *y;
  return linear_add(x, weight, bias, other);
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
