#include "fused_training.hpp"

#include <ATen/Parallel.h>
#include <torch/csrc/autograd/custom_function.h>

#include <clb/nn/cpu_kernels.hpp>
#include <clb/nn/error.hpp>
#include <clb/nn/linear.hpp>
#include <clb/nn/parallel.hpp>

#include "attention_f32.hpp"
#include "gelu.hpp"

namespace clb::nn {
namespace {

using torch::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::Function;
using torch::autograd::variable_list;

template <class... Tensors>
bool fit(const Tensors&... t) {
  return at::GradMode::is_enabled() && cpu_kernels() && (wants_gradient(t) || ...) && (is_float(t) && ...);
}

template <class... Tensors>
bool fit_plain(const Tensors&... t) {
  return cpu_kernels() && (is_float(t) && ...) && !(at::GradMode::is_enabled() && (wants_gradient(t) || ...));
}

// Whether a weight or a bias can be read as float32 by as_type_of() without autograd's knowing.
bool is_readable(const Tensor& t) {
  return !t.defined() || is_float(t) || (t.is_cpu() && t.scalar_type() == torch::kBFloat16 && !t.requires_grad());
}

bool fit_linear(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  return at::GradMode::is_enabled() && cpu_kernels() && is_float(x) && x.numel() > 0 && is_readable(weight) && is_readable(bias);
}

Tensor rows_of(const Tensor& x) { return x.reshape({-1, x.size(-1)}); }

std::vector<int64_t> with_columns(const Tensor& x, int64_t columns) {
  std::vector<int64_t> sizes = x.sizes().vec();
  sizes.back() = columns;
  return sizes;
}

// gelu(x + bias), x [rows, columns], contiguous; the derivative goes to `slope` where it is defined, which may be x.
Tensor gelu_rows(const Tensor& x, const Tensor& bias, const Tensor& slope) {
  const Tensor of = at::empty_like(x);
  const int64_t columns = x.size(-1), grain = std::max<int64_t>(1, at::internal::GRAIN_SIZE / columns);
  const auto *from = x.const_data_ptr<float>(), *added = bias.defined() ? bias.const_data_ptr<float>() : nullptr;
  auto *value = of.mutable_data_ptr<float>(), *kept = slope.defined() ? slope.mutable_data_ptr<float>() : nullptr;
  in_ranges(x.numel() / columns, grain, [&](int64_t first, int64_t end) {
    const int64_t at = first * columns;
    gelu_with_slope(from + at, added, end - first, columns, value + at, kept == nullptr ? nullptr : kept + at);
  });
  return of;
}

struct Gelu : Function<Gelu> {
  static Tensor forward(AutogradContext* ctx, const Tensor& x) {
    const Tensor from = x.contiguous(), slope = at::empty_like(from);
    ctx->save_for_backward({slope});
    return gelu_rows(from, {}, slope);
  }
  static variable_list backward(AutogradContext* ctx, const variable_list& gradients) {
    return {first_derivative(gradients) * ctx->get_saved_variables()[0]};
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
    const Tensor slope = at::mm(rows_of(x), as_type_of(x, weight).t()), value = gelu_rows(slope, added, slope);
    keep_linear(ctx, x, weight, bias, slope);
    return value.view(with_columns(x, weight.size(0)));
  }
  static variable_list backward(AutogradContext* ctx, const variable_list& gradients) {
    const variable_list saved = ctx->get_saved_variables();
    return linear_backward(ctx, saved, rows_of(first_derivative(gradients)) * saved[2]);
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
    const Tensor gradient = first_derivative(gradients);
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
    in_ranges(images() * heads, 1, [&](int64_t first, int64_t end) {
      for (int64_t i = first; i < end; ++i) work(i);
    });
  }
};

Tensor readable(const Tensor& x) { return x.stride(-1) == 1 ? x : x.contiguous(); }

Heads side_by_side(const Tensor& qkv, int64_t heads) {
  const std::vector<Tensor> parts = qkv.chunk(3, -1);
  return {parts[0], parts[1], parts[2], heads};
}

// Without k and v: q holds all three side by side, [n, t, 3 d].
Heads heads_of(const Tensor& q, const Tensor& k, const Tensor& v, int64_t heads) {
  return k.defined() ? Heads{readable(q), readable(k), readable(v), heads} : side_by_side(readable(q), heads);
}

// [n, tq, d]; the weights go to `kept` [n * heads, tq, padded keys] where it is defined.
Tensor mixed_by(const Heads& of, const Tensor& kept) {
  const int64_t queries = of.q.size(1), numbers = queries * padded_keys(of.k.size(1));
  const Tensor mixed = at::empty({of.images(), queries, of.q.size(-1)}, of.q.options());
  auto *out = mixed.mutable_data_ptr<float>(), *to = kept.defined() ? kept.mutable_data_ptr<float>() : nullptr;
  of.each([&](int64_t i) {
    thread_local std::vector<float> passing;
    if (to == nullptr) passing.resize(std::max(passing.size(), static_cast<size_t>(numbers)));
    attend_head(of.at(i), to == nullptr ? passing.data() : to + i * numbers, of.rows(out, mixed, i));
  });
  return mixed;
}

struct TrainedAttention : Function<TrainedAttention> {
  static Tensor forward(AutogradContext* ctx, const Tensor& q, const std::optional<Tensor>& k, const std::optional<Tensor>& v,
                        int64_t heads) {
    const Heads of = heads_of(q, k.value_or(Tensor()), v.value_or(Tensor()), heads);
    const Tensor weights = at::empty({of.images() * heads, of.q.size(1), padded_keys(of.k.size(1))}, of.q.options());
    ctx->save_for_backward({of.q, of.k, of.v, weights});
    ctx->saved_data["heads"] = heads;
    ctx->saved_data["together"] = !k;
    return mixed_by(of, weights);
  }
  static variable_list backward(AutogradContext* ctx, const variable_list& gradients) {
    const variable_list saved = ctx->get_saved_variables();
    const Heads of{saved[0], saved[1], saved[2], ctx->saved_data["heads"].toInt()};
    const Tensor gradient = first_derivative(gradients).contiguous(), &weights = saved[3];
    const bool together = ctx->saved_data["together"].toBool();
    const Tensor all = together ? at::empty({of.images(), of.q.size(1), 3 * of.q.size(2)}, of.q.options()) : Tensor();
    const Heads to = together ? side_by_side(all, of.heads) : Heads{empty_as(of.q), empty_as(of.k), empty_as(of.v), of.heads};
    const auto *kept = weights.const_data_ptr<float>(), *from = gradient.const_data_ptr<float>();
    of.each([&](int64_t i) { attend_head_backward(of.at(i), kept + i * weights.stride(0), of.rows(from, gradient, i), to.written_at(i)); });
    if (together) return {all, Tensor(), Tensor(), Tensor()};
    return {to.q, to.k, to.v, Tensor()};
  }

 private:
  static Tensor empty_as(const Tensor& x) { return at::empty(x.sizes(), x.options()); }
};

}  // namespace

Tensor first_derivative(const variable_list& gradients) {
  if (at::GradMode::is_enabled())
    throw Error(ErrorKind::kInvalid,
                "a fused operation has no second derivative; set CLB_CPU_KERNELS=off to have LibTorch's own operations");
  return gradients[0];
}

std::optional<Tensor> trained_gelu(const Tensor& x) {
  if (!fit(x) || x.numel() == 0) return std::nullopt;
  return Gelu::apply(x);
}

std::optional<Tensor> plain_gelu(const Tensor& x) {
  if (!fit_plain(x) || x.numel() == 0) return std::nullopt;
  return gelu_rows(x.contiguous(), {}, {});
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

std::optional<Tensor> plain_attention(const Tensor& q, const Tensor& k, const Tensor& v, int64_t heads) {
  if (!fit_plain(q, k, v) || q.numel() == 0 || k.numel() == 0) return std::nullopt;
  return mixed_by(heads_of(q, k, v, heads), {});
}

std::optional<Tensor> plain_self_attention(const Tensor& qkv, int64_t heads) {
  if (!fit_plain(qkv) || qkv.numel() == 0) return std::nullopt;
  return mixed_by(heads_of(qkv, {}, {}, heads), {});
}

}  // namespace clb::nn
