#include "clb/nn/codebook.hpp"

#include <torch/utils.h>

#include <clb/nn/tensors.hpp>

namespace clb::nn {

using torch::Tensor;

namespace {

// || sum_j a_j P_j - P_k ||^2 = (a - e_k)^T G (a - e_k) with the entries' products G = P P^T: no sum of p d numbers for each image. In
// float64, since it cancels where an entry is all but reached. weights [l, n, m], entries [l, m, p d].
Tensor squared_distances(const Tensor& weights, const Tensor& entries) {
  const Tensor wide = entries.to(torch::kFloat64), a = weights.to(torch::kFloat64);
  const Tensor products = wide.bmm(wide.transpose(1, 2)), mixed = a.bmm(products);  // [l, m, m], [l, n, m]
  const Tensor own = products.diagonal(0, 1, 2).unsqueeze(1);                       // [l, 1, m]
  return ((a * mixed).sum(-1, /*keepdim=*/true) - 2 * mixed + own).clamp_min(0);
}

}  // namespace

Codebook::Codebook(const CodebookOptions& o, const Rng& rng) {
  const auto layers = static_cast<int64_t>(o.blocks.size());
  prompts_ = uniform({layers, o.entries, o.length, o.dim}, o.low, o.high, rng("prompts")).requires_grad_();
  keys_ = uniform({layers, o.entries, o.dim}, o.low, o.high, rng("keys")).requires_grad_();
}

Selection Codebook::select(const Tensor& query, const SelectionOptions& o) const {
  const auto as_prompts = [&](const Tensor& flat) { return flat.unflatten(2, prompts_.sizes().slice(2)); };
  const Tensor entries = prompts_.flatten(2);  // [l, m, p d]
  Selection s;
  s.scores = query.matmul(unit_rows(keys_).transpose(1, 2));
  s.weights = at::softmax(s.scores / o.temperature, -1);
  s.soft = as_prompts(s.weights.bmm(entries));
  s.distances = squared_distances(s.weights.detach(), entries.detach());
  s.codes = o.rule == "nearest_key" ? s.scores.argmax(-1) : s.distances.argmin(-1);
  s.hard = as_prompts(at::one_hot(s.codes, keys_.size(1)).to(entries.scalar_type()).bmm(entries));
  const bool through = o.rule == "quantised" && o.estimator == "straight_through" && at::GradMode::is_enabled();
  s.prompts = o.rule == "soft" ? s.soft : through ? s.soft + (s.hard - s.soft).detach() : s.hard;
  return s;
}

void Codebook::count_use(const Selection& s, const SelectionOptions& o) {
  const Tensor uses = o.rule == "soft" ? s.weights.detach() : at::one_hot(s.codes, keys_.size(1));  // [l, n, m]
  const Tensor counts = uses.to(torch::kFloat64).sum(1);
  used_ = used_.defined() ? used_ + counts : counts;
}

Tensor Codebook::take_usage() {
  const Tensor used = used_.defined() ? used_ : torch::zeros(keys_.sizes().slice(0, 2), torch::kFloat64);
  used_ = Tensor();
  return used;
}

CodebookTerms codebook_terms(const Selection& s, const Tensor& query, const CodebookTermOptions& o) {
  const double factor = o.reduction == "sum" ? static_cast<double>(s.soft.size(2) * s.soft.size(3)) : 1;
  CodebookTerms t;
  t.commitment = factor * (s.soft - s.hard.detach()).square().mean({1, 2, 3});
  t.vq = factor * (s.hard - s.soft.detach()).square().mean({1, 2, 3});
  t.layers = o.commitment * t.commitment + o.vq * t.vq;
  if (o.key > 0) {
    const Tensor cosines = s.scores.gather(2, s.codes.unsqueeze(2)).squeeze(2) / query.norm(2, 1).clamp_min(1e-12);  // [l, n]
    t.layers = t.layers - o.key * cosines.mean(1);
  }
  t.sum = t.layers.sum();
  return t;
}

}  // namespace clb::nn
