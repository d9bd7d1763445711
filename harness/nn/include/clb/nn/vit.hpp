// The vision transformer of this tree (Dosovitskiy et al., ICLR 2021): patch embedding, class token, blocks (pre-norm, LayerNorm eps 1e-6,
// exact GELU, fused qkv), a final norm, no classification head. Weights carry timm's names (`blocks.3.attn.qkv.weight`). Images and grids
// of patches need not be square.
//
// A Vit is a cheap handle: copies share their parameters, which are frozen at first. Every const member may be called on several threads at
// once. Methods change what it computes by an Injection, never by editing it.
#pragma once

#include <clb/nn/blocks.hpp>
#include <clb/nn/patch_embedding.hpp>
#include <clb/nn/weights.hpp>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace clb::nn {

struct VitShape {
  ImageSize image = 224;
  int64_t patch = 16, channels = 3;
  int64_t dim = 192, depth = 12, heads = 3, mlp = 768;  // mlp: hidden units, not the ratio

  constexpr ImageSize grid() const { return {image.height / patch, image.width / patch}; }
  constexpr int64_t tokens() const { return 1 + grid().area(); }
  operator BlocksShape() const {
    return {.dim = dim, .depth = depth, .heads = heads, .mlp = mlp, .inputs = channels * patch * patch, .norm_pre = false};
  }
  bool operator==(const VitShape&) const = default;
};

struct VitOptions {
  int64_t heads = 0;          // 0: dim / 64, at least 1
  ImageSize image = 0;        // of the images to come; 0: what the weights were made for. Else positions are interpolated
  bool pos_antialias = true;  // see interpolate_positions
  ImageSize grid = 0;         // of the positions in the file; 0: a square, or `image`'s where their number is none
};

// Images [n, channels, height, width], or what frozen blocks made of them already: tokens [n, t, d] before block `block`.
struct Begun {
  Begun(torch::Tensor images) : x(std::move(images)) {}  // NOLINT: images are taken wherever what was begun is
  Begun(torch::Tensor tokens, int64_t block) : x(std::move(tokens)), block(block) {}

  torch::Tensor x;
  int64_t block = -1;  // -1: images
};

class Vit final : public Module {
 public:
  Vit() = default;

  // Takes copies of the tensors and deduces the shape from them; `head.*` is ignored. A missing tensor, one of the wrong shape and one that
  // a plain ViT does not have cause a base::Error that names it; `name` (a file) opens the sentence.
  explicit Vit(const TensorMap& tensors, const VitOptions& options = {}, const std::string& name = "weights");

  const VitShape& shape() const { return shape_; }
  int64_t dim() const { return shape_.dim; }
  const Blocks& blocks() const { return blocks_; }

  // The same network on another device or in another floating-point type (float32 or bfloat16). Parameters that already fit are shared.
  Vit to(torch::Device device, torch::ScalarType dtype) const;

  // Where the class token stands: the row of the position embedding that some prompts share with it, [1, 1, d].
  torch::Tensor cls_position() const { return embedding_.pos_embed.narrow(1, 0, 1); }

  // The forward pass. images [n, channels, height, width] of the network's device and type.
  torch::Tensor cls(const Begun& images) const;             // [n, d]: class token after the final norm
  torch::Tensor tokens(const torch::Tensor& images) const;  // [n, tokens, d]: all tokens after the final norm
  torch::Tensor query(const Begun& images) const;           // cls() without a gradient

  // The same with something hung in. tokens() holds whatever tokens the injection leaves behind the last block; first_tokens() the first
  // `count` of these, [n, count, d], which takes less time. Throws Error (internal) for blocks that the injection would have changed.
  torch::Tensor cls(const Begun& images, const Injection& injection) const;
  torch::Tensor tokens(const torch::Tensor& images, const Injection& injection) const;
  torch::Tensor first_tokens(const Begun& images, int64_t count, const Injection& injection) const;

  // The tokens before `block`, which come before it in every pass that nothing is hung into earlier: without a gradient, so of a network
  // that is not trained.
  Begun begin(const torch::Tensor& images, int64_t block) const;

  // [n, k, d]: the class tokens that blocks first, first + 1, ... put out, before the final norm.
  torch::Tensor cls_of_blocks(const torch::Tensor& images, int64_t first, const Injection& injection = Injection()) const;

  // The steps of the plain pass. x [n, tokens, d], any number of tokens.
  torch::Tensor patch_embed(const torch::Tensor& images) const { return embedding_.patches(images); }  // [n, patches, d], row-major
  torch::Tensor embed(const torch::Tensor& images) const;  // [n, tokens, d]: class token first, plus positions
  torch::Tensor block(int64_t i, const torch::Tensor& x) const { return blocks_[i](x); }
  torch::Tensor norm(const torch::Tensor& x) const { return norm_(x); }

  // What cls() makes of embed()'s tokens, of which all but the class token, the first, may be left out: [n, t, d] -> [n, d]. first: the
  // block that these tokens come before; less than there are.
  torch::Tensor cls_of_embedded(const torch::Tensor& x, int64_t first = 0) const { return norm_(blocks_.first_row(x, first)); }

 private:
  void parts(Parts& p) override { p("", embedding_)("blocks", blocks_)("norm", norm_); }
  torch::Tensor embed(const Begun& images, const Injection& in) const;
  torch::Tensor norm(const torch::Tensor& x, const Injection& in) const;

  VitShape shape_;
  PatchEmbedding embedding_;
  Blocks blocks_;
  LayerNorm norm_;
};

// The ViT in a safetensors file that lies in memory. `options` is the JSON object that goes with the file: "heads", "image_size" (a side,
// or height and width) and "pos_antialias", as in VitOptions.
Vit read_vit(std::span<const uint8_t> file, const std::string& options, const std::string& name);

// An untrained ViT. Each tensor has a generator of its own, seeded by a hash of (seed, name): the order of drawing cannot matter. Linear
// weights are Xavier uniform, the patch projection LeCun normal, as in timm's "jax" scheme; position embeddings and the class token are
// normal with deviation 0.02; biases 0; LayerNorm 1 and 0.
TensorMap random_vit(const VitShape& shape, int64_t seed);

}  // namespace clb::nn
