// Prompts: extra tokens beside those of the image (VPT, Jia et al., ECCV 2022; L2P, Wang et al., CVPR 2022).
#pragma once

#include <clb/nn/injection.hpp>
#include <clb/nn/rng.hpp>

namespace clb::nn {

struct PromptTokensOptions {
  int64_t length = 5;   // tokens per layer
  bool deep = false;    // fresh tokens before every block, else one set before block 0
  bool at_end = false;  // behind the patches (LAMDA-PILOT), else behind the first token (VPT); the class token's output is the same, but
                        // in a text tower no token attends to what stands behind it
  bool zero_init =
      false;  // LAMDA-PILOT, else uniform within sqrt(6 / (inputs + d)), see BlocksShape. From zeros, the tokens of a layer stay equal
};

// Learned prompts without positions. Behind the block (deep) or behind the last block (shallow) they are dropped again, so tokens() has as
// many rows as without them.
class PromptTokens final : public Injection {
 public:
  PromptTokens(const BlocksShape& network, const PromptTokensOptions& options, const Rng& rng);

  InjectionSlices split(const std::vector<int64_t>& counts) const override { return alike(counts); }
  bool by_token() const override { return true; }
  int64_t begins_at() const override { return 0; }
  bool changes_operations() const override { return false; }
  torch::Tensor before_block(int64_t block, const torch::Tensor& x) const override;
  torch::Tensor after_block(int64_t block, const torch::Tensor& x) const override;

 private:
  void parts(Parts& p) override { p("tokens", tokens_); }

  PromptTokensOptions options_;
  int64_t last_;          // block
  torch::Tensor tokens_;  // [depth or 1, length, d]
};

// Prompts that a method chose for each image, with the tokens that go into the network: before the norm that CLIP's image tower has before
// its first block (S-liPrompts, Wang et al., NeurIPS 2022). In a ViT, which has none, this is PrependedPrompts.
class EmbeddedPrompts final : public Injection {
 public:
  explicit EmbeddedPrompts(torch::Tensor prompts) : prompts_(std::move(prompts)) {}  // [n, p, d] or [p, d]

  InjectionSlices split(const std::vector<int64_t>& counts) const override;
  bool by_token() const override { return true; }
  int64_t begins_at() const override { return 0; }
  bool changes_operations() const override { return false; }
  torch::Tensor embedded(const torch::Tensor& x) const override;

 private:
  void parts(Parts& p) override { p("prompts", prompts_); }
  torch::Tensor prompts_;
};

// Prompts that a method chose for each image (or text), behind the first token; they stay to the end and stand in rows 1 to p of tokens().
class PrependedPrompts final : public Injection {
 public:
  // prompts [n, p, d]; p = 0 is the plain network. position [1, 1, d] is added to each (Vit::cls_position()); undefined: none.
  explicit PrependedPrompts(torch::Tensor prompts, torch::Tensor position = {});

  InjectionSlices split(const std::vector<int64_t>& counts) const override;
  bool by_token() const override { return true; }
  int64_t begins_at() const override { return 0; }
  bool changes_operations() const override { return false; }
  torch::Tensor before_block(int64_t block, const torch::Tensor& x) const override;

 private:
  void parts(Parts& p) override { p("prompts", prompts_); }
  torch::Tensor prompts_;
};

// Texts of which the words behind the start token are learned (CoOp, Zhou et al., IJCV 2022): their embeddings give way to these, without
// positions, and the text keeps its length. For text towers.
class ContextTokens final : public Injection {
 public:
  // contexts [n, m, d], of each text its own, or [m, d] for all alike. Throws Error (invalid) in a text of fewer than 1 + m tokens.
  explicit ContextTokens(torch::Tensor contexts) : contexts_(std::move(contexts)) {}

  bool changes_operations() const override { return false; }
  torch::Tensor at(Site site, int64_t block, const torch::Tensor& x, const torch::Tensor& y) const override;

 private:
  torch::Tensor contexts_;
};

// x [n, t, d] with `rows` [n, p, d] before row `at` of each sample, in the type of x; rows may also be [p, d], the same for all samples.
torch::Tensor insert_rows(const torch::Tensor& x, int64_t at, const torch::Tensor& rows);

// x [n, t, d] without `count` rows from row `at` on.
torch::Tensor drop_rows(const torch::Tensor& x, int64_t at, int64_t count);

}  // namespace clb::nn
