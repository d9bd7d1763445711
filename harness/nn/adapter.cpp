#include "clb/nn/adapter.hpp"

#include <algorithm>
#include <map>
#include <mutex>
#include <numeric>

namespace clb::nn {
namespace {

using torch::Tensor;

// What dropout keeps of all images' hidden units and the factor on them, drawn for a block when the first slice comes to it: in the order
// of the blocks and for all tokens, also where the first is asked for alone, as for images that pass together.
class Kept {
 public:
  Kept(int64_t images, double dropout) : images_(images), dropout_(dropout) {}

  Tensor operator()(int64_t block, int64_t tokens, int64_t units) {
    const std::scoped_lock lock(mutex_);
    tokens_ = std::max(tokens_, tokens);
    Tensor& kept = of_blocks_[block];
    if (!kept.defined()) kept = at::dropout(torch::ones({images_, tokens_, units}), dropout_, /*train=*/true);
    return kept.narrow(1, 0, tokens);
  }

 private:
  int64_t images_, tokens_ = 0;
  double dropout_;
  std::mutex mutex_;
  std::map<int64_t, Tensor> of_blocks_;
};

// An adapter in training for some of a batch's images.
class AdapterSlice final : public Injection {
 public:
  AdapterSlice(const Adapter& whole, std::shared_ptr<Kept> kept, int64_t first) : whole_(whole), kept_(std::move(kept)), first_(first) {}
  bool by_token() const override { return true; }
  bool changes_operations() const override { return false; }
  Tensor beside_mlp(int64_t block, const Tensor& x, const Tensor&) const override {
    return whole_.beside_mlp(block, x, [&](const Tensor& hidden) {  // [n, t, bottleneck]
      return hidden * as_type_of(hidden, (*kept_)(block, hidden.size(1), hidden.size(2)).narrow(0, first_, hidden.size(0)));
    });
  }

 private:
  const Adapter& whole_;
  std::shared_ptr<Kept> kept_;
  int64_t first_;
};

}  // namespace

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

InjectionSlices Adapter::split(const std::vector<int64_t>& counts) const {
  if (!drops()) return alike(counts);
  const auto kept = std::make_shared<Kept>(std::accumulate(counts.begin(), counts.end(), int64_t{0}), options_.dropout);
  InjectionSlices slices;
  for (int64_t first = 0; const int64_t count : counts) {
    slices.push_back(std::make_shared<AdapterSlice>(*this, kept, first));
    first += count;
  }
  return slices;
}

Tensor Adapter::beside_attention(int64_t block, const Tensor&, const Tensor& normed) const {
  const Layer* l = layers_.find(block);
  if (l == nullptr || options_.kind != AdapterKind::kLae) return {};
  return as_type_of(normed, l->scale) * l->up(linear_gelu(normed, l->down.weight, l->down.bias));
}

Tensor Adapter::beside_mlp(int64_t block, const Tensor& x, const Tensor&) const {
  return beside_mlp(block, x, [&](const Tensor& hidden) { return at::dropout(hidden, options_.dropout, training_); });
}

Tensor Adapter::beside_mlp(int64_t block, const Tensor& x, const std::function<Tensor(const Tensor& hidden)>& dropped) const {
  const Layer* l = layers_.find(block);
  if (l == nullptr || options_.kind != AdapterKind::kAdaptFormer) return {};
  return options_.scale * l->up(dropped(at::relu(l->down(x))));
}

}  // namespace clb::nn
