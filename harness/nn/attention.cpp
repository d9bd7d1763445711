#include "attention.hpp"

#include <cmath>

#include "cpu/attention_bf16.hpp"

namespace clb::nn {
namespace {

using torch::Tensor;

Tensor split_heads(const Tensor& x, int64_t heads) { return x.unflatten(-1, {heads, -1}).transpose(1, 2); }  // [n, heads, t, d / heads]

double scale(const Tensor& q, int64_t heads) { return 1 / std::sqrt(static_cast<double>(q.size(-1) / heads)); }

}  // namespace

Tensor attend(const Tensor& q, const Tensor& k, const Tensor& v, int64_t heads) {
  if (!q.is_cpu() || q.scalar_type() != torch::kBFloat16) {
    return at::scaled_dot_product_attention(split_heads(q, heads), split_heads(k, heads), split_heads(v, heads)).transpose(1, 2).flatten(2);
  }
  if (auto mixed = attend_bf16(q, k, v, heads)) return *mixed;
  // LibTorch 2.11's fused kernel is no faster in bfloat16 on the processor than in float32; three plain steps take 0.6 of its time.
  const auto rows = [&](const Tensor& x) { return split_heads(x, heads).flatten(0, 1); };  // [n * heads, t, d / heads]
  const Tensor weights = at::softmax(at::bmm(rows(q) * scale(q, heads), rows(k).transpose(1, 2)), -1);
  return at::bmm(weights, rows(v)).unflatten(0, {-1, heads}).transpose(1, 2).flatten(2);
}

Tensor attend_changed(const Tensor& q, const Tensor& k, const Tensor& v, int64_t heads, const ChangeWeights& change) {
  const Tensor weights = at::softmax(at::matmul(split_heads(q, heads) * scale(q, heads), split_heads(k, heads).transpose(-1, -2)), -1);
  return at::matmul(change(weights), split_heads(v, heads)).transpose(1, 2).flatten(2);
}

}  // namespace clb::nn
