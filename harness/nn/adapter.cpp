#include "clb/nn/adapter.hpp"

#include <algorithm>
#include <clb/nn/linear.hpp>
#include <numeric>
#include <string>

namespace clb::nn {

using torch::Tensor;

Adapter::Adapter(const VitShape& vit, const AdapterOptions& options, const Rng& rng) : options_(options) {
  if (options_.blocks.empty()) {
    options_.blocks.resize(vit.depth);
    std::iota(options_.blocks.begin(), options_.blocks.end(), int64_t{0});
  }
  for (const int64_t block : options_.blocks) {
    Layer& l = layers_.emplace_back();
    l.down_weight = linear_weight(options.bottleneck, vit.dim, rng(std::to_string(block) + ".down.weight"));
    l.down_bias = torch::zeros(options.bottleneck);
    l.up_weight = torch::zeros({vit.dim, options.bottleneck});
    l.up_bias = torch::zeros(vit.dim);
    if (options.kind == AdapterKind::kLae) l.scale = torch::ones(1);
  }
  unfreeze(*this);
}

const Adapter::Layer* Adapter::layer(int64_t block) const {
  const auto found = std::find(options_.blocks.begin(), options_.blocks.end(), block);
  return found == options_.blocks.end() ? nullptr : &layers_[found - options_.blocks.begin()];
}

Tensor Adapter::beside_attention(int64_t block, const Tensor&, const Tensor& normed) const {
  const Layer* l = layer(block);
  if (l == nullptr || options_.kind != AdapterKind::kLae) return {};
  return as_type_of(normed, l->scale) * linear(linear_gelu(normed, l->down_weight, l->down_bias), l->up_weight, l->up_bias);
}

Tensor Adapter::beside_mlp(int64_t block, const Tensor& x, const Tensor&) const {
  const Layer* l = layer(block);
  if (l == nullptr || options_.kind != AdapterKind::kAdaptFormer) return {};
  const Tensor hidden = at::dropout(at::relu(linear(x, l->down_weight, l->down_bias)), options_.dropout, training_);  // [n, t, bottleneck]
  return options_.scale * linear(hidden, l->up_weight, l->up_bias);
}

void Adapter::parameters(const ParameterVisitor& visit) {
  for (size_t k = 0; k < layers_.size(); ++k) {
    const std::string at = std::to_string(options_.blocks[k]) + ".";
    Layer& l = layers_[k];
    visit(at + "down.weight", l.down_weight);
    visit(at + "down.bias", l.down_bias);
    visit(at + "up.weight", l.up_weight);
    visit(at + "up.bias", l.up_bias);
    if (options_.kind == AdapterKind::kLae) visit(at + "scale", l.scale);
  }
}

}  // namespace clb::nn
