#include "clb/nn/prompt_pool.hpp"

#include <clb/nn/tensors.hpp>

namespace clb::nn {
namespace {

using torch::Tensor;

// The first k positions of `values` in descending order along the last dimension; stable, so equal values keep the order of positions.
Tensor first_largest(const Tensor& values, int64_t k) {
  return values.argsort(/*stable=*/true, /*dim=*/-1, /*descending=*/true).narrow(-1, 0, k);
}

Tensor count(const Tensor& ids, int64_t prompts) {  // [M]
  const Tensor flat = ids.flatten();
  return torch::zeros(prompts, flat.options()).scatter_add_(0, flat, torch::ones_like(flat));
}

Tensor voted(const Tensor& ids, int64_t prompts) {
  const Tensor votes = count(ids, prompts);
  const Tensor winners = first_largest(votes, ids.size(1));
  return at::where(votes.index_select(0, winners) > 0, winners, ids.min()).expand_as(ids);
}

}  // namespace

PromptPool::PromptPool(const PromptPoolOptions& o, const Rng& rng)
    : prompts_(uniform({o.prompts, o.length, o.dim}, o.low, o.high, rng("prompts")).requires_grad_()),
      keys_(uniform({o.prompts, o.dim}, o.low, o.high, rng("keys")).requires_grad_()) {}

PromptChoice PromptPool::choose(const Tensor& query, int64_t top_k, bool vote) const {
  const int64_t n = query.size(0), prompts = prompts_.size(0);
  const Tensor cosines = at::matmul(unit_rows(query.to(torch::kFloat32)), unit_rows(keys_).t());  // [n, M]
  Tensor ids = first_largest(cosines.detach(), top_k);
  if (vote && top_k > 0) ids = voted(ids, prompts);
  if (training_) {
    if (!usage_.defined()) usage_ = torch::zeros(prompts, ids.options());
    usage_ += count(ids, prompts);
  }
  return {ids, cosines.gather(1, ids), prompts_.index_select(0, ids.flatten()).reshape({n, top_k * prompts_.size(1), prompts_.size(2)})};
}

Tensor PromptPool::take_usage() {
  const Tensor usage = usage_.defined() ? usage_.cpu() : torch::zeros(prompts_.size(0), torch::kInt64);
  usage_ = Tensor();
  return usage;
}

}  // namespace clb::nn
