// Multi-head attention (Vaswani et al., NeurIPS 2017): of a sequence to itself, to what came before, or to another sequence.
#pragma once

#include <clb/nn/linear.hpp>
#include <functional>

namespace clb::nn {

// A mask says which keys a query may attend to: true where it may, [tq, tk] or anything that broadcasts to [n, heads, tq, tk]; undefined:
// to all. A query that may attend to none gets NaN.
torch::Tensor causal_mask(int64_t queries, int64_t keys, torch::Device device = torch::kCPU);  // key k for query q: k <= q

// Between the projections. q [n, tq, d], k and v [n, tk, d], any strides over n and t -> [n, tq, d], the heads side by side. Scores are
// scaled by 1/sqrt(d / heads).
torch::Tensor attend(const torch::Tensor& q, const torch::Tensor& k, const torch::Tensor& v, int64_t heads, const torch::Tensor& mask = {});

// The same of q, k and v side by side, qkv [n, t, 3 d].
torch::Tensor attend_self(const torch::Tensor& qkv, int64_t heads, const torch::Tensor& mask = {});

// The same by plain steps; change() gets the weights [n, heads, tq, tk] after the softmax, and what it returns is used in their place.
using ChangeWeights = std::function<torch::Tensor(const torch::Tensor& weights)>;
torch::Tensor attend_changed(const torch::Tensor& q, const torch::Tensor& k, const torch::Tensor& v, int64_t heads,
                             const ChangeWeights& change, const torch::Tensor& mask = {});

// With its projections: "qkv.weight" [3 d, d], whose rows are q, k, v, "qkv.bias", "proj.weight" [d, d], "proj.bias". Biases may be
// undefined. Projections that lie apart elsewhere are put together with at::cat.
struct Attention final : Module {
  Attention() = default;
  Attention(Linear qkv, Linear proj, int64_t heads, bool causal = false)
      : qkv(std::move(qkv)), proj(std::move(proj)), heads(heads), causal(causal) {}

  // Both projections by Linear::drawn, as "qkv.weight", "proj.weight", ... Trained.
  static Attention drawn(int64_t dim, int64_t heads, const Rng& rng, bool causal = false);

  // To itself, x [n, t, d] -> [n, t, d]; to another sequence, x [n, tq, d] and context [n, tk, d] -> [n, tq, d].
  torch::Tensor operator()(const torch::Tensor& x, const torch::Tensor& mask = {}) const { return proj(mixed(x, mask)); }
  torch::Tensor across(const torch::Tensor& x, const torch::Tensor& context, const torch::Tensor& mask = {}) const {
    return proj(mixed_across(x, context, mask));
  }

  // The same before proj.
  torch::Tensor mixed(const torch::Tensor& x, const torch::Tensor& mask = {}) const;
  torch::Tensor mixed_across(const torch::Tensor& x, const torch::Tensor& context, const torch::Tensor& mask = {}) const;

  Linear qkv, proj;
  int64_t heads = 1;
  bool causal = false;  // of attention to itself

 private:
  void parts(Parts& p) override { p("qkv", qkv)("proj", proj); }
};

}  // namespace clb::nn
