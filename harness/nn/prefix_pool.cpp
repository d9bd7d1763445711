#include "clb/nn/prefix_pool.hpp"

#include <torch/utils.h>

#include <clb/nn/error.hpp>
#include <clb/nn/key_choice.hpp>
#include <clb/nn/layer_prefixes.hpp>
#include <clb/nn/tensors.hpp>

namespace clb::nn {

using torch::Tensor;

Tensor PrefixChoice::crossed_distance() const {
  std::vector<Tensor> terms;
  for (int64_t s = 0; s < ids.size(0); ++s) {
    const Tensor chosen = count_ids(ids[s], cosines.size(2)).to(cosines.scalar_type());  // [M]: how often by the whole batch
    terms.push_back(((1 - cosines[s]) * chosen).sum());
  }
  return at::stack(terms).sum();
}

PrefixPool::PrefixPool(const PrefixPoolOptions& options, const Rng& rng) : options_(options) {
  const auto& o = options_;
  const auto blocks = static_cast<int64_t>(o.blocks.size());
  prefixes_ = uniform({blocks, 2, o.prompts, o.length, o.dim}, o.low, o.high, rng("prefixes")).requires_grad_();
  keys_ = uniform({o.key_per_block && blocks > 0 ? blocks : 1, o.prompts, o.dim}, o.low, o.high, rng("keys")).requires_grad_();
}

Tensor PrefixPool::cosines(const Tensor& query) const {
  return unit_rows(query.to(torch::kFloat32)).matmul(unit_rows(keys_).transpose(1, 2));
}

PrefixChoice PrefixPool::nearest(const Tensor& query, int64_t k, bool vote, int64_t among) const {
  const Tensor all = cosines(query), competing = all.detach().narrow(2, 0, among == 0 ? prompts() : among);
  Tensor ids = first_largest(competing, k);
  if (vote) {
    std::vector<Tensor> of_sets;
    for (const Tensor& one : ids.unbind(0)) of_sets.push_back(voted_ids(one, prompts()));
    ids = at::stack(of_sets);
  }
  return {ids, all};
}

PrefixChoice PrefixPool::given(const Tensor& query, int64_t first, int64_t k) const {
  const Tensor all = cosines(query);
  const Tensor ids = torch::arange(first, first + k, torch::dtype(torch::kInt64).device(all.device()));
  return {ids.expand({all.size(0), all.size(1), k}), all};
}

Tensor PrefixPool::chosen(const PrefixChoice& choice, bool legacy) const {
  if (choice.ids.size(0) == 1) return chosen_pairs(prefixes_, choice.ids[0], legacy);
  std::vector<Tensor> of_blocks;
  for (int64_t b = 0; b < choice.ids.size(0); ++b) of_blocks.push_back(chosen_pairs(prefixes_.narrow(0, b, 1), choice.ids[b], legacy));
  return at::cat(of_blocks);
}

void PrefixPool::copy_prompts(int64_t from, int64_t to, int64_t count) {
  if (from < 0 || to < 0 || from + count > prompts() || to + count > prompts())
    throw Error(ErrorKind::kInternal, "prompts beyond the pool cannot be copied");
  const torch::NoGradGuard no_grad;
  prefixes_.narrow(2, to, count).copy_(prefixes_.narrow(2, from, count).clone());
}

}  // namespace clb::nn
