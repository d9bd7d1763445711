#include "fused_training.hpp"

#include <ATen/Parallel.h>
#include <torch/csrc/autograd/custom_function.h>

#include <clb/nn/cpu_kernels.hpp>
#include <clb/nn/error.hpp>
#include <clb/nn/linear.hpp>

#include "attention_f32.hpp"
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

// Queries, keys and values [n, t, d] as they lie, and one head of one image of them.
struct Heads {
  Tensor q, k, v;
  int64_t heads;

  int64_t images() const { return q.size(0); }
  int64_t width() const { return q.size(-1) / heads; }

  AttentionHead at(int64_t i) const {
    return {q.size(1),
            k.size(1),
            width(),
            rows(q.const_data_ptr<float>(), q, i),
            rows(k.const_data_ptr<float>(), k, i),
            rows(v.const_data_ptr<float>(), v, i)};
  }
  HeadGradients written_at(int64_t i) const {
    return {rows(q.mutable_data_ptr<float>(), q, i), rows(k.mutable_data_ptr<float>(), k, i), rows(v.mutable_data_ptr<float>(), v, i)};
  }
  // Of `data`, which belongs to x [n, t, d].
  template <class T>
  Strided<T> rows(T* data, const Tensor& x, int64_t i) const {
    return {data + i / heads * x.stride(0) + i % heads * width(), x.stride(1)};
  }

  // work(i) of all heads of all images.
  template <class Work>
  void each(Work work) const {
    at::parallel_for(0, images() * heads, 1, [&](int64_t first, int64_t end) {
      for (int64_t i = first; i < end; ++i) work(i);
    });
  }
};

struct TrainedAttention : Function<TrainedAttention> {
  // Without k and v: q holds all three side by side, [n, t, 3 d].
  static Tensor forward(AutogradContext* ctx, const Tensor& q, const std::optional<Tensor>& k, const std::optional<Tensor>& v,
                        int64_t heads) {
    const Heads of = k ? Heads{readable(q), readable(*k), readable(*v), heads} : side_by_side(readable(q), heads);
    const int64_t queries = of.q.size(1), padded = padded_keys(of.k.size(1));
    const Tensor weights = at::empty({of.images() * heads, queries, padded}, of.q.options());
    const Tensor mixed = at::empty({of.images(), queries, of.q.size(-1)}, of.q.options());
    auto *to = weights.mutable_data_ptr<float>(), *out = mixed.mutable_data_ptr<float>();
    of.each([&](int64_t i) { attend_head(of.at(i), to + i * queries * padded, of.rows(out, mixed, i)); });
    ctx->save_for_backward({of.q, of.k, of.v, weights});
    ctx->saved_data["heads"] = heads;
    ctx->saved_data["together"] = !k;
    return mixed;
  }
  static variable_list backward(AutogradContext* ctx, const variable_list& gradients) {
    const variable_list saved = ctx->get_saved_variables();
    const Heads of{saved[0], saved[1], saved[2], ctx->saved_data["heads"].toInt()};
    const Tensor gradient = once(gradients).contiguous(), &weights = saved[3];
    const bool together = ctx->saved_data["together"].toBool();
    const Tensor all = together ? at::empty({of.images(), of.q.size(1), 3 * of.q.size(2)}, of.q.options()) : Tensor();
    const Heads to = together ? side_by_side(all, of.heads) : Heads{empty_as(of.q), empty_as(of.k), empty_as(of.v), of.heads};
    const auto *kept = weights.const_data_ptr<float>(), *from = gradient.const_data_ptr<float>();
    of.each([&](int64_t i) { attend_head_backward(of.at(i), kept + i * weights.stride(0), of.rows(from, gradient, i), to.written_at(i)); });
    if (together) return {all, Tensor(), Tensor(), Tensor()};
    return {to.q, to.k, to.v, Tensor()};
  }

 private:
  static Tensor readable(const Tensor& x) { return x.stride(-1) == 1 ? x : x.contiguous(); }
  static Tensor empty_as(const Tensor& x) { return at::empty(x.sizes(), x.options()); }
  static Heads side_by_side(const Tensor& qkv, int64_t heads) {
    const std::vector<Tensor> parts = qkv.chunk(3, -1);
    return {parts[0], parts[1], parts[2], heads};
  }
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
  return TrainedAttention::apply(q, if_defined(k), if_defined(v), heads);
}

std::optional<Tensor> trained_self_attention(const Tensor& qkv, int64_t heads) {
  if (!fit(qkv) || qkv.numel() == 0) return std::nullopt;
  return TrainedAttention::apply(qkv, std::optional<Tensor>(), std::optional<Tensor>(), heads);
}

}  // namespace clb::nn
