#include "frozen_linear.hpp"

#include <torch/csrc/autograd/custom_function.h>

#include <clb/nn/cpu_kernels.hpp>
#include <clb/nn/parallel.hpp>

#include "fused_training.hpp"
#include "gelu.hpp"
#include "panels.hpp"
#include "weight_panels.hpp"

namespace clb::nn {
namespace {

using torch::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::Function;
using torch::autograd::variable_list;

constexpr int64_t kBlockRows = 96;  // rows whose numbers stay in a core's cache between the products

bool is_frozen_float(const Tensor& t) { return is_float(t) && !t.requires_grad() && t.is_contiguous(); }

bool fits(const Linear& l) {
  return is_frozen_float(l.weight) && (!l.bias.defined() || is_frozen_float(l.bias)) && l.weight.size(0) % 16 == 0 &&
         l.weight.size(1) % 16 == 0;
}

bool fits(const Tensor& x, const Linear& l, const Tensor& other) {
  static const bool pays = panels_pay();
  return pays && cpu_kernels() && fits(l) && is_float(x) && x.numel() > 0 && x.size(-1) == l.weight.size(1) &&
         (!other.defined() || (is_float(other) && other.sizes().slice(0, other.dim() - 1) == x.sizes().slice(0, x.dim() - 1) &&
                               other.size(-1) == l.weight.size(0)));
}

bool with_gradient(const Tensor& x, const Tensor& other) {
  return at::GradMode::is_enabled() && (wants_gradient(x) || wants_gradient(other));
}

// A layer as forward and, where the input wants a gradient, backward read it.
struct Layer {
  Layer(const Linear& l, bool backward)
      : in(l.weight.size(1)),
        out(l.weight.size(0)),
        bias(l.bias),
        ahead(ahead_panels(l.weight)),
        back(backward ? back_panels(l.weight) : Tensor()) {}

  const float* bias_data() const { return bias.defined() ? bias.const_data_ptr<float>() : nullptr; }

  int64_t in, out;
  Tensor bias, ahead, back;
};

Strided<const float> rows_from(const Tensor& x, int64_t row) {
  return x.defined() ? Strided<const float>{x.const_data_ptr<float>() + row * x.size(-1), x.size(-1)} : Strided<const float>{};
}
Strided<float> written_from(const Tensor& x, int64_t row) { return {x.mutable_data_ptr<float>() + row * x.size(-1), x.size(-1)}; }

Strided<const float> read(Strided<float> m) { return {m.data, m.stride}; }

// work(first, rows) for blocks of rows.
template <class Work>
void each_block(int64_t rows, const Work& work) {
  in_ranges(rows, kBlockRows, [&](int64_t first, int64_t end) {
    for (int64_t row = first; row < end; row += kBlockRows) work(row, std::min(kBlockRows, end - row));
  });
}

int64_t row_count(const Tensor& x) { return x.numel() / x.size(-1); }

Tensor empty_as(const Tensor& x, int64_t columns) {
  std::vector<int64_t> sizes = x.sizes().vec();
  sizes.back() = columns;
  return at::empty(sizes, x.options());
}

// Of each thread: what lies between the products for a block of rows.
Strided<float> between(int64_t columns) {
  thread_local std::vector<float> scratch;
  scratch.resize(std::max(scratch.size(), static_cast<size_t>(kBlockRows * columns)));
  return {scratch.data(), columns};
}

Tensor linear_of(const Tensor& x, const Layer& l, const Tensor& other) {
  const Tensor y = empty_as(x, l.out);
  const float* panels = l.ahead.const_data_ptr<float>();
  each_block(row_count(x), [&](int64_t row, int64_t rows) {
    product_of_panels(rows_from(x, row), panels, {rows, l.in, l.out},
                      {.c = written_from(y, row), .bias = l.bias_data(), .other = rows_from(other, row)});
  });
  return y;
}

Tensor linear_back(const Tensor& gradient, int64_t out, int64_t in, const Tensor& back) {
  const Tensor to = empty_as(gradient, in);
  const float* panels = back.const_data_ptr<float>();
  each_block(row_count(gradient), [&](int64_t row, int64_t rows) {
    product_of_panels(rows_from(gradient, row), panels, {rows, out, in}, {.c = written_from(to, row)});
  });
  return to;
}

// The derivative of the activation goes to `slope` [..., hidden] where it is defined.
Tensor mlp_of(const Tensor& x, const Layer& fc1, const Layer& fc2, const Tensor& other, const Tensor& slope) {
  const Tensor y = empty_as(x, fc2.out);
  const float *up = fc1.ahead.const_data_ptr<float>(), *down = fc2.ahead.const_data_ptr<float>();
  each_block(row_count(x), [&](int64_t row, int64_t rows) {
    const Strided<float> hidden = between(fc1.out);
    product_of_panels(rows_from(x, row), up, {rows, fc1.in, fc1.out}, {.c = hidden});
    gelu_with_slope(hidden.data, fc1.bias_data(), rows, fc1.out, hidden.data, slope.defined() ? written_from(slope, row).data : nullptr);
    product_of_panels(read(hidden), down, {rows, fc2.in, fc2.out},
                      {.c = written_from(y, row), .bias = fc2.bias_data(), .other = rows_from(other, row)});
  });
  return y;
}

Tensor mlp_back(const Tensor& gradient, const Tensor& slope, const Tensor& back1, const Tensor& back2, int64_t in) {
  const int64_t hidden = slope.size(-1), out = gradient.size(-1);
  const Tensor to = empty_as(gradient, in);
  const float *up = back1.const_data_ptr<float>(), *down = back2.const_data_ptr<float>();
  each_block(row_count(gradient), [&](int64_t row, int64_t rows) {
    const Strided<float> of_hidden = between(hidden);
    product_of_panels(rows_from(gradient, row), down, {rows, out, hidden}, {.c = of_hidden, .times = rows_from(slope, row)});
    product_of_panels(read(of_hidden), up, {rows, hidden, in}, {.c = written_from(to, row)});
  });
  return to;
}

struct FrozenLinear : Function<FrozenLinear> {
  static Tensor forward(AutogradContext* ctx, const Tensor& x, const std::optional<Tensor>& other, const Layer& l) {
    ctx->save_for_backward({l.back});
    ctx->saved_data["in"] = l.in;
    ctx->saved_data["added"] = other.has_value();
    return linear_of(x, l, other.value_or(Tensor()));
  }
  static variable_list backward(AutogradContext* ctx, const variable_list& gradients) {
    const Tensor gradient = first_derivative(gradients).contiguous();
    const bool wanted = ctx->needs_input_grad(0);
    return {wanted ? linear_back(gradient, gradient.size(-1), ctx->saved_data["in"].toInt(), ctx->get_saved_variables()[0]) : Tensor(),
            ctx->saved_data["added"].toBool() ? gradient : Tensor(), Tensor()};
  }
};

struct FrozenMlp : Function<FrozenMlp> {
  static Tensor forward(AutogradContext* ctx, const Tensor& x, const std::optional<Tensor>& other, const Layer& fc1, const Layer& fc2) {
    const Tensor slope = empty_as(x, fc1.out);
    ctx->save_for_backward({slope, fc1.back, fc2.back});
    ctx->saved_data["in"] = fc1.in;
    ctx->saved_data["added"] = other.has_value();
    return mlp_of(x, fc1, fc2, other.value_or(Tensor()), slope);
  }
  static variable_list backward(AutogradContext* ctx, const variable_list& gradients) {
    const Tensor gradient = first_derivative(gradients).contiguous();
    const variable_list saved = ctx->get_saved_variables();
    const bool wanted = ctx->needs_input_grad(0);
    return {wanted ? mlp_back(gradient, saved[0], saved[1], saved[2], ctx->saved_data["in"].toInt()) : Tensor(),
            ctx->saved_data["added"].toBool() ? gradient : Tensor(), Tensor(), Tensor()};
  }
};

Tensor contiguous(const Tensor& x) { return x.defined() ? x.contiguous() : x; }

}  // namespace

std::optional<Tensor> frozen_linear(const Tensor& x, const Linear& layer, const Tensor& other) {
  if (!fits(x, layer, other)) return std::nullopt;
  const bool gradient = with_gradient(x, other);
  const Layer l(layer, gradient && wants_gradient(x));
  if (!gradient) return linear_of(x.contiguous(), l, contiguous(other));
  return FrozenLinear::apply(x.contiguous(), if_defined(contiguous(other)), l);
}

std::optional<Tensor> frozen_mlp(const Tensor& x, const Linear& fc1, const Linear& fc2, const Tensor& other) {
  if (!fits(x, fc1, {}) || !fits(fc2) || fc2.weight.size(1) != fc1.weight.size(0)) return std::nullopt;
  if (other.defined() && (!is_float(other) || other.sizes() != x.sizes() || fc2.weight.size(0) != x.size(-1))) return std::nullopt;
  const bool gradient = with_gradient(x, other);
  const Layer first(fc1, gradient && wants_gradient(x)), second(fc2, gradient && wants_gradient(x));
  if (!gradient) return mlp_of(x.contiguous(), first, second, contiguous(other), {});
  return FrozenMlp::apply(x.contiguous(), if_defined(contiguous(other)), first, second);
}

}  // namespace clb::nn
