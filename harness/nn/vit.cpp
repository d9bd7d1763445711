#include "clb/nn/vit.hpp"

#include <clb/nn/error.hpp>

#include "chunks.hpp"
#include "slices.hpp"

namespace clb::nn {

using torch::Tensor;

Tensor Vit::embed(const Tensor& images) const { return embedding_.with_positions(patch_embed(images)); }
Tensor Vit::tokens(const Tensor& images) const { return norm_(blocks_(embed(images))); }

Tensor Vit::cls(const Begun& images) const {
  const int64_t hidden_bytes = shape_.tokens() * shape_.mlp * images.x.element_size(), block = images.block;
  return in_chunks(images.x, hidden_bytes,
                   [&](const Tensor& some) { return block < 0 ? cls_of_embedded(embed(some)) : cls_of_embedded(some, block); });
}

Tensor Vit::query(const Begun& images) const {
  const torch::NoGradGuard no_grad;
  return cls(images);
}

Begun Vit::begin(const Tensor& images, int64_t block) const {
  const torch::NoGradGuard no_grad;
  const int64_t hidden_bytes = shape_.tokens() * shape_.mlp * images.element_size();
  const Tensor tokens = in_chunks(images, hidden_bytes, [&](const Tensor& some) {
    Tensor x = embed(some);
    for (int64_t i = 0; i < block; ++i) x = blocks_[i](x);
    return x;
  });
  return {tokens, block};
}

// With an injection.
Tensor Vit::embed(const Begun& images, const Injection& in) const {
  if (images.block > 0) return images.x;
  if (images.block == 0) return in.embedded(images.x);
  return in.embedded(embedding_.with_positions(in.at(Site::kPatch, -1, images.x, patch_embed(images.x))));
}

Tensor Vit::norm(const Tensor& x, const Injection& in) const { return in.at(Site::kNorm, -1, x, norm_(x)); }

Tensor Vit::tokens(const Tensor& images, const Injection& in) const {
  return in_slices(images, in, *this, shape_,
                   [&](const Tensor& some, const Injection& with) { return norm(blocks_(embed(some, with), with), with); });
}

Tensor Vit::cls(const Begun& images, const Injection& in) const { return first_tokens(images, 1, in).squeeze(1); }

Tensor Vit::first_tokens(const Begun& images, int64_t count, const Injection& in) const {
  const int64_t block = images.block;
  if (in.begins_at() < block)
    throw Error(ErrorKind::kInternal, "an injection that begins at block " + std::to_string(in.begins_at()) +
                                          " is given what was begun without it, up to block " + std::to_string(block));
  return in_slices(images.x, in, *this, shape_, [&](const Tensor& some, const Injection& with) {
    return norm(blocks_.leading(embed({some, block}, with), count, with, std::max<int64_t>(block, 0)), with);
  });
}

Tensor Vit::cls_of_blocks(const Tensor& images, int64_t first, const Injection& in) const {
  return in_slices(images, in, *this, shape_,
                   [&](const Tensor& some, const Injection& with) { return blocks_.first_rows(embed(some, with), first, with); });
}

}  // namespace clb::nn
