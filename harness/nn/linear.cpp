#include "clb/nn/linear.hpp"

#include <ATen/core/dispatch/Dispatcher.h>

#include <cmath>
#include <optional>
#include <string_view>

namespace clb::nn {
namespace {

using torch::Tensor;
using Scalars = c10::List<std::optional<at::Scalar>>;
using FusedLinear = Tensor(const Tensor&, const Tensor&, const std::optional<Tensor>&, std::string_view, Scalars,
                           std::optional<std::string_view>);
using FusedLinearAdd = Tensor(const Tensor&, const Tensor&, const Tensor&, const std::optional<Tensor>&, std::string_view);

// oneDNN's linear with bias and activation in one pass, which LibTorch registers for its compiler; it has no gradient. In bfloat16
// at::linear first writes the bias and then adds to it, rounding in between, and takes 1.1 to 1.2 times as long.
template <class Signature>
std::optional<c10::TypedOperatorHandle<Signature>> find(const char* overload) {
  const auto handle = c10::Dispatcher::singleton().findSchema({"mkldnn::_linear_pointwise", overload});
  if (!handle || !__builtin_cpu_supports("avx512bf16")) return std::nullopt;
  return handle->typed<Signature>();
}

const std::optional<c10::TypedOperatorHandle<FusedLinear>>& fused() {
  static const auto op = find<FusedLinear>("");
  return op;
}
const std::optional<c10::TypedOperatorHandle<FusedLinearAdd>>& fused_add() {
  static const auto op = find<FusedLinearAdd>("binary");
  return op;
}

bool wants_gradient(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  return at::GradMode::is_enabled() && (x.requires_grad() || weight.requires_grad() || (bias.defined() && bias.requires_grad()));
}

bool use_fused(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  return x.is_cpu() && x.scalar_type() == torch::kBFloat16 && !wants_gradient(x, weight, bias) && fused();
}

std::optional<Tensor> if_any(const Tensor& bias) { return bias.defined() ? std::optional(bias) : std::nullopt; }

}  // namespace

Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  const Tensor w = as_type_of(x, weight), b = as_type_of(x, bias);
  return use_fused(x, w, b) ? fused()->call(x, w, if_any(b), "none", Scalars(), "") : at::linear(x, w, b);
}

Tensor linear_gelu(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  const Tensor w = as_type_of(x, weight), b = as_type_of(x, bias);
  return use_fused(x, w, b) ? fused()->call(x, w, if_any(b), "gelu", Scalars(), "none") : at::gelu(at::linear(x, w, b));
}

Tensor linear_add(const Tensor& x, const Tensor& weight, const Tensor& bias, const Tensor& other) {
  const Tensor w = as_type_of(x, weight), b = as_type_of(x, bias);
  if (use_fused(x, w, b) && fused_add() && !(at::GradMode::is_enabled() && other.requires_grad()))
    return fused_add()->call(x, other, w, if_any(b), "add");
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
