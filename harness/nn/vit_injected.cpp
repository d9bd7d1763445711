// The forward pass with an injection: the steps of vit.cpp with a hook behind each.
#include <clb/nn/linear.hpp>

#include "attention.hpp"
#include "clb/nn/vit.hpp"

namespace clb::nn {

using torch::Tensor;

Tensor Vit::embed(const Tensor& images, const Injection& in) const {
  return with_positions(in.at(Site::kPatch, -1, images, patch_embed(images)));
}

Tensor Vit::norm(const Tensor& x, const Injection& in) const { return in.at(Site::kNorm, -1, x, norm(x)); }

Tensor Vit::attention(int64_t i, const Tensor& x, const Injection& in) const {
  const Tensor normed = in.at(Site::kNorm1, i, x, norm1(i, x));
  std::vector<Tensor> parts = in.at(Site::kQkv, i, normed, qkv(i, normed)).chunk(3, -1);
  in.keys_values(i, x, parts[1], parts[2]);
  const Tensor mixed = in.changes_attention(i) ? attend_changed(parts[0], parts[1], parts[2], shape_.heads,
                                                                [&](const Tensor& weights) { return in.attention_weights(i, weights); })
                                               : attend(parts[0], parts[1], parts[2], shape_.heads);
  const Tensor y = in.at(Site::kProj, i, mixed, linear(mixed, p_.blocks[i].proj_weight, p_.blocks[i].proj_bias));
  const Tensor beside = in.beside_attention(i, x, normed);
  return beside.defined() ? y + beside : y;
}

Tensor Vit::mlp(int64_t i, const Tensor& x, const Injection& in) const {
  const VitBlock& b = p_.blocks[i];
  const Tensor normed = in.at(Site::kNorm2, i, x, norm2(i, x));
  const Tensor hidden = at::gelu(in.at(Site::kFc1, i, normed, linear(normed, b.fc1_weight, b.fc1_bias)));  // [n, t, mlp]
  const Tensor y = in.at(Site::kFc2, i, hidden, linear(hidden, b.fc2_weight, b.fc2_bias));
  const Tensor beside = in.beside_mlp(i, x, normed);
  return beside.defined() ? y + beside : y;
}

Tensor Vit::block(int64_t i, const Tensor& x, const Injection& in) const {
  const Tensor entered = in.before_block(i, x);
  const Tensor attended = entered + attention(i, entered, in);
  return in.after_block(i, attended + mlp(i, attended, in));
}

Tensor Vit::tokens(const Tensor& images, const Injection& injection) const {
  Tensor x = embed(images, injection);
  for (int64_t i = 0; i < shape_.depth; ++i) x = block(i, x, injection);
  return norm(x, injection);
}

Tensor Vit::cls(const Tensor& images, const Injection& injection) const {
  Tensor x = embed(images, injection);
  for (int64_t i = 0; i < shape_.depth; ++i) x = block(i, x, injection);
  return norm(x.narrow(1, 0, 1), injection).squeeze(1);
}

Tensor Vit::cls_of_blocks(const Tensor& images, int64_t first, const Injection& injection) const {
  std::vector<Tensor> cls;
  Tensor x = embed(images, injection);
  for (int64_t i = 0; i < shape_.depth; ++i) {
    x = block(i, x, injection);
    if (i >= first) cls.push_back(x.select(1, 0));
  }
  return at::stack(cls, 1);
}

}  // namespace clb::nn
