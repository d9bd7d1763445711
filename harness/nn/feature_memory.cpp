#include "clb/nn/feature_memory.hpp"

#include <algorithm>
#include <clb/nn/error.hpp>
#include <set>
#include <string>
#include <utility>

namespace clb::nn {

using torch::Tensor;

void FeatureMemory::add(int64_t task, const Tensor& features, const Tensor& labels, const GaussianOptions& options, const Rng& rng) {
  const Tensor own = std::get<0>(at::_unique(labels.cpu(), /*sorted=*/true)).contiguous();
  for (int64_t k = 0; k < own.numel(); ++k) {
    const int64_t label = own.data_ptr<int64_t>()[k];
    const Tensor rows = features.index_select(0, labels.eq(label).nonzero().flatten());
    const Rng of_class = [&](const std::string& name) { return rng(std::to_string(label) + "/" + name); };
    for (ClassGaussian& gaussian : gaussians_of(label, rows, options, of_class)) {
      gaussians_.push_back(std::move(gaussian));
      tasks_.push_back(task);
    }
  }
}

DrawnRows FeatureMemory::draw(const DrawOptions& options, const Rng& rng) const {
  if (gaussians_.empty()) throw Error(ErrorKind::kInvalid, "no class has left features to draw");
  std::vector<int64_t> able, every(gaussians_.size());
  for (size_t k = 0; k < gaussians_.size(); ++k) {
    every[k] = static_cast<int64_t>(k);
    if (gaussians_[k].covariance.gt(0).any().item<bool>()) able.push_back(every[k]);
  }
  if (!options.spread_only || able.empty()) able = every;
  const int64_t all = static_cast<int64_t>(able.size()) * options.each, rows = std::min(options.rows, all);
  const Tensor order = at::randperm(all, rng("order"), torch::kInt64).narrow(0, 0, rows);
  const Tensor which = torch::tensor(able, torch::kInt64).index_select(0, order.floor_divide(options.each));
  return rows_of(which, normal({rows, gaussians_[0].mean.size(0)}, 0, 1, rng("noise")), options.ridge);
}

DrawnRows FeatureMemory::rows_of(const Tensor& which, const Tensor& noise, double ridge) const {
  const torch::NoGradGuard no_grad;
  std::vector<Tensor> means, spreads;
  std::vector<int64_t> labels;
  double jitter = 0;
  for (const ClassGaussian& g : gaussians_) {
    labels.push_back(g.label);
    means.push_back(g.mean);
    if (g.covariance.dim() == 1) {
      spreads.push_back((g.covariance.to(torch::kFloat64) + ridge).clamp_min(0).sqrt());
      continue;
    }
    Tensor covariance = g.covariance.to(torch::kFloat64);
    covariance.diagonal().add_(ridge);
    const LowerFactor factor = lower_factor(covariance);
    spreads.push_back(factor.lower);
    jitter = std::max(jitter, factor.jitter);
  }
  const torch::Device device = means.at(0).device();
  const Tensor numbers = which.to(device), wide = noise.to(device, torch::kFloat64);
  const Tensor centres = at::stack(means).to(torch::kFloat64).index_select(0, numbers);  // [n, d]
  Tensor apart;
  if (spreads[0].dim() == 1) {
    apart = wide * at::stack(spreads).index_select(0, numbers);
  } else {
    apart = torch::empty_like(wide);
    for (size_t k = 0; k < spreads.size(); ++k) {
      const Tensor rows = numbers.eq(static_cast<int64_t>(k)).nonzero().flatten();
      if (rows.numel() > 0) apart.index_copy_(0, rows, wide.index_select(0, rows).matmul(spreads[k].t()));
    }
  }
  const Tensor of_class = torch::tensor(labels, torch::dtype(torch::kInt64).device(device)).index_select(0, numbers);
  return {(centres + apart).to(torch::kFloat32), of_class, jitter};
}

int64_t FeatureMemory::classes_before(int64_t task) const {
  std::set<std::pair<int64_t, int64_t>> left;
  for (size_t k = 0; k < gaussians_.size(); ++k)
    if (tasks_.at(k) < task) left.emplace(tasks_[k], gaussians_[k].label);
  return static_cast<int64_t>(left.size());
}

Tensor FeatureMemory::means() const {
  std::vector<Tensor> means;
  for (const ClassGaussian& g : gaussians_) means.push_back(g.mean.to(torch::kFloat32));
  return means.empty() ? Tensor() : at::stack(means);
}

}  // namespace clb::nn
