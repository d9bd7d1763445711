#include "clb/nn/vit.hpp"

#include <ATen/Parallel.h>

#include <algorithm>
#include <clb/nn/cpu_kernels.hpp>
#include <clb/nn/error.hpp>
#include <clb/nn/linear.hpp>

#include <clb/nn/parallel.hpp>
#include "attention.hpp"

namespace clb::nn {
namespace {

using torch::Tensor;

constexpr double kEps = 1e-6;

Tensor layer_norm(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  return at::layer_norm(x, {x.size(-1)}, as_type_of(x, weight), as_type_of(x, bias), kEps);
}

}  // namespace

Tensor Vit::patch_embed(const Tensor& images) const {
  const int64_t c = shape_.channels, side = shape_.image, p = shape_.patch, g = shape_.grid();
  if (images.dim() != 4 || images.size(1) != c || images.size(2) != side || images.size(3) != side) {
    std::string sizes;
    for (int64_t size : images.sizes()) sizes += (sizes.empty() ? "" : " x ") + std::to_string(size);
    throw Error(ErrorKind::kInvalid, "this ViT takes batches of " + std::to_string(c) + " x " + std::to_string(side) + " x " +
                                         std::to_string(side) + " pixels, but got " + sizes +
                                         "; make the crop of the transforms and the network's image size agree");
  }
  // A convolution whose stride is its kernel is one matrix product over the patches.
  const Tensor patches = images.reshape({-1, c, g, p, g, p}).permute({0, 2, 4, 1, 3, 5}).reshape({-1, g * g, c * p * p});
  return linear(patches, p_.patch_weight.flatten(1), p_.patch_bias);
}

Tensor Vit::with_positions(const Tensor& patches) const {
  const Tensor cls = as_type_of(patches, p_.cls_token).expand({patches.size(0), 1, shape_.dim});
  return at::cat({cls, patches}, 1) + as_type_of(patches, p_.pos_embed);
}

Tensor Vit::embed(const Tensor& images) const { return with_positions(patch_embed(images)); }

Tensor Vit::norm1(int64_t i, const Tensor& x) const { return layer_norm(x, p_.blocks[i].norm1_weight, p_.blocks[i].norm1_bias); }
Tensor Vit::norm2(int64_t i, const Tensor& x) const { return layer_norm(x, p_.blocks[i].norm2_weight, p_.blocks[i].norm2_bias); }
Tensor Vit::norm(const Tensor& x) const { return layer_norm(x, p_.norm_weight, p_.norm_bias); }

Tensor Vit::qkv(int64_t i, const Tensor& normed) const { return linear(normed, p_.blocks[i].qkv_weight, p_.blocks[i].qkv_bias); }

Tensor Vit::mixed(int64_t i, const Tensor& normed) const {
  const std::vector<Tensor> parts = qkv(i, normed).chunk(3, -1);
  return attend(parts[0], parts[1], parts[2], shape_.heads);
}

Tensor Vit::attention(int64_t i, const Tensor& normed) const {
  return linear(mixed(i, normed), p_.blocks[i].proj_weight, p_.blocks[i].proj_bias);
}

Tensor Vit::mlp(int64_t i, const Tensor& normed) const {
  const VitBlock& b = p_.blocks[i];
  return linear(linear_gelu(normed, b.fc1_weight, b.fc1_bias), b.fc2_weight, b.fc2_bias);
}

Tensor Vit::block(int64_t i, const Tensor& x) const {
  const VitBlock& b = p_.blocks[i];
  const Tensor y = linear_add(mixed(i, norm1(i, x)), b.proj_weight, b.proj_bias, x);
  return linear_add(linear_gelu(norm2(i, y), b.fc1_weight, b.fc1_bias), b.fc2_weight, b.fc2_bias, y);
}

Tensor Vit::tokens(const Tensor& images) const {
  Tensor x = embed(images);
  for (int64_t i = 0; i < shape_.depth; ++i) x = block(i, x);
  return norm(x);
}

Tensor Vit::cls_of_embedded(const Tensor& embedded) const {
  Tensor x = embedded;
  const int64_t last = shape_.depth - 1, d = shape_.dim;
  for (int64_t i = 0; i < last; ++i) x = block(i, x);
  // Of the last block only the class token is wanted: it attends to all tokens, the others need keys and values alone.
  const VitBlock& b = p_.blocks[last];
  const Tensor normed = norm1(last, x);
  const Tensor q = linear(normed.narrow(1, 0, 1), b.qkv_weight.narrow(0, 0, d), b.qkv_bias.narrow(0, 0, d));
  const std::vector<Tensor> kv = linear(normed, b.qkv_weight.narrow(0, d, 2 * d), b.qkv_bias.narrow(0, d, 2 * d)).chunk(2, -1);
  x = x.narrow(1, 0, 1) + linear(attend(q, kv[0], kv[1], shape_.heads), b.proj_weight, b.proj_bias);
  x = x + mlp(last, norm2(last, x));
  return norm(x).squeeze(1);
}

Tensor Vit::cls(const Tensor& images) const {
  // Without gradients, small chunks keep a block's activations in the processor's cache, and a thread with a chunk of its own waits for no
  // other thread inside the network.
  constexpr int64_t kHiddenBytes = 2'600'000;  // of ViT-Tiny at 224 pixels 4 images in float32, 8 in bfloat16
  const int64_t n = images.size(0), threads = at::get_num_threads(), per_image = shape_.tokens() * shape_.mlp * images.element_size();
  const int64_t size = std::max<int64_t>(1, std::min(kHiddenBytes / per_image, (n + threads - 1) / threads));
  if (!images.is_cpu() || at::GradMode::is_enabled() || n <= size || !cpu_kernels()) return cls_of_embedded(embed(images));
  std::vector<Tensor> chunks = images.split(size);
  side_by_side(chunks.size(), [&](size_t i) { chunks[i] = cls_of_embedded(embed(chunks[i])); });
  return at::cat(chunks);
}

Tensor Vit::query(const Tensor& images) const {
  const torch::NoGradGuard no_grad;
  return cls(images);
}

}  // namespace clb::nn
