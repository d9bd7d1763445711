#include "clb/nn/alignment.hpp"

#include <algorithm>
#include <string>

namespace clb::nn {

using torch::Tensor;

DrawnRows draw_rows(const std::vector<ClassGaussian>& classes, int64_t count, const Rng& rng) {
  const torch::NoGradGuard no_grad;
  std::vector<Tensor> rows, labels;
  double jitter = 0;
  for (const ClassGaussian& c : classes) {
    const Tensor noise = normal({count, c.mean.size(0)}, 0, 1, rng("noise." + std::to_string(rows.size()))).to(c.mean.device());
    labels.push_back(torch::full(count, c.label, torch::dtype(torch::kInt64).device(c.mean.device())));
    if (c.covariance.dim() == 1) {
      rows.push_back(diagonal_rows(c.mean, c.covariance, noise));
      continue;
    }
    const LowerFactor factor = lower_factor(c.covariance);
    rows.push_back(gaussian_rows(c.mean, factor.lower, noise));
    jitter = std::max(jitter, factor.jitter);
  }
  return {at::cat(rows), at::cat(labels), jitter};
}

DrawnRows shuffled(const DrawnRows& drawn, torch::Generator generator) {
  const Tensor order = at::randperm(drawn.rows.size(0), generator, torch::kInt64).to(drawn.rows.device());
  return {drawn.rows.index_select(0, order), drawn.labels.index_select(0, order), drawn.jitter};
}

Tensor normalized_logits(const Tensor& z, const std::vector<int64_t>& groups, double temperature) {
  std::vector<Tensor> norms;
  for (const Tensor& group : z.split_with_sizes(groups, 1)) norms.push_back(group.norm(2, 1, /*keepdim=*/true) + 1e-7);
  return z / at::cat(norms, 1).mean(1, /*keepdim=*/true) / temperature;
}

void align(Trainer& trainer, const DrawnRows& drawn, int64_t batch_size, const std::function<Tensor(const Tensor&)>& classify) {
  const int64_t n = drawn.rows.size(0);
  for (int64_t at = 0; at < n; at += batch_size) {
    const int64_t size = std::min(batch_size, n - at);
    trainer.step(at::cross_entropy_loss(classify(drawn.rows.narrow(0, at, size)), drawn.labels.narrow(0, at, size)));
  }
}

}  // namespace clb::nn
