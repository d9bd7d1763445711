#include "clb/nn/fit.hpp"

#include <algorithm>
#include <cmath>

namespace clb::nn {

using torch::Tensor;

FitOptions changed(const FitOptions& options, const FitChange& change) {
  FitOptions fit = options;
  if (change.epochs > 0) fit.epochs = change.epochs;
  if (change.lr > 0) fit.lr = change.lr;
  if (change.weight_decay >= 0) fit.weight_decay = change.weight_decay;
  return fit;
}

Schedule schedule_of(const FitOptions& o, double total) {
  return schedule_by_name(o.schedule,
                          {.lr = o.lr,
                           .min_lr = o.min_lr,
                           .warmup_lr = o.warmup_lr,
                           .warmup = static_cast<double>(o.iterations > 0 ? o.warmup_iterations : o.warmup_epochs),
                           .gamma = o.gamma,
                           .milestones = o.milestones,
                           .step_every = o.step_every},
                          total);
}

Trainer::Trainer(const FitOptions& options, const std::vector<FitGroup>& groups, int64_t updates_per_epoch, Schedule schedule,
                 Optimizer* lasting)
    : options_(options),
      schedule_(schedule ? std::move(schedule)
                         : schedule_of(options, static_cast<double>(options.iterations > 0 ? options.iterations : options.epochs))),
      updates_per_epoch_(std::max<int64_t>(1, updates_per_epoch)),
      optimizer_(lasting != nullptr ? lasting : &own_) {
  optimizer_->take_up(options, groups);
  for (const Tensor& t : optimizer_->tensors()) at_start_.push_back(t.detach().clone());
}

int64_t Trainer::trained() const {
  int64_t count = 0;
  for (const Tensor& t : optimizer_->tensors()) count += t.numel();
  return count;
}

double Trainer::time() const {
  if (options_.iterations > 0) return static_cast<double>(updates_);
  const int64_t epoch = updates_ / updates_per_epoch_;
  return options_.rate_per_iteration ? static_cast<double>(updates_) / static_cast<double>(updates_per_epoch_) : static_cast<double>(epoch);
}

double Trainer::rate() const { return schedule_(time()); }

void Trainer::step(const Tensor& loss, const std::function<void()>& change_gradients) {
  optimizer_->zero_grad();
  loss.backward();
  if (change_gradients) change_gradients();
  if (options_.clip_norm > 0) clip_gradients(optimizer_->tensors(), options_.clip_norm);
  optimizer_->set_rate(rate(), time());
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
  for (size_t k = 0; k < at_start_.size(); ++k) {
    changed += (optimizer_->tensors()[k].detach() - at_start_[k]).to(torch::kFloat64).square().sum().item<double>();
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
