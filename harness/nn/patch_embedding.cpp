#include "clb/nn/patch_embedding.hpp"

#include <clb/nn/error.hpp>
#include <clb/nn/linear.hpp>
#include <cmath>

namespace clb::nn {

using torch::Tensor;

PatchEmbedding::PatchEmbedding(ImageSize grid, int64_t channels, int64_t patch, int64_t dim, bool with_bias)
    : cls_token(torch::empty({1, 1, dim})),
      pos_embed(torch::empty({1, 1 + grid.area(), dim})),
      weight(torch::empty({dim, channels, patch, patch})),
      bias(with_bias ? torch::empty(dim) : Tensor()),
      grid_(grid) {}

void PatchEmbedding::fit_to(ImageSize image, bool antialias) {
  const ImageSize grid(image.height / weight.size(2), image.width / weight.size(3));
  if (grid != grid_) pos_embed = interpolate_positions(pos_embed, grid, antialias, grid_);
  grid_ = grid;
}

Tensor PatchEmbedding::patches(const Tensor& images) const {
  const int64_t c = weight.size(1), p = weight.size(2), h = grid_.height, w = grid_.width;
  if (images.dim() != 4 || images.size(1) != c || images.size(2) != h * p || images.size(3) != w * p) {
    std::string sizes;
    for (int64_t size : images.sizes()) sizes += (sizes.empty() ? "" : " x ") + std::to_string(size);
    throw Error(ErrorKind::kInvalid, "this network takes batches of " + std::to_string(c) + " x " + std::to_string(h * p) + " x " +
                                         std::to_string(w * p) + " pixels, but got " + sizes +
                                         "; make the crop of the transforms and the network's image size agree");
  }
  // A convolution whose stride is its kernel is one matrix product over the patches.
  const Tensor rows = images.reshape({-1, c, h, p, w, p}).permute({0, 2, 4, 1, 3, 5}).reshape({-1, h * w, c * p * p});
  return linear(rows, weight.flatten(1), bias);
}

Tensor PatchEmbedding::with_positions(const Tensor& patches) const {
  const Tensor cls = as_type_of(patches, cls_token).expand({patches.size(0), 1, patches.size(2)});
  return at::cat({cls, patches}, 1) + as_type_of(patches, pos_embed);
}

Tensor interpolate_positions(const Tensor& pos_embed, ImageSize grid, bool antialias, ImageSize from) {
  const int64_t d = pos_embed.size(2), rows = pos_embed.size(1) - 1;
  if (from == ImageSize()) from = std::lround(std::sqrt(static_cast<double>(rows)));
  const std::array<int64_t, 2> to{grid.height, grid.width};
  Tensor resized = pos_embed.narrow(1, 1, rows).to(torch::kFloat32).reshape({1, from.height, from.width, d}).permute({0, 3, 1, 2});
  resized = antialias ? at::_upsample_bicubic2d_aa(resized, to, /*align_corners=*/false)
                      : at::upsample_bicubic2d(resized, to, /*align_corners=*/false);
  resized = resized.permute({0, 2, 3, 1}).reshape({1, grid.area(), d}).to(pos_embed.scalar_type());
  return torch::cat({pos_embed.narrow(1, 0, 1), resized}, 1);
}

}  // namespace clb::nn
