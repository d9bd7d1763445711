#include "clb/nn/token_fusion.hpp"

#include <cmath>

#include "clb/nn/rng.hpp"

namespace clb::nn {

TokenFusion::TokenFusion(int64_t d, double dropout, const Rng& rng) : dropout(dropout), layer_norm(d) {
  const auto drawn = [&](const char* name, int64_t rows) { return normal({rows, d}, 0, 1 / std::sqrt(static_cast<double>(d)), rng(name)); };
  attention = {Linear(drawn("qkv", 3 * d)), Linear(drawn("proj", d), Linear::drawn(d, d, rng).bias), 1};
}

torch::Tensor TokenFusion::operator()(const torch::Tensor& s) const {
  const auto drop = [this](const torch::Tensor& x) { return at::dropout(x, dropout, training); };
  const auto qkv = attention.qkv(s).chunk(3, 2);
  return layer_norm(s + drop(attention.proj(attend_changed(qkv[0], qkv[1], qkv[2], attention.heads, drop))));
}

}  // namespace clb::nn
