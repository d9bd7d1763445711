#include "clb/nn/knowledge_pool.hpp"

#include <clb/nn/gaussian.hpp>
#include <string>

namespace clb::nn {

using torch::Tensor;

void KnowledgePool::remember(int64_t task, const std::vector<int64_t>& classes, const Rows& seen, const std::string& covariance) {
  const Rng no_clusters = [](const std::string&) { return torch::Generator(); };
  for (const int64_t label : classes) {
    const Tensor rows = seen.labels.eq(label).nonzero().squeeze(1);
    if (rows.numel() == 0) continue;
    const auto gaussian = [&](const Tensor& values) {
      return gaussians_of(label, values.index_select(0, rows), {.covariance = covariance, .ridge = 1e-5}, no_clusters).front();
    };
    low.push_back(gaussian(seen.low));
    features.push_back(gaussian(seen.features));
    prompts.push_back(seen.prompts.squeeze(1).index_select(0, rows).mean(0));
    tasks.push_back(task);
  }
}

KnowledgePool::Rows KnowledgePool::draw(int64_t among, int64_t items, int64_t each, const Rng& rng) {
  const torch::NoGradGuard no_grad;
  const Tensor times = at::bincount(at::randint(among, {items}, rng("items"), torch::kInt64), {}, among) * each;
  std::vector<Tensor> parts[4];
  for (int64_t k = 0; k < among; ++k) {
    const auto i = static_cast<size_t>(k);
    const int64_t n = times[k].item<int64_t>();
    if (n == 0) continue;
    parts[0].push_back(rows(low[i], n, rng("low." + std::to_string(k))));
    parts[1].push_back(rows(features[i], n, rng("features." + std::to_string(k))));
    parts[2].push_back(prompts[i].expand({n, 1, -1}));
    parts[3].push_back(torch::full(n, features[i].label, torch::dtype(torch::kInt64).device(prompts[i].device())));
  }
  return {at::cat(parts[0]), at::cat(parts[1]), at::cat(parts[2]), at::cat(parts[3])};
}

void KnowledgePool::forget(int64_t task) {
  while (!tasks.empty() && tasks.back() == task) {
    for (const auto* list : {&low, &features}) factors_.erase(list->back().covariance.unsafeGetTensorImpl());
    low.pop_back();
    features.pop_back();
    prompts.pop_back();
    tasks.pop_back();
  }
}

Tensor KnowledgePool::rows(const ClassGaussian& g, int64_t n, torch::Generator generator) {
  const Tensor noise = normal({n, g.mean.size(0)}, 0, 1, std::move(generator)).to(g.mean.device());
  if (g.covariance.dim() == 1) return diagonal_rows(g.mean, g.covariance, noise);
  auto& [covariance, lower] = factors_[g.covariance.unsafeGetTensorImpl()];
  if (!lower.defined()) {
    covariance = g.covariance;  // whose address nobody else can have meanwhile
    lower = lower_factor(covariance).lower;
  }
  return gaussian_rows(g.mean, lower, noise);
}

}  // namespace clb::nn
