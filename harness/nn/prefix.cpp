#include "clb/nn/prefix.hpp"

#include <algorithm>
#include <clb/nn/prompt_tokens.hpp>
#include <string>

namespace clb::nn {
namespace {

using torch::Tensor;

// Position of `block` in the list, its length when it is not there.
size_t find(const std::vector<int64_t>& blocks, int64_t block) {
  return static_cast<size_t>(std::find(blocks.begin(), blocks.end(), block) - blocks.begin());
}

}  // namespace

Prefix::Prefix(const VitShape& vit, const PrefixOptions& options, const Rng& rng) : options_(options) {
  for (const int64_t block : options.blocks) {
    const std::string at = std::to_string(block) + ".";
    const auto drawn = [&](const char* name) { return uniform({options.length, vit.dim}, 0, 0.01, rng(at + name)).requires_grad_(); };
    Layer& layer = layers_.emplace_back(Layer{drawn("keys"), drawn("values"), {}, {}});
    if (options.scales) {
      layer.key_scale = torch::ones(1).requires_grad_();
      layer.value_scale = torch::ones(1).requires_grad_();
    }
  }
}

const Prefix::Layer* Prefix::layer(int64_t block) const {
  const size_t k = find(options_.blocks, block);
  return k < layers_.size() ? &layers_[k] : nullptr;
}

void Prefix::keys_values(int64_t block, const Tensor&, Tensor& keys, Tensor& values) const {
  const Layer* l = layer(block);
  if (l == nullptr) return;
  keys = insert_rows(keys, options_.position, options_.scales ? l->keys * l->key_scale : l->keys);
  values = insert_rows(values, options_.position, options_.scales ? l->values * l->value_scale : l->values);
}

bool Prefix::changes_attention(int64_t block) const { return options_.compensate && layer(block) != nullptr; }

Tensor Prefix::attention_weights(int64_t, const Tensor& weights) const {
  const int64_t first = options_.position, behind = first + options_.length;
  const Tensor prefix = weights.narrow(-1, first, options_.length);
  const Tensor filled = prefix / prefix.sum(-1, /*keepdim=*/true).clamp_min(1e-12);
  return at::cat({weights.narrow(-1, 0, first), filled, weights.narrow(-1, behind, weights.size(-1) - behind)}, -1);
}

void Prefix::parameters(const ParameterVisitor& visit) {
  for (size_t k = 0; k < layers_.size(); ++k) {
    const std::string at = std::to_string(options_.blocks[k]) + ".";
    visit(at + "keys", layers_[k].keys);
    visit(at + "values", layers_[k].values);
    if (!options_.scales) continue;
    visit(at + "key_scale", layers_[k].key_scale);
    visit(at + "value_scale", layers_[k].value_scale);
  }
}

GivenPrefix::GivenPrefix(std::vector<int64_t> blocks, std::vector<Tensor> keys, std::vector<Tensor> values)
    : blocks_(std::move(blocks)), keys_(std::move(keys)), values_(std::move(values)) {}

void GivenPrefix::keys_values(int64_t block, const Tensor&, Tensor& keys, Tensor& values) const {
  const size_t k = find(blocks_, block);
  if (k == blocks_.size()) return;
  keys = insert_rows(keys, 0, keys_[k]);
  values = insert_rows(values, 0, values_[k]);
}

}  // namespace clb::nn
