#include "clb/nn/prompt_tokens.hpp"

#include <clb/nn/error.hpp>
#include <clb/nn/linear.hpp>
#include <cmath>

namespace clb::nn {

using torch::Tensor;

Tensor insert_rows(const Tensor& x, int64_t at, const Tensor& rows) {
  const Tensor same_type = as_type_of(x, rows).expand({x.size(0), -1, -1});
  return at::cat({x.narrow(1, 0, at), same_type, x.narrow(1, at, x.size(1) - at)}, 1);
}

Tensor drop_rows(const Tensor& x, int64_t at, int64_t count) {
  const int64_t behind = at + count;
  if (behind == x.size(1)) return x.narrow(1, 0, at);
  return at::cat({x.narrow(1, 0, at), x.narrow(1, behind, x.size(1) - behind)}, 1);
}

PromptTokens::PromptTokens(const BlocksShape& network, const PromptTokensOptions& options, const Rng& rng)
    : options_(options), last_(network.depth - 1) {
  const std::vector<int64_t> sizes{options.deep ? network.depth : 1, options.length, network.dim};
  const double bound = std::sqrt(6.0 / static_cast<double>(network.inputs + network.dim));
  tokens_ = (options.zero_init ? torch::zeros(sizes) : uniform(sizes, -bound, bound, rng("tokens"))).requires_grad_();
}

Tensor PromptTokens::before_block(int64_t block, const Tensor& x) const {
  if (!options_.deep && block > 0) return x;
  return insert_rows(x, options_.at_end ? x.size(1) : 1, tokens_[block]);
}

Tensor PromptTokens::after_block(int64_t block, const Tensor& x) const {
  if (!options_.deep && block < last_) return x;
  return drop_rows(x, options_.at_end ? x.size(1) - options_.length : 1, options_.length);
}

InjectionSlices EmbeddedPrompts::split(const std::vector<int64_t>& counts) const {
  InjectionSlices slices;
  for (Tensor& rows : split_rows(prompts_, counts)) slices.push_back(std::make_shared<EmbeddedPrompts>(std::move(rows)));
  return slices;
}

Tensor EmbeddedPrompts::embedded(const Tensor& x) const { return prompts_.size(-2) == 0 ? x : insert_rows(x, 1, prompts_); }

PrependedPrompts::PrependedPrompts(Tensor prompts, Tensor position)
    : prompts_(position.defined() ? prompts + as_type_of(prompts, position) : std::move(prompts)) {}

InjectionSlices PrependedPrompts::split(const std::vector<int64_t>& counts) const {
  InjectionSlices slices;
  for (Tensor& rows : split_rows(prompts_, counts)) slices.push_back(std::make_shared<PrependedPrompts>(std::move(rows)));
  return slices;
}

Tensor PrependedPrompts::before_block(int64_t block, const Tensor& x) const {
  return block > 0 || prompts_.size(-2) == 0 ? x : insert_rows(x, 1, prompts_);
}

Tensor ContextTokens::at(Site site, int64_t /*block*/, const Tensor& /*x*/, const Tensor& y) const {
  if (site != Site::kPatch) return y;
  const int64_t length = contexts_.size(-2);
  if (length >= y.size(1))
    throw Error(ErrorKind::kInvalid, std::to_string(length) + " learned tokens do not fit into a text of " + std::to_string(y.size(1)) +
                                         " tokens behind the first; learn fewer");
  return insert_rows(drop_rows(y, 1, length), 1, contexts_);
}

}  // namespace clb::nn
