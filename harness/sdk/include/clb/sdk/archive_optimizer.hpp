// Optimisers in an Archive: the moments of SGD, Adam and AdamW over the same parameters in the same order. For methods whose optimiser
// lives longer than a task.
#pragma once

#include <torch/optim.h>

#include <clb/sdk/archive.hpp>

namespace clb {
namespace detail {

template <class State, class Each>
void archive_moments(Archive& archive, torch::optim::Optimizer& optimizer, const torch::Tensor& parameter, Each each) {
  auto& states = optimizer.state();
  auto* key = parameter.unsafeGetTensorImpl();
  bool present = states.find(key) != states.end();  // none before the first step
  archive("present", present);
  if (!present) return;
  auto& state = states[key];
  if (!state) state = std::make_unique<State>();
  each(static_cast<State&>(*state));
}

inline void archive_sgd(Archive& archive, torch::optim::SGDParamState& s) {
  auto buffer = s.momentum_buffer();
  archive("momentum_buffer", buffer);
  s.momentum_buffer(buffer);
}

template <class State>
void archive_adam(Archive& archive, State& s) {
  auto step = s.step();
  auto first = s.exp_avg(), second = s.exp_avg_sq(), largest = s.max_exp_avg_sq();
  archive("step", step)("exp_avg", first)("exp_avg_sq", second)("max_exp_avg_sq", largest);
  s.step(step);
  s.exp_avg(first);
  s.exp_avg_sq(second);
  s.max_exp_avg_sq(largest);
}

}  // namespace detail

inline void archive_entries(Archive& archive, torch::optim::Optimizer& optimizer) {
  using namespace torch::optim;
  for (auto& group : optimizer.param_groups()) {
    for (auto& parameter : group.params()) {
      if (dynamic_cast<SGD*>(&optimizer)) {
        detail::archive_moments<SGDParamState>(archive, optimizer, parameter, [&](auto& s) { detail::archive_sgd(archive, s); });
      } else if (dynamic_cast<Adam*>(&optimizer)) {
        detail::archive_moments<AdamParamState>(archive, optimizer, parameter, [&](auto& s) { detail::archive_adam(archive, s); });
      } else if (dynamic_cast<AdamW*>(&optimizer)) {
        detail::archive_moments<AdamWParamState>(archive, optimizer, parameter, [&](auto& s) { detail::archive_adam(archive, s); });
      } else {
        throw PluginError(CLB_E_UNSUPPORTED, "only the optimisers SGD, Adam and AdamW can be saved");
      }
    }
  }
}

}  // namespace clb
