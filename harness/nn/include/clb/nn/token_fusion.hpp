// What tokens of several kinds (images, sentences, prototypes) say of each other, as one layer of attention (PROOF, Zhou et al., TPAMI
// 2025).
#pragma once

#include <clb/nn/attention.hpp>
#include <clb/nn/layer_norm.hpp>

namespace clb::nn {

// LayerNorm(S + proj(softmax(Q K^T / sqrt(d)) V)), one head; drop-out on the attention and behind proj, in training. Trained, drawn as
// "qkv", "proj" and "bias" with the Xavier deviation. Parameters: those of Attention, and "layer_norm".
struct TokenFusion final : Module {
  TokenFusion() = default;
  TokenFusion(int64_t d, double dropout, const Rng& rng);
  torch::Tensor operator()(const torch::Tensor& s) const;  // [n, t, d] -> the same
  void train(bool on) override { training = on; }

  double dropout = 0;
  bool training = false;
  Attention attention;
  LayerNorm layer_norm;

 private:
  void parts(Parts& p) override { p("", attention)("layer_norm", layer_norm); }
};

}  // namespace clb::nn
