#include "clb/nn/prompt_components.hpp"

#include <clb/nn/orthogonal.hpp>
#include <string>

namespace clb::nn {
namespace {

using torch::Tensor;

// `kept` [b, k, ...] with new rows up to `behind`.
Tensor grown_rows(const std::string& kind, const Tensor& kept, int64_t behind, const std::vector<int64_t>& blocks, const Rng& rng) {
  if (blocks.empty()) return kept;
  const Tensor flat = kept.flatten(2);  // [b, k, m]
  std::vector<Tensor> of_blocks;
  for (size_t b = 0; b < blocks.size(); ++b) {
    const std::string in_block = kind + "." + std::to_string(blocks[b]) + ".";
    const auto draw = [&](int64_t row, int64_t attempt) {
      std::string name = in_block + std::to_string(row);
      if (attempt > 0) name.append(".").append(std::to_string(attempt));
      return nn::normal({flat.size(2)}, 0, 1, rng(name));
    };
    of_blocks.push_back(gram_schmidt_rows(flat[static_cast<int64_t>(b)], behind - flat.size(1), draw));
  }
  return at::stack(of_blocks).to(kept.device()).unflatten(2, kept.sizes().slice(2));
}

}  // namespace

PromptComponents PromptComponents::none(int64_t blocks, int64_t length, int64_t dim, torch::Device device) {
  const auto empty = [&](torch::IntArrayRef sizes) { return torch::zeros(sizes, device); };
  return {empty({blocks, 0, length, dim}), empty({blocks, 0, dim}), empty({blocks, 0, dim})};
}

PromptComponents PromptComponents::rows(int64_t first, int64_t behind) const {
  const auto of = [&](const Tensor& t) { return t.detach().slice(1, first, behind).clone(); };
  return {of(prompts), of(keys), of(attention)};
}

PromptComponents PromptComponents::with(const PromptComponents& more) const {
  const auto both = [](const Tensor& a, const Tensor& b) { return at::cat({a, b}, 1); };
  return {both(prompts, more.prompts), both(keys, more.keys), both(attention, more.attention)};
}

PromptComponents PromptComponents::grown(int64_t behind, const std::vector<int64_t>& blocks, const Rng& rng) const {
  const auto of = [&](const char* kind, const Tensor& kept) { return grown_rows(kind, kept, behind, blocks, rng); };
  return {of("prompts", prompts), of("keys", keys), of("attention", attention)};
}

Tensor PromptComponents::drawn_prompts(int64_t share, const std::vector<int64_t>& blocks, const Rng& rng) const {
  std::vector<Tensor> of_tasks;
  for (int64_t first = 0; first < count(); first += share)
    of_tasks.push_back(grown_rows("prompts", prompts.narrow(1, 0, first), first + share, blocks, rng).narrow(1, first, share));
  return of_tasks.empty() ? prompts : at::cat(of_tasks, 1);
}

}  // namespace clb::nn
