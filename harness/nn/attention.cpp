#include "attention.hpp"

#include <algorithm>
#include <cmath>

namespace clb::nn {
namespace {

using torch::Tensor;

Tensor split_heads(const Tensor& x, int64_t heads) { return x.unflatten(-1, {heads, -1}).transpose(1, 2); }  // [n, heads, t, d / heads]

double scale(const Tensor& q, int64_t heads) { return 1 / std::sqrt(static_cast<double>(q.size(-1) / heads)); }

// LibTorch 2.11's fused kernel is slower in bfloat16 on the processor than in float32; three plain steps take 0.56 of its time.
Tensor attend_in_steps(const Tensor& q, const Tensor& k, const Tensor& v, int64_t heads) {  // [n, heads, tq, d / heads]
  const auto rows = [&](const Tensor& x) { return split_heads(x, heads).flatten(0, 1); };   // [n * heads, t, d / heads]
  const Tensor weights = at::softmax(at::bmm(rows(q) * scale(q, heads), rows(k).transpose(1, 2)), -1);
  return at::bmm(weights, rows(v)).unflatten(0, {-1, heads});
}

}  // namespace

Tensor attend(const Tensor& q, const Tensor& k, const Tensor& v, int64_t heads) {
  if (!q.is_cpu() || q.scalar_type() != torch::kBFloat16) {
    return at::scaled_dot_product_attention(split_heads(q, heads), split_heads(k, heads), split_heads(v, heads)).transpose(1, 2).flatten(2);
  }
  // Few images at a time, so that their weights stay in a core's cache; the graph of a backward pass had better be short.
  constexpr int64_t kWeights = 500'000;
  const int64_t n = q.size(0), group = std::max<int64_t>(1, kWeights / (heads * q.size(1) * k.size(1)));
  if (at::GradMode::is_enabled() || n <= group) return attend_in_steps(q, k, v, heads).transpose(1, 2).flatten(2);
  const Tensor mixed = at::empty({n, q.size(1), q.size(2)}, q.options());
  for (int64_t first = 0; first < n; first += group) {
    const auto part = [&](const Tensor& x) { return x.narrow(0, first, std::min(group, n - first)); };
    split_heads(part(mixed), heads).copy_(attend_in_steps(part(q), part(k), part(v), heads));
  }
  return mixed;
}

Tensor attend_changed(const Tensor& q, const Tensor& k, const Tensor& v, int64_t heads, const ChangeWeights& change) {
  const Tensor weights = at::softmax(at::matmul(split_heads(q, heads) * scale(q, heads), split_heads(k, heads).transpose(-1, -2)), -1);
  return at::matmul(change(weights), split_heads(v, heads)).transpose(1, 2).flatten(2);
}

}  // namespace clb::nn
