#include "fused_training.hpp"

#include <ATen/Parallel.h>
#include <torch/csrc/autograd/custom_function.h>

#include <clb/nn/cpu_kernels.hpp>
#include <clb/nn/error.hpp>
#include <clb/nn/linear.hpp>
#include <cmath>

#include "gelu.hpp"

namespace clb::nn {
namespace {

using torch::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::Function;
using torch::autograd::variable_list;

bool is_float(const Tensor& t) { return t.is_cpu() && t.scalar_type() == torch::kFloat32; }

template <class... Tensors>
bool fit(const Tensors&... t) {
  return at::GradMode::is_enabled() && cpu_kernels() && (wants_gradient(t) || ...) && (is_float(t) && ...);
}

// Whether a weight or a bias can be read as float32 by as_type_of() without autograd's knowing.
bool is_readable(const Tensor& t) {
  return !t.defined() || is_float(t) || (t.is_cpu() && t.scalar_type() == torch::kBFloat16 && !t.requires_grad());
}

bool fit_linear(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  return at::GradMode::is_enabled() && cpu_kernels() && is_float(x) && x.numel() > 0 && is_readable(weight) && is_readable(bias);
}

// The gradient of a result, where backward is not itself to be differentiated.
Tensor once(const variable_list& gradients) {
  if (at::GradMode::is_enabled())
    throw Error(ErrorKind::kInvalid,
                "a fused operation has no second derivative; set CLB_CPU_KERNELS=off to have LibTorch's own operations");
  return gradients[0];
}

Tensor rows_of(const Tensor& x) { return x.reshape({-1, x.size(-1)}); }

std::vector<int64_t> with_columns(const Tensor& x, int64_t columns) {
  std::vector<int64_t> sizes = x.sizes().vec();
  sizes.back() = columns;
  return sizes;
}

struct GeluAndSlope {
  Tensor value, slope;
};

// x [rows, columns], contiguous; its memory becomes the slope's where it is not needed afterwards.
GeluAndSlope gelu_rows(const Tensor& x, const Tensor& bias, bool overwrite) {
  GeluAndSlope of{at::empty_like(x), overwrite ? x : at::empty_like(x)};
  const int64_t columns = x.size(-1), grain = std::max<int64_t>(1, at::internal::GRAIN_SIZE / columns);
  const auto *from = x.const_data_ptr<float>(), *added = bias.defined() ? bias.const_data_ptr<float>() : nullptr;
  auto *value = of.value.mutable_data_ptr<float>(), *slope = of.slope.mutable_data_ptr<float>();
  at::parallel_for(0, x.numel() / columns, grain, [&](int64_t first, int64_t end) {
    gelu_with_slope(from + first * columns, added, end - first, columns, value + first * columns, slope + first * columns);
  });
  return of;
}

struct Gelu : Function<Gelu> {
  static Tensor forward(AutogradContext* ctx, const Tensor& x) {
    const auto [value, slope] = gelu_rows(x.contiguous(), {}, false);
    ctx->save_for_backward({slope});
    return value;
  }
  static variable_list backward(AutogradContext* ctx, const variable_list& gradients) {
    return {once(gradients) * ctx->get_saved_variables()[0]};
  }
};

// What the gradients of x, weight and bias of x W^T + b need: the weight where x has one, x where the weight has one.
void keep_linear(AutogradContext* ctx, const Tensor& x, const Tensor& weight, const std::optional<Tensor>& bias, const Tensor& more = {}) {
  ctx->save_for_backward({x.requires_grad() ? weight : Tensor(), weight.requires_grad() ? x : Tensor(), more});
  ctx->saved_data["sizes"] = x.sizes();
  ctx->saved_data["bias"] = bias && bias->requires_grad();
}

// The same, of the gradient of the result [rows, out].
variable_list linear_backward(AutogradContext* ctx, const variable_list& saved, const Tensor& gradient) {
  return {saved[0].defined() ? at::mm(gradient, as_type_of(gradient, saved[0])).view(ctx->saved_data["sizes"].toIntVector()) : Tensor(),
          saved[1].defined() ? at::mm(gradient.t(), rows_of(saved[1])) : Tensor(),
          ctx->saved_data["bias"].toBool() ? gradient.sum(0) : Tensor()};
}

struct LinearGelu : Function<LinearGelu> {
  static Tensor forward(AutogradContext* ctx, const Tensor& x, const Tensor& weight, const std::optional<Tensor>& bias) {
    const Tensor added = bias ? as_type_of(x, *bias).contiguous() : Tensor();
    const auto [value, slope] = gelu_rows(at::mm(rows_of(x), as_type_of(x, weight).t()), added, true);
    keep_linear(ctx, x, weight, bias, slope);
    return value.view(with_columns(x, weight.size(0)));
  }
  static variable_list backward(AutogradContext* ctx, const variable_list& gradients) {
    const variable_list saved = ctx->get_saved_variables();
    return linear_backward(ctx, saved, rows_of(once(gradients)) * saved[2]);
  }
};

struct LinearAdd : Function<LinearAdd> {
  static Tensor forward(AutogradContext* ctx, const Tensor& x, const Tensor& weight, const std::optional<Tensor>& bias,
                        const Tensor& other) {
    keep_linear(ctx, x, weight, bias);
    const Tensor sum = bias ? other.contiguous() + as_type_of(x, *bias) : other.clone(at::MemoryFormat::Contiguous);
    sum.view({-1, sum.size(-1)}).addmm_(rows_of(x), as_type_of(x, weight).t());
    return sum;
  }
  static variable_list backward(AutogradContext* ctx, const variable_list& gradients) {
    const Tensor gradient = once(gradients);
    variable_list all = linear_backward(ctx, ctx->get_saved_variables(), rows_of(gradient));
    all.push_back(gradient);
    return all;
  }
};

struct TrainedAttention : Function<TrainedAttention> {
  static Tensor forward(AutogradContext* ctx, const Tensor& q, const Tensor& k, const Tensor& v, int64_t heads) {
    const double scale = 1 / std::sqrt(static_cast<double>(q.size(-1) / heads));
    const Tensor queries = by_head(q, heads), keys = by_head(k, heads), values = by_head(v, heads);
    const Tensor weights = at::softmax(product(queries, keys.transpose(1, 2), scale), -1);
    ctx->save_for_backward({queries, keys, values, weights});
    ctx->saved_data["heads"] = heads;
    ctx->saved_data["scale"] = scale;
    return side_by_side(at::bmm(weights, values), heads);
  }
  static variable_list backward(AutogradContext* ctx, const variable_list& gradients) {
    const variable_list saved = ctx->get_saved_variables();
    const Tensor &queries = saved[0], &keys = saved[1], &values = saved[2], &weights = saved[3];
    const int64_t heads = ctx->saved_data["heads"].toInt();
    const double scale = ctx->saved_data["scale"].toDouble();
    const Tensor gradient = by_head(once(gradients), heads), of_weights = at::bmm(gradient, values.transpose(1, 2));
    const Tensor of_scores = at::_softmax_backward_data(of_weights, weights, -1, weights.scalar_type());
    return {side_by_side(product(of_scores, keys, scale), heads), side_by_side(product(of_scores.transpose(1, 2), queries, scale), heads),
            side_by_side(at::bmm(weights.transpose(1, 2), gradient), heads), Tensor()};
  }

 private:
  static Tensor product(const Tensor& a, const Tensor& b, double factor) {
    return at::baddbmm(at::empty({a.size(0), a.size(1), b.size(2)}, a.options()), a, b, /*beta=*/0, factor);
  }
  // [n, t, d] -> [n heads, t, d / heads], contiguous, and back.
  static Tensor by_head(const Tensor& x, int64_t heads) { return x.unflatten(-1, {heads, -1}).transpose(1, 2).contiguous().flatten(0, 1); }
  static Tensor side_by_side(const Tensor& x, int64_t heads) { return x.unflatten(0, {-1, heads}).transpose(1, 2).flatten(2); }
};

}  // namespace

std::optional<Tensor> trained_gelu(const Tensor& x) {
  if (!fit(x) || x.numel() == 0) return std::nullopt;
  return Gelu::apply(x);
}

std::optional<Tensor> trained_linear_gelu(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  if (!fit_linear(x, weight, bias) || !(wants_gradient(x) || wants_gradient(weight) || wants_gradient(bias))) return std::nullopt;
  return LinearGelu::apply(x, weight, if_defined(bias));
}

std::optional<Tensor> trained_linear_add(const Tensor& x, const Tensor& weight, const Tensor& bias, const Tensor& other) {
  if (!fit_linear(x, weight, bias) || !is_float(other) || other.sizes() != at::IntArrayRef(with_columns(x, weight.size(0))) ||
      !(wants_gradient(x) || wants_gradient(weight) || wants_gradient(bias) || wants_gradient(other)))
    return std::nullopt;
  return LinearAdd::apply(x, weight, if_defined(bias), other);
}

std::optional<Tensor> trained_attention(const Tensor& q, const Tensor& k, const Tensor& v, int64_t heads) {
  if (!fit(q, k, v) || q.numel() == 0 || k.numel() == 0) return std::nullopt;
  return TrainedAttention::apply(q, k, v, heads);
}

}  // namespace clb::nn
