#include "fused_linear.hpp"

#include <ATen/core/dispatch/Dispatcher.h>

#include <clb/nn/cpu_kernels.hpp>
#include <clb/nn/linear.hpp>
#include <string_view>

#include "fused_training.hpp"

namespace clb::nn {
namespace {

using torch::Tensor;
using Scalars = c10::List<std::optional<at::Scalar>>;
using FusedLinear = Tensor(const Tensor&, const Tensor&, const std::optional<Tensor>&, std::string_view, Scalars,
                           std::optional<std::string_view>);
using FusedLinearAdd = Tensor(const Tensor&, const Tensor&, const Tensor&, const std::optional<Tensor>&, std::string_view);

template <class Signature>
std::optional<c10::TypedOperatorHandle<Signature>> find(const char* overload) {
  const auto handle = c10::Dispatcher::singleton().findSchema({"mkldnn::_linear_pointwise", overload});
  if (!handle || !cpu_kernels() || !__builtin_cpu_supports("avx512bf16")) return std::nullopt;
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

bool fits(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  const bool gradient = at::GradMode::is_enabled() && (wants_gradient(x) || wants_gradient(weight) || wants_gradient(bias));
  return x.is_cpu() && x.scalar_type() == torch::kBFloat16 && !gradient;
}

}  // namespace

std::optional<Tensor> fused_linear(const Tensor& x, const Tensor& weight, const Tensor& bias, const char* activation) {
  if (!fits(x, weight, bias) || !fused()) return std::nullopt;
  return fused()->call(x, weight, if_defined(bias), activation, Scalars(), std::string_view(activation) == "none" ? "" : "none");
}

std::optional<Tensor> fused_linear_add(const Tensor& x, const Tensor& weight, const Tensor& bias, const Tensor& other) {
  if (!fits(x, weight, bias) || !fused_add() || (at::GradMode::is_enabled() && wants_gradient(other))) return std::nullopt;
  return fused_add()->call(x, other, weight, if_defined(bias), "add");
}

}  // namespace clb::nn
