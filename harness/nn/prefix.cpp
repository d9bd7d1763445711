#include "clb/nn/prefix.hpp"

namespace clb::nn {
using torch::Tensor;

Prefix::Prefix(const BlocksShape& network, const PrefixOptions& options, const Rng& rng) : options_(options) {
  for (const int64_t block : options.blocks) {
    const std::string at = std::to_string(block) + ".";
    const auto drawn = [&](const char* name) { return uniform({options.length, network.dim}, 0, 0.01, rng(at + name)); };
    Layer layer;
    layer.keys = drawn("keys");
    layer.values = drawn("values");
    if (options.scales) {
      layer.key_scale = torch::ones(1);
      layer.value_scale = torch::ones(1);
    }
    layers_.add(block, layer);
  }
  unfreeze(*this);
}

void Prefix::keys_values(int64_t block, const Tensor&, KeysValues& rows) const {
  const Layer* l = layers_.find(block);
  if (l == nullptr) return;
  rows.insert(options_.position, options_.scales ? l->keys * l->key_scale : l->keys,
              options_.scales ? l->values * l->value_scale : l->values);
}

bool Prefix::changes_attention(int64_t block) const { return options_.compensate && layers_.find(block) != nullptr; }

Tensor Prefix::attention_weights(int64_t, const Tensor& weights) const {
  const int64_t first = options_.position, behind = first + options_.length;
  const Tensor prefix = weights.narrow(-1, first, options_.length);
  const Tensor filled = prefix / prefix.sum(-1, /*keepdim=*/true).clamp_min(1e-12);
  return at::cat({weights.narrow(-1, 0, first), filled, weights.narrow(-1, behind, weights.size(-1) - behind)}, -1);
}

GivenPrefix::GivenPrefix(std::vector<int64_t> blocks, std::vector<Tensor> keys, std::vector<Tensor> values)
    : blocks_(std::move(blocks)), keys_(std::move(keys)), values_(std::move(values)) {}

InjectionSlices GivenPrefix::split(const std::vector<int64_t>& counts) const {
  std::vector<std::vector<Tensor>> keys(counts.size()), values(counts.size());
  const auto share = [&](const Tensor& rows, std::vector<std::vector<Tensor>>& out) {
    const std::vector<Tensor> parts = split_rows(rows, counts);
    for (size_t k = 0; k < counts.size(); ++k) out[k].push_back(parts[k]);
  };
  for (size_t b = 0; b < blocks_.size(); ++b) {
    share(keys_[b], keys);
    share(values_[b], values);
  }
  InjectionSlices slices;
  for (size_t k = 0; k < counts.size(); ++k) slices.push_back(std::make_shared<GivenPrefix>(blocks_, keys[k], values[k]));
  return slices;
}

void GivenPrefix::parts(Parts& p) {
  for (size_t k = 0; k < blocks_.size(); ++k)
    p(std::to_string(blocks_[k]) + ".keys", keys_[k])(std::to_string(blocks_[k]) + ".values", values_[k]);
}

void GivenPrefix::keys_values(int64_t block, const Tensor&, KeysValues& rows) const {
  for (size_t k = 0; k < blocks_.size(); ++k)
    if (blocks_[k] == block) rows.insert(0, keys_[k], values_[k]);
}

}  // namespace clb::nn
