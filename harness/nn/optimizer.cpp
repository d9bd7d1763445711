#include "clb/nn/optimizer.hpp"

#include <torch/optim.h>

#include <algorithm>
#include <clb/nn/error.hpp>
#include <clb/nn/fit.hpp>

namespace clb::nn {
namespace {

using torch::Tensor;
using Groups = std::vector<torch::optim::OptimizerParamGroup>;
namespace optim = torch::optim;

template <class Options>  // Adam and AdamW
std::unique_ptr<optim::OptimizerOptions> adam_options(const FitOptions& o, double weight_decay) {
  Options options(o.lr);
  options.weight_decay(weight_decay).betas({o.beta1, o.beta2}).amsgrad(o.amsgrad);
  return std::make_unique<Options>(options);
}

// The one list of optimisers.
struct NamedOptimizer {
  const char* name;
  std::unique_ptr<optim::OptimizerOptions> (*group)(const FitOptions& o, double weight_decay);
  std::unique_ptr<optim::Optimizer> (*make)(const FitOptions& o, const Groups& groups);
};
const NamedOptimizer kOptimizers[] = {
    {"sgd",
     [](const FitOptions& o, double weight_decay) -> std::unique_ptr<optim::OptimizerOptions> {
       return std::make_unique<optim::SGDOptions>(
           optim::SGDOptions(o.lr).momentum(o.momentum).weight_decay(weight_decay).nesterov(o.nesterov));
     },
     [](const FitOptions& o, const Groups& groups) -> std::unique_ptr<optim::Optimizer> {
       return std::make_unique<optim::SGD>(groups, optim::SGDOptions(o.lr));
     }},
    {"adam", adam_options<optim::AdamOptions>,
     [](const FitOptions&, const Groups& groups) -> std::unique_ptr<optim::Optimizer> { return std::make_unique<optim::Adam>(groups); }},
    {"adamw", adam_options<optim::AdamWOptions>,
     [](const FitOptions&, const Groups& groups) -> std::unique_ptr<optim::Optimizer> { return std::make_unique<optim::AdamW>(groups); }},
};

const NamedOptimizer& named(const std::string& name) {
  for (const NamedOptimizer& one : kOptimizers)
    if (name == one.name) return one;
  throw Error(ErrorKind::kInvalid, "unknown optimizer '" + name + "'; expected sgd, adam or adamw");
}

// `moment` with rows of zeros behind it where the tensor has grown; undefined where it belongs to a tensor of another shape.
Tensor grown(const Tensor& moment, const Tensor& of) {
  if (!moment.defined() || moment.sizes() == of.sizes()) return moment.defined() ? moment.to(of.device()) : moment;
  if (moment.dim() != of.dim() || moment.dim() == 0 || moment.size(0) > of.size(0) || moment[0].sizes() != of[0].sizes()) return {};
  return at::cat({moment.to(of.device()), torch::zeros_like(of.detach().narrow(0, 0, of.size(0) - moment.size(0)))});
}

template <class State>
void put_adam(std::unique_ptr<optim::OptimizerParamState>& slot, int64_t steps, const Tensor& first, const Tensor& second,
              const Tensor& largest) {
  auto state = std::make_unique<State>();
  state->step(steps);
  state->exp_avg(first);
  state->exp_avg_sq(second);
  if (largest.defined()) state->max_exp_avg_sq(largest);
  slot = std::move(state);
}

template <class State>
void get_adam(const optim::OptimizerParamState& slot, int64_t& steps, Tensor* moments) {
  const auto& state = static_cast<const State&>(slot);
  steps = state.step();
  moments[0] = state.exp_avg();
  moments[1] = state.exp_avg_sq();
  moments[2] = state.max_exp_avg_sq();
}

}  // namespace

Optimizer::Optimizer() = default;
Optimizer::~Optimizer() = default;
Optimizer::Optimizer(Optimizer&&) noexcept = default;
Optimizer& Optimizer::operator=(Optimizer&&) noexcept = default;

void Optimizer::take_up(const FitOptions& options, const std::vector<FitGroup>& groups) {
  const NamedOptimizer& which = named(options.optimizer);
  if (!kind_.empty() && kind_ != options.optimizer)
    throw Error(ErrorKind::kInvalid, "moments of the optimizer " + kind_ + " cannot go on in " + options.optimizer);
  if (options.nesterov && options.momentum == 0) throw Error(ErrorKind::kInvalid, "nesterov needs a momentum above 0");
  const OptimizerState before = loaded_ ? std::move(*loaded_) : state();
  loaded_.reset();
  kind_ = options.optimizer;
  names_.clear();
  tensors_.clear();
  scales_.clear();
  schedules_.clear();
  Groups parts;
  for (size_t k = 0; k < groups.size(); ++k) {
    const FitGroup& group = groups[k];
    std::vector<Tensor> lists[2];  // decayed, spared
    std::vector<std::string> names[2];
    group.module->parameters([&](const std::string& name, Tensor& t) {
      if (!t.requires_grad()) return;
      const bool spared = !group.decay_bias && name.ends_with("bias");
      lists[spared].push_back(t);
      names[spared].push_back(std::to_string(k) + "/" + name);
    });
    for (const int spared : {0, 1}) {
      if (lists[spared].empty()) continue;
      parts.emplace_back(lists[spared], which.group(options, spared ? 0 : group.weight_decay.value_or(options.weight_decay)));
      scales_.push_back(group.lr_scale);
      schedules_.push_back(group.schedule);
      tensors_.insert(tensors_.end(), lists[spared].begin(), lists[spared].end());
      names_.insert(names_.end(), names[spared].begin(), names[spared].end());
    }
  }
  optimizer_ = which.make(options, parts);
  put_moments(before);
}

void Optimizer::put_moments(const OptimizerState& before) {
  for (size_t k = 0; k < tensors_.size(); ++k) {
    const auto found = std::find(before.names.begin(), before.names.end(), names_[k]);
    if (found == before.names.end()) continue;
    const auto i = static_cast<size_t>(found - before.names.begin());
    const Tensor first = grown(before.moments[3 * i], tensors_[k]);
    if (!first.defined()) continue;
    auto& slot = optimizer_->state()[tensors_[k].unsafeGetTensorImpl()];
    const Tensor second = grown(before.moments[3 * i + 1], tensors_[k]), largest = grown(before.moments[3 * i + 2], tensors_[k]);
    if (kind_ == "sgd") {
      auto state = std::make_unique<optim::SGDParamState>();
      state->momentum_buffer(first);
      slot = std::move(state);
    } else if (kind_ == "adam") {
      put_adam<optim::AdamParamState>(slot, before.steps[i], first, second, largest);
    } else {
      put_adam<optim::AdamWParamState>(slot, before.steps[i], first, second, largest);
    }
  }
}

OptimizerState Optimizer::state() const {
  if (loaded_) return *loaded_;
  OptimizerState all;
  if (!optimizer_) return all;
  for (size_t k = 0; k < tensors_.size(); ++k) {
    const auto& states = optimizer_->state();
    const auto found = states.find(tensors_[k].unsafeGetTensorImpl());
    if (found == states.end() || !found->second) continue;  // before the first step with a gradient
    int64_t steps = 0;
    Tensor moments[3];
    if (kind_ == "sgd") {
      moments[0] = static_cast<const optim::SGDParamState&>(*found->second).momentum_buffer();
    } else if (kind_ == "adam") {
      get_adam<optim::AdamParamState>(*found->second, steps, moments);
    } else {
      get_adam<optim::AdamWParamState>(*found->second, steps, moments);
    }
    all.names.push_back(names_[k]);
    all.steps.push_back(steps);
    all.moments.insert(all.moments.end(), moments, moments + 3);
  }
  return all;
}

void Optimizer::set_state(OptimizerState state) {
  const size_t count = state.names.size();
  if (state.steps.size() != count || state.moments.size() != 3 * count)
    throw Error(ErrorKind::kState,
                "a saved optimiser names " + std::to_string(count) + " tensors and has moments of other numbers of them");
  loaded_ = std::move(state);
}

void Optimizer::set_rate(double rate, double time) {
  auto& groups = optimizer_->param_groups();
  for (size_t k = 0; k < groups.size(); ++k) groups[k].options().set_lr(schedules_[k] ? schedules_[k](time) : rate * scales_[k]);
}

void Optimizer::zero_grad() { optimizer_->zero_grad(); }

void Optimizer::step() {
  loaded_.reset();
  optimizer_->step();
}

}  // namespace clb::nn
