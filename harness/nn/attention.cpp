#include "clb/nn/attention.hpp"

#include <cmath>

#include "cpu/attention_bf16.hpp"
#include "cpu/fused_training.hpp"

namespace clb::nn {
namespace {

using torch::Tensor;

Tensor split_heads(const Tensor& x, int64_t heads) { return x.unflatten(-1, {heads, -1}).transpose(1, 2); }  // [n, heads, t, d / heads]

double scale(const Tensor& q, int64_t heads) { return 1 / std::sqrt(static_cast<double>(q.size(-1) / heads)); }

// scores [n, heads, tq, tk]
Tensor weights_of(const Tensor& scores, const Tensor& mask) {
  return at::softmax(mask.defined() ? scores.masked_fill(mask.logical_not(), -INFINITY) : scores, -1);
}

}  // namespace

Tensor causal_mask(int64_t queries, int64_t keys, torch::Device device) {
  return torch::ones({queries, keys}, torch::dtype(torch::kBool).device(device)).tril();
}

Tensor attend(const Tensor& q, const Tensor& k, const Tensor& v, int64_t heads, const Tensor& mask) {
  if (!mask.defined()) {
    if (auto mixed = trained_attention(q, k, v, heads)) return *mixed;
    if (auto mixed = plain_attention(q, k, v, heads)) return *mixed;
  }
  if (!q.is_cpu() || q.scalar_type() != torch::kBFloat16) {
    return at::scaled_dot_product_attention(split_heads(q, heads), split_heads(k, heads), split_heads(v, heads), if_defined(mask))
        .transpose(1, 2)
        .flatten(2);
  }
  if (!mask.defined()) {
    if (auto mixed = attend_bf16(q, k, v, heads)) return *mixed;
  }
  // LibTorch 2.11's fused kernel is no faster in bfloat16 on the processor than in float32; three plain steps take 0.6 of its time.
  const auto rows = [&](const Tensor& x) { return split_heads(x, heads).flatten(0, 1); };  // [n * heads, t, d / heads]
  const Tensor scores = at::bmm(rows(q) * scale(q, heads), rows(k).transpose(1, 2));
  const Tensor weights = weights_of(scores.unflatten(0, {-1, heads}), mask).flatten(0, 1);
  return at::bmm(weights, rows(v)).unflatten(0, {-1, heads}).transpose(1, 2).flatten(2);
}

Tensor attend_self(const Tensor& qkv, int64_t heads, const Tensor& mask) {
  if (!mask.defined()) {
    if (auto mixed = trained_self_attention(qkv, heads)) return *mixed;
    if (auto mixed = plain_self_attention(qkv, heads)) return *mixed;
  }
  const std::vector<Tensor> parts = qkv.chunk(3, -1);
  return attend(parts[0], parts[1], parts[2], heads, mask);
}

Tensor attend_changed(const Tensor& q, const Tensor& k, const Tensor& v, int64_t heads, const ChangeWeights& change, const Tensor& mask) {
  const Tensor scores = at::matmul(split_heads(q, heads) * scale(q, heads), split_heads(k, heads).transpose(-1, -2));
  return at::matmul(change(weights_of(scores, mask)), split_heads(v, heads)).transpose(1, 2).flatten(2);
}

Attention Attention::drawn(int64_t dim, int64_t heads, const Rng& rng, bool causal) {
  const auto inside = [&](const std::string& part) { return [&rng, part](const std::string& name) { return rng(part + "." + name); }; };
  return {Linear::drawn(3 * dim, dim, inside("qkv")), Linear::drawn(dim, dim, inside("proj")), heads, causal};
}

Tensor Attention::mixed(const Tensor& x, const Tensor& mask) const {
  const Tensor earlier = causal ? causal_mask(x.size(1), x.size(1), x.device()) : Tensor();
  return attend_self(qkv(x), heads, !earlier.defined() ? mask : mask.defined() ? mask.logical_and(earlier) : earlier);
}

Tensor Attention::mixed_across(const Tensor& x, const Tensor& context, const Tensor& mask) const {
  const int64_t d = qkv.weight.size(1);
  const std::vector<Tensor> keys_values = qkv.rows(d, 2 * d)(context).chunk(2, -1);
  return attend(qkv.rows(0, d)(x), keys_values[0], keys_values[1], heads, mask);
}

}  // namespace clb::nn
