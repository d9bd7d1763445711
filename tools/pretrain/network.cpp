#include "network.hpp"

#include <clb/nn/rng.hpp>
#include <clb/nn/tensors.hpp>

#include <clb/base/sha256.hpp>
#include <cmath>

namespace clb::pretrain {
namespace {

using torch::Tensor;
namespace F = torch::nn::functional;

constexpr int64_t kThumbnail = 8;  // side

nn::TensorMap initial_vit(const Recipe& recipe) {
  const NetworkRecipe& n = recipe.network;
  const nn::VitShape shape{.image = formula::kSide, .patch = n.patch, .dim = n.dim, .depth = n.depth, .heads = n.heads, .mlp = 4 * n.dim};
  nn::TensorMap tensors = nn::random_vit(shape, recipe.seed);  // linear weights by Xavier's rule
  tensors["pos_embed"] = sine_cosine_positions(shape.grid().height, n.dim, n.position_scale);
  return tensors;
}

}  // namespace

torch::Generator generator_of(int64_t seed, const std::string& name) {
  const base::Digest digest = base::Sha256().update_u64(static_cast<uint64_t>(seed)).update(name).finish();
  uint64_t value = 0;
  for (size_t i = 0; i < 8; ++i) value |= uint64_t{digest[i]} << (8 * i);
  return at::detail::createCPUGenerator(value);
}

Tensor sine_cosine_positions(int64_t grid, int64_t dim, double scale) {
  const int64_t quarter = dim / 4;
  const Tensor steps = torch::arange(quarter, torch::kFloat64) / static_cast<double>(quarter);
  const Tensor frequencies = torch::pow(10000.0, -steps);                                // [d / 4]
  const Tensor along = torch::outer(torch::arange(grid, torch::kFloat64), frequencies);  // [g, d / 4]
  const Tensor one = torch::cat({along.sin(), along.cos()}, 1);                          // [g, d / 2]
  const Tensor rows = one.unsqueeze(1).expand({grid, grid, dim / 2}), columns = one.unsqueeze(0).expand({grid, grid, dim / 2});
  const Tensor patches = torch::cat({columns, rows}, 2).reshape({grid * grid, dim});
  return (scale * torch::cat({torch::zeros({1, dim}, torch::kFloat64), patches})).to(torch::kFloat32).unsqueeze(0);
}

Network::Network(const Recipe& recipe) : loss_(recipe.loss), vit_(initial_vit(recipe), {.heads = recipe.network.heads}) {
  const auto head = [&](nn::Linear& h, const std::string& name, int64_t out) {
    h.weight = nn::normal({out, vit_.dim()}, 0, 1 / std::sqrt(static_cast<double>(vit_.dim())), generator_of(recipe.seed, "head." + name));
    h.bias = torch::zeros({out});
  };
  head(classes_, "classes", recipe.images.classes);
  head(mask_, "mask", formula::kMask);
  head(numbers_, "numbers", formula::kAttributes);
  head(thumbnail_, "thumbnail", kThumbnail * kThumbnail);
}

void Network::parts(nn::Parts& p) {
  p("vit", vit_);
  if (loss_.classes != 0) p("head.classes", classes_);
  if (loss_.mask != 0) p("head.mask", mask_);
  if (loss_.numbers != 0) p("head.numbers", numbers_);
  if (loss_.thumbnail != 0) p("head.thumbnail", thumbnail_);
}

Network Network::leaves(torch::ScalarType type) const {
  Network copy = *this;
  copy.parameters(
      [&](const std::string& name, Tensor& t) { t = (name.starts_with("vit.") ? t.detach().to(type) : t.detach()).requires_grad_(); });
  return copy;
}

Tensor Network::features(const Slice& slice) const {
  Tensor tokens = vit_.embed(slice.images.to(vit_.cls_position().scalar_type()));
  if (slice.kept.defined()) tokens = tokens.gather(1, slice.kept.unsqueeze(2).expand({-1, -1, tokens.size(2)}));
  return vit_.cls_of_embedded(tokens).to(torch::kFloat32);
}

Tensor Network::class_logits(const Tensor& features) const {
  if (loss_.cosine_scale == 0) return classes_(features);
  return loss_.cosine_scale * at::linear(nn::unit_rows(features), nn::unit_rows(classes_.weight)) + classes_.bias;
}

Losses Network::losses(const Slice& slice) const {
  const Tensor x = features(slice);
  Losses l;
  l.total = torch::zeros({}, x.options());
  const auto add = [&](Tensor& part, double weight, const Tensor& value) {
    part = value.detach();
    if (weight != 0) l.total = l.total + weight * value;
  };
  const Tensor zero = torch::zeros({}, x.options());
  l.classes = l.mask = l.numbers = l.thumbnail = l.right = zero;
  if (loss_.classes != 0) {
    const Tensor logits = class_logits(x);
    add(l.classes, loss_.classes, -(slice.classes * logits.log_softmax(1)).sum());
    l.right = (logits.argmax(1) == slice.classes.argmax(1)).sum().to(torch::kFloat32);
  }
  if (loss_.mask != 0) {
    const Tensor logits = mask_(x);
    add(l.mask, loss_.mask,
        F::binary_cross_entropy_with_logits(logits, slice.masks, F::BinaryCrossEntropyWithLogitsFuncOptions().reduction(torch::kNone))
            .mean(1)
            .sum());
  }
  if (loss_.numbers != 0) add(l.numbers, loss_.numbers, (numbers_(x) - slice.numbers).square().mean(1).sum());
  if (loss_.thumbnail != 0) {
    const Tensor small = at::adaptive_avg_pool2d(slice.images.mean(1, true), {kThumbnail, kThumbnail}).flatten(1);  // [n, 64]
    add(l.thumbnail, loss_.thumbnail, (thumbnail_(x) - small).square().mean(1).sum());
  }
  return l;
}

}  // namespace clb::pretrain
