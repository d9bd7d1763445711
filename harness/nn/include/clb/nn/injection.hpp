// The one door into the ViT. Prompts, prefixes, adapters, scale-and-shift, low-rank deltas and a replaced norm are small classes that
// override one or two of these hooks; nobody edits or copies the network.
//
// Every hook does nothing unless overridden. x [n, t, d] is in the network's type; parameters are float32 and are cast where they are used
// (as_type_of). Hooks are const and may run on several threads at once.
#pragma once

#include <clb/nn/module.hpp>
#include <vector>

namespace clb::nn {

enum class Site { kPatch, kNorm1, kQkv, kProj, kNorm2, kFc1, kFc2, kNorm };

class Injection : public Module {
 public:
  // The input and the output of a block, [n, t, d] -> [n, t', d]: tokens may be added, replaced or dropped. Token 0 stays the class token.
  virtual torch::Tensor before_block(int64_t /*block*/, const torch::Tensor& x) const { return x; }
  virtual torch::Tensor after_block(int64_t /*block*/, const torch::Tensor& x) const { return x; }

  // The result y = op(x) of an operation; what is returned replaces y. kPatch: x are images, y [n, patches, d] without class token and
  // positions; kFc1: before the GELU. kPatch and kNorm belong to no block: `block` is -1.
  virtual torch::Tensor at(Site, int64_t /*block*/, const torch::Tensor& /*x*/, const torch::Tensor& y) const { return y; }

  // Keys and values [n, t, d] of a block whose input is x, before they are split into heads: rows may be inserted. Queries stay as they
  // are.
  virtual void keys_values(int64_t /*block*/, const torch::Tensor& /*x*/, torch::Tensor& /*keys*/, torch::Tensor& /*values*/) const {}

  // The attention weights [n, heads, t, keys] after the softmax, where changes_attention says so; such a block forgoes the fused kernel.
  virtual bool changes_attention(int64_t /*block*/) const { return false; }
  virtual torch::Tensor attention_weights(int64_t /*block*/, const torch::Tensor& weights) const { return weights; }

  // What is added to a branch's output; undefined: nothing. x is the branch's input, normed the same after the branch's LayerNorm.
  virtual torch::Tensor beside_attention(int64_t /*block*/, const torch::Tensor& /*x*/, const torch::Tensor& /*normed*/) const {
    return {};
  }
  virtual torch::Tensor beside_mlp(int64_t /*block*/, const torch::Tensor& /*x*/, const torch::Tensor& /*normed*/) const { return {}; }

  void parameters(const ParameterVisitor&) override {}
};

// Several injections as one: each hook passes through all of them in order, after_block in reverse order, so that what was put in last is
// taken out first. They must outlive it.
class Together final : public Injection {
 public:
  explicit Together(std::vector<Injection*> parts) : parts_(std::move(parts)) {}

  torch::Tensor before_block(int64_t block, const torch::Tensor& x) const override;
  torch::Tensor after_block(int64_t block, const torch::Tensor& x) const override;
  torch::Tensor at(Site site, int64_t block, const torch::Tensor& x, const torch::Tensor& y) const override;
  void keys_values(int64_t block, const torch::Tensor& x, torch::Tensor& keys, torch::Tensor& values) const override;
  bool changes_attention(int64_t block) const override;
  torch::Tensor attention_weights(int64_t block, const torch::Tensor& weights) const override;
  torch::Tensor beside_attention(int64_t block, const torch::Tensor& x, const torch::Tensor& normed) const override;
  torch::Tensor beside_mlp(int64_t block, const torch::Tensor& x, const torch::Tensor& normed) const override;
  void parameters(const ParameterVisitor& visit) override;  // part 0's are named "0.<name>"
  void train(bool on) override;

 private:
  std::vector<Injection*> parts_;
};

}  // namespace clb::nn
