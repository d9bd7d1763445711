#include "clb/nn/clip.hpp"

#include <clb/nn/error.hpp>
#include <clb/nn/linear.hpp>

#include "chunks.hpp"
#include "slices.hpp"

namespace clb::nn {

using torch::Tensor;

BlocksShape ClipImage::blocks_shape() const {
  BlocksShape shape = shape_;
  shape.norm_pre = true;
  return shape;
}

Tensor ClipImage::embed(const Tensor& images) const { return norm_pre_(embedding_.with_positions(embedding_.patches(images))); }

Tensor ClipImage::embed(const Tensor& images, const Injection& in) const {
  const Tensor patches = in.at(Site::kPatch, -1, images, embedding_.patches(images));
  const Tensor x = in.embedded(embedding_.with_positions(patches));
  return in.at(Site::kNormPre, -1, x, norm_pre_(x));
}

Tensor ClipImage::project(const Tensor& normed) const { return at::matmul(normed, as_type_of(normed, proj_)); }

Tensor ClipImage::cls(const Tensor& images) const {
  const int64_t hidden_bytes = shape_.tokens() * shape_.mlp * images.element_size();
  return in_chunks(images, hidden_bytes, [&](const Tensor& some) { return norm_(blocks_.first_row(embed(some))); });
}

Tensor ClipImage::operator()(const Tensor& images) const { return project(cls(images)); }

Tensor ClipImage::tokens(const Tensor& images, const Injection& in) const {
  return in_slices(images, in, *this, shape_, [&](const Tensor& some, const Injection& with) { return blocks_(embed(some, with), with); });
}

Tensor ClipImage::operator()(const Tensor& images, const Injection& in) const {
  return in_slices(images, in, *this, shape_, [&](const Tensor& some, const Injection& with) {
    const Tensor cls = blocks_.leading(embed(some, with), 1, with).squeeze(1);
    return project(with.at(Site::kNorm, -1, cls, norm_(cls)));
  });
}

Tensor ClipImage::cls_of_blocks(const Tensor& images, int64_t first, const Injection& in) const {
  return in_slices(images, in, *this, shape_,
                   [&](const Tensor& some, const Injection& with) { return blocks_.first_rows(embed(some, with), first, with); });
}

Tensor ClipText::embed(const Tensor& ids) const {
  if (ids.dim() != 2 || ids.size(1) > context())
    throw Error(ErrorKind::kInvalid, "this text tower takes rows of at most " + std::to_string(context()) + " token ids, but got " +
                                         c10::str(ids.sizes()) + "; cut texts where they are made into tokens");
  // On a card the check would wait for it.
  if (ids.is_cpu() && ids.numel() > 0 && (ids.min().item<int64_t>() < 0 || ids.max().item<int64_t>() >= vocabulary()))
    throw Error(ErrorKind::kInvalid, "a token id lies outside of 0 to " + std::to_string(vocabulary() - 1) +
                                         ", the vocabulary of this text tower; use the tokeniser that it was trained with");
  const Tensor x = at::embedding(token_embedding_, ids);
  return computed_ ? x.to(*computed_) : x;
}

Tensor ClipText::with_positions(const Tensor& x) const { return x + as_type_of(x, pos_embed_).narrow(1, 0, x.size(1)); }

Tensor ClipText::operator()(const Tensor& ids) const {
  const int64_t hidden_bytes = ids.size(1) * shape_.mlp * token_embedding_.element_size();
  return in_chunks(ids, hidden_bytes, [&](const Tensor& some) {
    const Tensor x = blocks_(with_positions(embed(some))), rows = torch::arange(some.size(0), some.options());
    return at::matmul(norm_(x.index({rows, ends(some)})), as_type_of(x, proj_));
  });
}

Tensor ClipText::operator()(const Tensor& ids, const Injection& in) const {
  return of_embedded(in.at(Site::kPatch, -1, ids, embed(ids)), ends(ids), in);
}

Tensor ClipText::of_embedded(const Tensor& x, const Tensor& ends, const Injection& in) const {
  const Tensor tokens = blocks_(in.embedded(with_positions(x)), in);  // [n, t', d]
  const Tensor rows = torch::arange(x.size(0), ends.options()), end = tokens.index({rows, ends + (tokens.size(1) - x.size(1))});
  const Tensor normed = in.at(Site::kNorm, -1, end, norm_(end));  // [n, d]
  return at::matmul(normed, as_type_of(normed, proj_));
}

Tensor Clip::logits(const Tensor& image_features, const Tensor& text_features) const {
  const auto unit = [](const Tensor& x) { return x / x.norm(2, 1, /*keepdim=*/true); };
  return at::matmul(as_type_of(image_features, logit_scale.exp()) * unit(image_features), unit(text_features).t());
}

}  // namespace clb::nn
