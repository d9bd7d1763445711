// The one door into a network of transformer blocks: a ViT or a tower of CLIP. Prompts, prefixes, adapters, scale-and-shift, low-rank
// deltas and a replaced norm are small classes that override one or two of these hooks; nobody edits or copies the network.
//
// Every hook does nothing unless overridden. x [n, t, d] is in the network's type; parameters are float32 and are cast where they are used
// (as_type_of). Hooks are const and may run on several threads at once.
#pragma once

#include <clb/nn/module.hpp>
#include <memory>
#include <vector>

namespace clb::nn {

enum class Site { kPatch, kNorm1, kQkv, kProj, kNorm2, kFc1, kFc2, kNorm, kNormPre };

// What whoever hangs something into a network has to know of it.
struct BlocksShape {
  int64_t dim = 192, depth = 12, heads = 3, mlp = 768;  // mlp: hidden units, not the ratio
  int64_t inputs = 0;                                   // numbers that a token is embedded from: channels * patch^2; 0 in a text tower
  bool norm_pre = false;                                // a LayerNorm before block 0 (CLIP's images)
  bool operator==(const BlocksShape&) const = default;
};

// Keys and values [n, t, d] of a block before they are split into heads. Rows may be inserted; every query attends to these, also in a
// network whose tokens attend to earlier ones only.
class KeysValues {
 public:
  KeysValues(torch::Tensor keys, torch::Tensor values);

  // Before row `at`, of what was inserted earlier too: keys and values [n, p, d], or [p, d] for all samples alike.
  void insert(int64_t at, const torch::Tensor& keys, const torch::Tensor& values);

  const torch::Tensor& keys() const { return keys_; }
  const torch::Tensor& values() const { return values_; }
  torch::Tensor causal_mask() const;  // [t, keys], see attention.hpp

 private:
  torch::Tensor keys_, values_;
  std::vector<bool> inserted_;  // of each row
};

class Injection;
using InjectionSlices = std::vector<std::shared_ptr<const Injection>>;

class Injection : public Module {
 public:
  // What it is for consecutive groups of the images it was made for, counts[k] in each, so that these may pass through the network apart
  // and side by side. Empty, which is the default: it must see all images at once. Whoever overrides this names in parts() every tensor
  // that gradients are wanted of.
  virtual InjectionSlices split(const std::vector<int64_t>& /*counts*/) const { return {}; }

  // Where the class token alone is wanted, the last block computes its first few tokens alone: queries, branches and sites behind the
  // attention then have a smaller t, and after_block is not called there. True for whoever treats each token by itself in these hooks and
  // leaves the class token as it is in after_block.
  virtual bool by_token() const { return false; }

  // The first block that it changes anything in: 0 where it changes the tokens before it, too, -1, the default, where it changes patches.
  // What lies before is as without it, so that it can be shared (Begun in vit.hpp).
  virtual int64_t begins_at() const { return -1; }

  // The tokens with their positions, [n, t, d] -> [n, t', d], before block 0 and before the norm that some networks have there.
  virtual torch::Tensor embedded(const torch::Tensor& x) const { return x; }

  // The input and the output of a block, [n, t, d] -> [n, t', d]: tokens may be added, replaced or dropped. Token 0 stays the class token.
  virtual torch::Tensor before_block(int64_t /*block*/, const torch::Tensor& x) const { return x; }
  virtual torch::Tensor after_block(int64_t /*block*/, const torch::Tensor& x) const { return x; }

  // The result y = op(x) of an operation; what is returned replaces y. kPatch: x are images, y [n, patches, d] without class token and
  // positions; in a text tower x are token ids and y [n, t, d] their embeddings, without positions too. kFc1: before the activation.
  // kPatch, kNormPre and kNorm belong to no block: `block` is -1.
  virtual torch::Tensor at(Site, int64_t /*block*/, const torch::Tensor& /*x*/, const torch::Tensor& y) const { return y; }

  // Whether at() may change what an operation of a block gives. Where it does not, bias, activation and residual are computed with the
  // products before them.
  virtual bool changes_operations() const { return true; }

  // Keys and values of a block whose input is x, with as many rows. Queries stay as they are.
  virtual void keys_values(int64_t /*block*/, const torch::Tensor& /*x*/, KeysValues& /*rows*/) const {}

  // The attention weights [n, heads, t, keys] after the softmax, where changes_attention says so; such a block forgoes the fused kernel.
  virtual bool changes_attention(int64_t /*block*/) const { return false; }
  virtual torch::Tensor attention_weights(int64_t /*block*/, const torch::Tensor& weights) const { return weights; }

  // What is added to a branch's output; undefined: nothing. x is the branch's input, normed the same after the branch's LayerNorm.
  virtual torch::Tensor beside_attention(int64_t /*block*/, const torch::Tensor& /*x*/, const torch::Tensor& /*normed*/) const {
    return {};
  }
  virtual torch::Tensor beside_mlp(int64_t /*block*/, const torch::Tensor& /*x*/, const torch::Tensor& /*normed*/) const { return {}; }

 protected:
  // For split(): the same for all images. It must outlive the slices.
  InjectionSlices alike(const std::vector<int64_t>& counts) const {
    return InjectionSlices(counts.size(), std::shared_ptr<const Injection>(std::shared_ptr<void>(), this));
  }
};

// For begins_at(): the first of these blocks; none: behind the last one.
int64_t first_of(const std::vector<int64_t>& blocks);

// For split(): rows of `dims` dimensions, [n, p, d], as those of each group of images; of fewer, or undefined, the same for each group.
std::vector<torch::Tensor> split_rows(const torch::Tensor& rows, const std::vector<int64_t>& counts, int64_t dims = 3);

// Several injections as one: each hook passes through all of them in order, after_block in reverse order, so that what was put in last is
// taken out first. They must outlive it.
class Together final : public Injection {
 public:
  explicit Together(std::vector<Injection*> parts) : parts_(std::move(parts)) {}

  InjectionSlices split(const std::vector<int64_t>& counts) const override;
  bool by_token() const override;
  int64_t begins_at() const override;
  torch::Tensor embedded(const torch::Tensor& x) const override;
  torch::Tensor before_block(int64_t block, const torch::Tensor& x) const override;
  torch::Tensor after_block(int64_t block, const torch::Tensor& x) const override;
  torch::Tensor at(Site site, int64_t block, const torch::Tensor& x, const torch::Tensor& y) const override;
  bool changes_operations() const override;
  void keys_values(int64_t block, const torch::Tensor& x, KeysValues& rows) const override;
  bool changes_attention(int64_t block) const override;
  torch::Tensor attention_weights(int64_t block, const torch::Tensor& weights) const override;
  torch::Tensor beside_attention(int64_t block, const torch::Tensor& x, const torch::Tensor& normed) const override;
  torch::Tensor beside_mlp(int64_t block, const torch::Tensor& x, const torch::Tensor& normed) const override;

 private:
  void parts(Parts& p) override;  // "0", "1", ...
  std::vector<Injection*> parts_;
  InjectionSlices owned_;  // of a slice
};

}  // namespace clb::nn
