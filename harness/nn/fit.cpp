#include "clb/nn/fit.hpp"

#include <torch/optim.h>

#include <algorithm>
#include <clb/base/error.hpp>
#include <cmath>
#include <numbers>

namespace clb::nn {
namespace {

using torch::Tensor;
using Groups = std::vector<torch::optim::OptimizerParamGroup>;

std::unique_ptr<torch::optim::OptimizerOptions> group_options(const FitOptions& o, double weight_decay) {
  if (o.optimizer == "sgd")
    return std::make_unique<torch::optim::SGDOptions>(torch::optim::SGDOptions(o.lr).momentum(o.momentum).weight_decay(weight_decay));
  if (o.optimizer == "adam") return std::make_unique<torch::optim::AdamOptions>(torch::optim::AdamOptions(o.lr).weight_decay(weight_decay));
  if (o.optimizer == "adamw")
    return std::make_unique<torch::optim::AdamWOptions>(torch::optim::AdamWOptions(o.lr).weight_decay(weight_decay));
  throw base::Error("unknown optimizer '" + o.optimizer + "'; expected sgd, adam or adamw");
}

std::unique_ptr<torch::optim::Optimizer> make_optimizer(const FitOptions& o, const Groups& groups) {
  if (o.optimizer == "sgd") return std::make_unique<torch::optim::SGD>(groups, torch::optim::SGDOptions(o.lr));
  if (o.optimizer == "adam") return std::make_unique<torch::optim::Adam>(groups);
  return std::make_unique<torch::optim::AdamW>(groups);
}

}  // namespace

double learning_rate(const FitOptions& o, double t, double total) {
  const auto half_cosine = [](double part) { return (1 + std::cos(std::numbers::pi * part)) / 2; };
  if (o.schedule == "constant") return o.lr;
  if (o.schedule == "cosine") return o.min_lr + (o.lr - o.min_lr) * half_cosine(t / total);
  if (o.schedule == "cosine_shifted") return t < 1 ? o.lr : o.lr * half_cosine((t - 1) / total) / half_cosine(1 / total);
  if (o.schedule == "multistep") {
    const auto passed = std::count_if(o.milestones.begin(), o.milestones.end(), [t](int64_t m) { return static_cast<double>(m) <= t; });
    return o.lr * std::pow(o.gamma, static_cast<double>(passed));
  }
  if (o.schedule == "warmup_cosine") {
    const auto warmup = static_cast<double>(o.warmup_epochs);
    return t < warmup ? o.lr * std::min(1.0, (t + 1) / warmup) : o.lr * half_cosine((t - warmup) / std::max(1.0, total - warmup));
  }
  if (o.schedule == "coda") return o.lr * std::cos(99 * std::numbers::pi * std::max(0.0, t - 1) / (200 * std::max(1.0, total - 1)));
  throw base::Error("unknown schedule '" + o.schedule + "'; expected constant, cosine, cosine_shifted, multistep, warmup_cosine or coda");
}

Trainer::Trainer(const FitOptions& options, const std::vector<FitGroup>& groups, int64_t updates_per_epoch)
    : options_(options), updates_per_epoch_(std::max<int64_t>(1, updates_per_epoch)) {
  Groups parts;
  const auto add = [&](const std::vector<Tensor>& tensors, double lr_scale, double weight_decay) {
    if (tensors.empty()) return;
    parts.emplace_back(tensors, group_options(options, weight_decay));
    scales_.push_back(lr_scale);
    tensors_.insert(tensors_.end(), tensors.begin(), tensors.end());
  };
  for (const FitGroup& group : groups) {
    std::vector<Tensor> decayed, spared;
    group.module->parameters([&](const std::string& name, Tensor& t) {
      if (t.requires_grad()) (group.decay_bias || !name.ends_with("bias") ? decayed : spared).push_back(t);
    });
    add(decayed, group.lr_scale, group.weight_decay.value_or(options.weight_decay));
    add(spared, group.lr_scale, 0);
  }
  optimizer_ = make_optimizer(options, parts);
  for (const Tensor& t : tensors_) at_start_.push_back(t.detach().clone());
}

Trainer::~Trainer() = default;

int64_t Trainer::trained() const {
  int64_t count = 0;
  for (const Tensor& t : tensors_) count += t.numel();
  return count;
}

double Trainer::rate() const {
  const int64_t epoch = updates_ / updates_per_epoch_;
  const double t =
      options_.rate_per_iteration ? static_cast<double>(updates_) / static_cast<double>(updates_per_epoch_) : static_cast<double>(epoch);
  return learning_rate(options_, t, static_cast<double>(options_.epochs));
}

void Trainer::set_rate(double rate) {
  auto& groups = optimizer_->param_groups();
  for (size_t k = 0; k < groups.size(); ++k) groups[k].options().set_lr(rate * scales_[k]);
}

void Trainer::step(const Tensor& loss) {
  optimizer_->zero_grad();
  loss.backward();
  if (options_.clip_norm > 0) clip_gradients(tensors_, options_.clip_norm);
  set_rate(rate());
  optimizer_->step();
  loss_sum_ = loss_sum_.defined() ? loss_sum_ + loss.detach() : loss.detach();
  ++updates_;
  ++summed_;
}

double Trainer::take_mean_loss() {
  const double mean = summed_ == 0 ? 0 : loss_sum_.item<double>() / static_cast<double>(summed_);
  loss_sum_ = Tensor();
  summed_ = 0;
  return mean;
}

double Trainer::relative_change() const {
  double changed = 0, start = 0;
  for (size_t k = 0; k < tensors_.size(); ++k) {
    changed += (tensors_[k].detach() - at_start_[k]).to(torch::kFloat64).square().sum().item<double>();
    start += at_start_[k].to(torch::kFloat64).square().sum().item<double>();
  }
  return start > 0 ? std::sqrt(changed / start) : 0;
}

Tensor clip_gradients(const std::vector<Tensor>& tensors, double max_norm) {
  std::vector<Tensor> gradients, norms;
  for (const Tensor& t : tensors) {
    if (!t.grad().defined()) continue;
    gradients.push_back(t.grad());
    norms.push_back(gradients.back().norm());
  }
  if (gradients.empty()) return torch::zeros({});
  const Tensor norm = at::stack(norms).norm();
  const Tensor factor = (max_norm / (norm + 1e-6)).clamp_max(1);
  for (Tensor& gradient : gradients) gradient.mul_(factor);
  return norm;
}

}  // namespace clb::nn
