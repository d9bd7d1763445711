#include "clb/nn/vit.hpp"

#include "chunks.hpp"
#include "slices.hpp"

namespace clb::nn {

using torch::Tensor;

Tensor Vit::embed(const Tensor& images) const { return embedding_.with_positions(patch_embed(images)); }
Tensor Vit::tokens(const Tensor& images) const { return norm_(blocks_(embed(images))); }

Tensor Vit::cls(const Tensor& images) const {
  const int64_t hidden_bytes = shape_.tokens() * shape_.mlp * images.element_size();
  return in_chunks(images, hidden_bytes, [&](const Tensor& some) { return cls_of_embedded(embed(some)); });
}

Tensor Vit::query(const Tensor& images) const {
  const torch::NoGradGuard no_grad;
  return cls(images);
}

// With an injection.
Tensor Vit::embed(const Tensor& images, const Injection& in) const {
  return in.embedded(embedding_.with_positions(in.at(Site::kPatch, -1, images, patch_embed(images))));
}

Tensor Vit::norm(const Tensor& x, const Injection& in) const { return in.at(Site::kNorm, -1, x, norm_(x)); }

Tensor Vit::tokens(const Tensor& images, const Injection& in) const {
  return in_slices(images, in, *this, shape_,
                   [&](const Tensor& some, const Injection& with) { return norm(blocks_(embed(some, with), with), with); });
}

Tensor Vit::cls(const Tensor& images, const Injection& in) const {
  return in_slices(images, in, *this, shape_, [&](const Tensor& some, const Injection& with) {
    return norm(blocks_.first_row(embed(some, with), with), with).squeeze(1);
  });
}

Tensor Vit::cls_of_blocks(const Tensor& images, int64_t first, const Injection& in) const {
  return in_slices(images, in, *this, shape_,
                   [&](const Tensor& some, const Injection& with) { return blocks_.first_rows(embed(some, with), first, with); });
}

}  // namespace clb::nn
