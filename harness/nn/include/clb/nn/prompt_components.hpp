// What CODA-Prompt (Smith et al., CVPR 2023, arXiv:2211.13218) sums up to an image's prompt: components with keys and attention, in some of
// a network's blocks, which grow by rows that are orthogonal to those there are.
#pragma once

#include <clb/nn/module.hpp>
#include <clb/nn/rng.hpp>
#include <vector>

namespace clb::nn {

// k components in each of b blocks.
struct PromptComponents final : Module {
  PromptComponents() = default;
  PromptComponents(torch::Tensor prompts, torch::Tensor keys, torch::Tensor attention)
      : prompts(std::move(prompts)), keys(std::move(keys)), attention(std::move(attention)) {}
  static PromptComponents none(int64_t blocks, int64_t length, int64_t dim, torch::Device device);

  int64_t count() const { return keys.size(1); }
  PromptComponents rows(int64_t first, int64_t behind) const;        // a copy of these components, without gradients
  PromptComponents with(const PromptComponents& more) const;         // these and then those; gradients pass
  torch::Tensor flat_prompts() const { return prompts.flatten(2); }  // [b, k, L d]

  // With new components up to `behind`, by Gram-Schmidt (orthogonal.hpp) within each block and kind: row k of block i of the network is
  // drawn from rng("prompts.<i>.<k>"), ... `blocks` says which blocks they are.
  PromptComponents grown(int64_t behind, const std::vector<int64_t>& blocks, const Rng& rng) const;

  // The prompts as they were drawn, if they grew by `share` at a time and older ones have stood still since.
  torch::Tensor drawn_prompts(int64_t share, const std::vector<int64_t>& blocks, const Rng& rng) const;

  torch::Tensor prompts, keys, attention;  // [b, k, L, d], [b, k, d], [b, k, d]

 private:
  void parts(Parts& p) override { p("prompts", prompts)("keys", keys)("attention", attention); }
};

}  // namespace clb::nn
