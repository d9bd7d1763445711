// The one vision transformer of this tree (Dosovitskiy et al., ICLR 2021): pre-norm, class token, LayerNorm eps 1e-6, exact GELU, fused
// qkv, no classification head. Weights carry timm's names (`blocks.3.attn.qkv.weight`).
//
// A Vit is a cheap handle: copies share their parameters, which are frozen at first. Every const member may be called on several threads at
// once. Methods change what it computes by an Injection, never by editing it.
#pragma once

#include <torch/types.h>

#include <clb/nn/injection.hpp>
#include <clb/nn/weights.hpp>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace clb::nn {

struct VitShape {
  int64_t image = 224, patch = 16, channels = 3;
  int64_t dim = 192, depth = 12, heads = 3, mlp = 768;  // mlp: hidden units, not the ratio

  int64_t grid() const { return image / patch; }
  int64_t tokens() const { return 1 + grid() * grid(); }
  bool operator==(const VitShape&) const = default;
};

struct VitBlock {  // timm's blocks.<i>.*; linear weights are [out, in], rows of qkv are q, k, v
  torch::Tensor norm1_weight, norm1_bias, qkv_weight, qkv_bias, proj_weight, proj_bias;
  torch::Tensor norm2_weight, norm2_bias, fc1_weight, fc1_bias, fc2_weight, fc2_bias;
};

struct VitParameters {
  torch::Tensor cls_token, pos_embed;      // [1, 1, d], [1, tokens, d]
  torch::Tensor patch_weight, patch_bias;  // [d, channels, patch, patch], [d]
  std::vector<VitBlock> blocks;
  torch::Tensor norm_weight, norm_bias;
};

struct VitOptions {
  int64_t heads = 0;          // 0: dim / 64, at least 1
  int64_t image = 0;          // side of the images to come; 0: what the weights were made for. Else positions are interpolated
  bool pos_antialias = true;  // see interpolate_positions
};

class Vit final : public Module {
 public:
  Vit() = default;

  // Takes copies of the tensors and deduces the shape from them; `head.*` is ignored. A missing tensor, one of the wrong shape and one that
  // a plain ViT does not have cause a base::Error that names it; `name` (a file) opens the sentence.
  explicit Vit(const TensorMap& tensors, const VitOptions& options = {}, const std::string& name = "weights");

  const VitShape& shape() const { return shape_; }
  int64_t dim() const { return shape_.dim; }

  // The same network on another device or in another floating-point type (float32 or bfloat16). Parameters that already fit are shared.
  Vit to(torch::Device device, torch::ScalarType dtype) const;

  // Every parameter under its timm name, in the order of the network.
  void parameters(const ParameterVisitor& visit) override;

  // Where the class token stands: the row of the position embedding that some prompts share with it, [1, 1, d].
  torch::Tensor cls_position() const { return p_.pos_embed.narrow(1, 0, 1); }

  // The forward pass. images [n, channels, image, image] of the network's device and type.
  torch::Tensor cls(const torch::Tensor& images) const;     // [n, d]: class token after the final norm
  torch::Tensor tokens(const torch::Tensor& images) const;  // [n, tokens, d]: all tokens after the final norm
  torch::Tensor query(const torch::Tensor& images) const;   // cls() without a gradient

  // The same with something hung in. tokens() holds whatever tokens the injection leaves behind the last block.
  torch::Tensor cls(const torch::Tensor& images, const Injection& injection) const;
  torch::Tensor tokens(const torch::Tensor& images, const Injection& injection) const;

  // [n, k, d]: the class tokens that blocks first, first + 1, ... put out, before the final norm.
  torch::Tensor cls_of_blocks(const torch::Tensor& images, int64_t first, const Injection& injection = Injection()) const;

  // The steps of the plain pass. x [n, tokens, d], any number of tokens.
  torch::Tensor patch_embed(const torch::Tensor& images) const;           // [n, patches, d], row-major
  torch::Tensor embed(const torch::Tensor& images) const;                 // [n, tokens, d]: class token first, plus positions
  torch::Tensor block(int64_t i, const torch::Tensor& x) const;           // x + attention(norm1 x), then that + mlp(norm2 that)
  torch::Tensor qkv(int64_t i, const torch::Tensor& normed) const;        // [n, tokens, 3 d]
  torch::Tensor attention(int64_t i, const torch::Tensor& normed) const;  // after proj, before the residual
  torch::Tensor mlp(int64_t i, const torch::Tensor& normed) const;        // before the residual
  torch::Tensor norm1(int64_t i, const torch::Tensor& x) const;
  torch::Tensor norm2(int64_t i, const torch::Tensor& x) const;
  torch::Tensor norm(const torch::Tensor& x) const;

  // What cls() makes of embed()'s tokens, of which all but the class token, the first, may be left out: [n, t, d] -> [n, d].
  torch::Tensor cls_of_embedded(const torch::Tensor& x) const;

 private:
  torch::Tensor mixed(int64_t i, const torch::Tensor& normed) const;  // attention before proj

  // The steps with an injection (vit_injected.cpp).
  torch::Tensor embed(const torch::Tensor& images, const Injection& in) const;
  torch::Tensor block(int64_t i, const torch::Tensor& x, const Injection& in) const;
  torch::Tensor attention(int64_t i, const torch::Tensor& x, const Injection& in) const;
  torch::Tensor mlp(int64_t i, const torch::Tensor& x, const Injection& in) const;
  torch::Tensor norm(const torch::Tensor& x, const Injection& in) const;
  torch::Tensor with_positions(const torch::Tensor& patches) const;

  VitShape shape_;
  VitParameters p_;
};

// The ViT in a safetensors file that lies in memory. `options` is the JSON object that goes with the file: "heads", "image_size" and
// "pos_antialias", as in VitOptions.
Vit read_vit(std::span<const uint8_t> file, const std::string& options, const std::string& name);

// Position embeddings [1, 1 + g*g, d] for a grid of side `grid`: the class token's row is copied, the grid is resized bicubically in
// float32. antialias true: timm 0.9 and later (cubic coefficient -0.5); false: timm 0.6.12 (-0.75, no antialiasing).
torch::Tensor interpolate_positions(const torch::Tensor& pos_embed, int64_t grid, bool antialias);

// An untrained ViT. Each tensor has a generator of its own, seeded by a hash of (seed, name): the order of drawing cannot matter. Linear
// weights are Xavier uniform, the patch projection LeCun normal, as in timm's "jax" scheme; position embeddings and the class token are
// normal with deviation 0.02; biases 0; LayerNorm 1 and 0.
TensorMap random_vit(const VitShape& shape, int64_t seed);

}  // namespace clb::nn
