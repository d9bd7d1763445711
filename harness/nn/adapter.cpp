#include "clb/nn/adapter.hpp"

#include <numeric>

namespace clb::nn {

using torch::Tensor;

Adapter::Adapter(const BlocksShape& network, const AdapterOptions& options, const Rng& rng) : options_(options) {
  if (options_.blocks.empty()) {
    options_.blocks.resize(static_cast<size_t>(network.depth));
    std::iota(options_.blocks.begin(), options_.blocks.end(), int64_t{0});
  }
  for (const int64_t block : options_.blocks) {
    Layer layer;
    layer.down = Linear(linear_weight(options.bottleneck, network.dim, rng(std::to_string(block) + ".down.weight")),
                        torch::zeros(options.bottleneck));
    layer.up = Linear::zeros(network.dim, options.bottleneck);
    if (options.kind == AdapterKind::kLae) layer.scale = torch::ones(1);
    layers_.add(block, layer);
  }
  unfreeze(*this);
}

Tensor Adapter::beside_attention(int64_t block, const Tensor&, const Tensor& normed) const {
  const Layer* l = layers_.find(block);
  if (l == nullptr || options_.kind != AdapterKind::kLae) return {};
  return as_type_of(normed, l->scale) * l->up(linear_gelu(normed, l->down.weight, l->down.bias));
}

Tensor Adapter::beside_mlp(int64_t block, const Tensor& x, const Tensor&) const {
  const Layer* l = layers_.find(block);
  if (l == nullptr || options_.kind != AdapterKind::kAdaptFormer) return {};
  const Tensor hidden = at::dropout(at::relu(l->down(x)), options_.dropout, training_);  // [n, t, bottleneck]
  return options_.scale * l->up(hidden);
}

}  // namespace clb::nn
