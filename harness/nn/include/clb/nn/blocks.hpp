// The blocks of a transformer, as ViT and both towers of CLIP have them: x + attention(norm1 x), then that + mlp(norm2 that). Weights carry
// timm's names (`blocks.3.attn.qkv.weight`).
#pragma once

#include <clb/nn/attention.hpp>
#include <clb/nn/injection.hpp>
#include <clb/nn/layer_norm.hpp>
#include <clb/nn/list.hpp>
#include <clb/nn/mlp.hpp>

namespace clb::nn {

// What the blocks of different networks differ in, beside their sizes.
struct BlockStyle {
  double eps = 1e-6;  // of LayerNorm; CLIP 1e-5
  Activation activation = Activation::kGelu;
  bool causal = false;  // a token attends to itself and to earlier ones only
  bool bias = true;     // at qkv, proj, fc1 and fc2
};

struct Block final : Module {
  Block() = default;
  Block(const BlocksShape& shape, const BlockStyle& style);  // without numbers: whoever loads or draws them gives them

  torch::Tensor operator()(const torch::Tensor& x) const;
  torch::Tensor operator()(int64_t index, const torch::Tensor& x, const Injection& in) const;  // the `index`-th block

  // [n, 1, d]: row 0 of the result alone; with an injection that works by token its first `count` rows, [n, count, d].
  torch::Tensor first_row(const torch::Tensor& x) const;
  torch::Tensor leading(int64_t index, const torch::Tensor& x, int64_t count, const Injection& in) const;

  LayerNorm norm1;
  Attention attn;
  LayerNorm norm2;
  Mlp mlp;

 private:
  torch::Tensor attended(int64_t index, const torch::Tensor& x, int64_t rows, const Injection& in) const;
  torch::Tensor fed_forward(int64_t index, const torch::Tensor& x, const Injection& in) const;
  void parts(Parts& p) override { p("norm1", norm1)("attn", attn)("norm2", norm2)("mlp", mlp); }
};

class Blocks final : public Module {
 public:
  Blocks() = default;
  Blocks(const BlocksShape& shape, const BlockStyle& style);

  const Block& operator[](int64_t i) const { return blocks_[i]; }
  int64_t depth() const { return blocks_.size(); }

  // x [n, t, d] through all blocks: plain, or with something hung in from block `first` on.
  torch::Tensor operator()(const torch::Tensor& x) const;
  torch::Tensor operator()(const torch::Tensor& x, const Injection& in, int64_t first = 0) const;

  // Row 0 of the result alone, [n, d], from block `first` on; with something hung in the first `count` rows, [n, count, d].
  torch::Tensor first_row(const torch::Tensor& x, int64_t first = 0) const;
  torch::Tensor leading(const torch::Tensor& x, int64_t count, const Injection& in, int64_t first = 0) const;

  // [n, k, d]: rows 0 that blocks first, first + 1, ... put out.
  torch::Tensor first_rows(const torch::Tensor& x, int64_t first, const Injection& in) const;

 private:
  void parts(Parts& p) override { p("", blocks_); }
  List<Block> blocks_;
};

}  // namespace clb::nn
