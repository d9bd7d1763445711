// How images become tokens: patches projected, a class token before them, positions added to all.
#pragma once

#include <clb/nn/image_size.hpp>
#include <clb/nn/module.hpp>

namespace clb::nn {

class PatchEmbedding final : public Module {
 public:
  PatchEmbedding() = default;
  // Without numbers. grid: of the positions in a file; fit_to() makes them those of other images.
  PatchEmbedding(ImageSize grid, int64_t channels, int64_t patch, int64_t dim, bool bias);

  // For images of this size, which must be whole patches.
  void fit_to(ImageSize image, bool antialias);

  torch::Tensor patches(const torch::Tensor& images) const;          // [n, channels, h, w] -> [n, patches, d], row-major
  torch::Tensor with_positions(const torch::Tensor& patches) const;  // [n, 1 + patches, d], class token first

  torch::Tensor cls_token, pos_embed;  // [1, 1, d], [1, 1 + patches, d]
  torch::Tensor weight, bias;          // [d, channels, patch, patch], [d] or undefined

 private:
  void parts(Parts& p) override {
    p("cls_token", cls_token)("pos_embed", pos_embed)("patch_embed.proj.weight", weight)("patch_embed.proj.bias", bias);
  }
  ImageSize grid_;
};

// Position embeddings [1, 1 + rows, d] for another grid: the class token's row is copied, the others, which stand for the grid `from`
// (0: a square), are resized bicubically in float32. antialias true: timm 0.9 and later (cubic coefficient -0.5); false: timm 0.6.12
// (-0.75, no antialiasing).
torch::Tensor interpolate_positions(const torch::Tensor& pos_embed, ImageSize grid, bool antialias, ImageSize from = {});

}  // namespace clb::nn
