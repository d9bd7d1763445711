// CLIP (Radford et al., ICML 2021): a tower for images and one for texts whose features lie in one space. Weights of OpenAI and of OpenCLIP
// carry the same names and differ in the activation, which is a property of the file. Inside, parameters have timm's names
// (`blocks.3.attn.qkv.weight`), so that an injection or a prefix of names means the same in every network.
//
// Towers are cheap handles as a Vit is: copies share their parameters, which are frozen at first; const members may be called on several
// threads at once.
#pragma once

#include <clb/nn/vit.hpp>

namespace clb::nn {

struct ClipOptions {
  Activation activation = Activation::kGelu;  // LAION's weights; OpenAI's: kQuickGelu
  int64_t image_heads = 0, text_heads = 0;    // 0: width / 64, at least 1
  ImageSize image = 0;                        // these three as in VitOptions
  bool pos_antialias = true;
  ImageSize grid = 0;
};

// Patch embedding without bias, class token, positions, norm_pre, blocks, and of the class token norm and projection.
class ClipImage final : public Module {
 public:
  ClipImage() = default;
  // As Vit's. Tensors of the text tower and the scale of logits are left alone.
  explicit ClipImage(const TensorMap& tensors, const ClipOptions& options = {}, const std::string& name = "weights");

  const VitShape& shape() const { return shape_; }
  BlocksShape blocks_shape() const;  // for what is hung in
  int64_t dim() const { return shape_.dim; }
  int64_t features() const { return proj_.size(1); }
  const Blocks& blocks() const { return blocks_; }
  ClipImage to(torch::Device device, torch::ScalarType dtype) const;

  // images [n, channels, height, width] -> [n, features], not normalised.
  torch::Tensor operator()(const torch::Tensor& images) const;
  torch::Tensor operator()(const torch::Tensor& images, const Injection& injection) const;

  torch::Tensor cls(const torch::Tensor& images) const;  // [n, d]: the class token after the final norm, before the projection
  torch::Tensor cls_of_blocks(const torch::Tensor& images, int64_t first, const Injection& injection = Injection()) const;  // as Vit's

  // The steps: embedded tokens after norm_pre [n, t, d]; these behind the last block; rows [n, d] or tokens to features.
  torch::Tensor embed(const torch::Tensor& images) const;
  torch::Tensor tokens(const torch::Tensor& images, const Injection& injection = Injection()) const;
  torch::Tensor norm(const torch::Tensor& x) const { return norm_(x); }
  torch::Tensor project(const torch::Tensor& normed) const;

 private:
  void parts(Parts& p) override { p("", embedding_)("norm_pre", norm_pre_)("blocks", blocks_)("norm", norm_)("proj", proj_); }
  torch::Tensor embed(const torch::Tensor& images, const Injection& in) const;

  VitShape shape_;
  PatchEmbedding embedding_;
  LayerNorm norm_pre_;
  Blocks blocks_;
  LayerNorm norm_;
  torch::Tensor proj_;  // [d, features], multiplied from the right
};

// Token embedding, positions, causal blocks, norm, and of the end token the projection. Token ids are a tokeniser's
// (clb/text/clip_tokens.hpp): the end token has the largest id of a row.
class ClipText final : public Module {
 public:
  ClipText() = default;
  explicit ClipText(const TensorMap& tensors, const ClipOptions& options = {}, const std::string& name = "weights");

  const BlocksShape& blocks_shape() const { return shape_; }
  int64_t dim() const { return shape_.dim; }
  int64_t features() const { return proj_.size(1); }
  int64_t context() const { return pos_embed_.size(1); }  // the most tokens of a text
  int64_t vocabulary() const { return token_embedding_.size(0); }
  const Blocks& blocks() const { return blocks_; }
  ClipText to(torch::Device device, torch::ScalarType dtype) const;
  // Token ids have no floating-point type: what is computed in, where that is not the parameters' own.
  void compute_in(torch::ScalarType dtype) { computed_ = dtype; }

  // ids [n, t] int64, t <= context() -> [n, features], not normalised. Error (invalid): too long, or an id that the vocabulary does not
  // have.
  torch::Tensor operator()(const torch::Tensor& ids) const;
  // Rows that an injection adds and leaves must stand before the end token.
  torch::Tensor operator()(const torch::Tensor& ids, const Injection& injection) const;

  // The steps, for texts of which some tokens are learned: embed() without positions [n, t, d], ends() [n], and what becomes of them.
  torch::Tensor embed(const torch::Tensor& ids) const;
  static torch::Tensor ends(const torch::Tensor& ids) { return ids.argmax(1); }
  torch::Tensor of_embedded(const torch::Tensor& x, const torch::Tensor& ends, const Injection& injection = Injection()) const;
  torch::Tensor with_positions(const torch::Tensor& x) const;
  torch::Tensor norm(const torch::Tensor& x) const { return norm_(x); }

 private:
  void parts(Parts& p) override {
    p("token_embedding", token_embedding_)("pos_embed", pos_embed_)("blocks", blocks_)("norm", norm_)("proj", proj_);
  }

  BlocksShape shape_;
  torch::Tensor token_embedding_, pos_embed_;  // [vocabulary, d], [1, context, d]
  Blocks blocks_;
  LayerNorm norm_;
  torch::Tensor proj_;  // [d, features]
  std::optional<torch::ScalarType> computed_;
};

// Both towers and the learned scale. Parameters: "image.<name>", "text.<name>", "logit_scale".
struct Clip final : Module {
  Clip() = default;
  explicit Clip(const TensorMap& tensors, const ClipOptions& options = {}, const std::string& name = "weights");
  Clip to(torch::Device device, torch::ScalarType dtype) const;

  // exp(logit_scale) cos(image, text): [n, features] and [m, features] -> [n, m]. Plain norms, as in the reference.
  torch::Tensor logits(const torch::Tensor& image_features, const torch::Tensor& text_features) const;

  ClipImage image;
  ClipText text;
  torch::Tensor logit_scale;  // []

 private:
  void parts(Parts& p) override { p("image", image)("text", text)("logit_scale", logit_scale); }
};

// An untrained CLIP in the names of its file. Each tensor has a generator of its own, as random_vit's: weights normal with deviation 1 over
// the root of their inputs, embeddings with 0.02, biases 0, LayerNorm 1 and 0, logit_scale ln(1 / 0.07).
struct ClipShape {
  VitShape image;
  int64_t text_dim = 512, text_depth = 12, text_heads = 8, text_mlp = 2048, context = 77, vocabulary = 49408, features = 512;
};
TensorMap random_clip(const ClipShape& shape, int64_t seed);

// The CLIP in a safetensors file that lies in memory. `options` as for read_vit, with "format" and "text_heads" beside.
Clip read_clip(std::span<const uint8_t> file, const std::string& options, const std::string& name);

}  // namespace clb::nn
