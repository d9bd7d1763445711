#include "clb/nn/prompt_pool.hpp"

#include <clb/nn/key_choice.hpp>
#include <clb/nn/tensors.hpp>

namespace clb::nn {

using torch::Tensor;

PromptPool::PromptPool(const PromptPoolOptions& o, const Rng& rng)
    : prompts_(uniform({o.prompts, o.length, o.dim}, o.low, o.high, rng("prompts")).requires_grad_()),
      keys_(uniform({o.prompts, o.dim}, o.low, o.high, rng("keys")).requires_grad_()) {}

PromptChoice PromptPool::choose(const Tensor& query, int64_t top_k, bool vote) const {
  const int64_t prompts = prompts_.size(0);
  const Tensor cosines = at::matmul(unit_rows(query.to(torch::kFloat32)), unit_rows(keys_).t());  // [n, M]
  Tensor ids = first_largest(cosines.detach(), top_k);
  if (vote) ids = voted_ids(ids, prompts);
  return {ids, cosines.gather(1, ids), prompts_of(ids)};
}

Tensor PromptPool::prompts_of(const Tensor& ids) const {
  return prompts_.index_select(0, ids.flatten()).reshape({ids.size(0), ids.size(1) * prompts_.size(1), prompts_.size(2)});
}

void PromptPool::count_use(const PromptChoice& choice) {
  const Tensor counted = count_ids(choice.ids, prompts_.size(0));
  usage_ = usage_.defined() ? usage_ + counted : counted;
}

Tensor PromptPool::take_usage() {
  const Tensor usage = usage_.defined() ? usage_.cpu() : torch::zeros(prompts_.size(0), torch::kInt64);
  usage_ = Tensor();
  return usage;
}

}  // namespace clb::nn
