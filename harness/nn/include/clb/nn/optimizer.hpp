// The optimiser of a fit, which may outlive it: a method that goes on with its moments in the next task keeps one as a member (DAP), and
// names it in state(). A fresh one for each task is what clb::fit makes by itself.
#pragma once

#include <clb/nn/module.hpp>
#include <clb/nn/schedule.hpp>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace torch::optim {
class Optimizer;
}

namespace clb::nn {

struct FitOptions;

// What is trained: those tensors of a module that want a gradient when a fit begins.
struct FitGroup {
  FitGroup(Module& module, double lr_scale = 1, Schedule schedule = {})  // NOLINT: {pool, head} reads as a list
      : module(&module), lr_scale(lr_scale), schedule(std::move(schedule)) {}

  Module* module;
  double lr_scale;                     // times the scheduled rate
  std::optional<double> weight_decay;  // instead of the options'
  bool decay_bias = true;              // false: none on tensors whose names end in "bias"
  Schedule schedule = {};              // the group's own, in place of lr_scale and the fit's; of the same time
};

// The moments of named tensors, and how many steps they have seen: what an optimiser knows beside its options.
struct OptimizerState {
  std::vector<std::string> names;
  std::vector<int64_t> steps;          // 0 for SGD, which does not count
  std::vector<torch::Tensor> moments;  // three for each name: SGD's buffer; Adam's first, second and largest second; else undefined
};

class Optimizer {
 public:
  Optimizer();
  ~Optimizer();
  Optimizer(Optimizer&&) noexcept;
  Optimizer& operator=(Optimizer&&) noexcept;

  // Takes up what the groups train now. A tensor of the same name in the group at the same position goes on with its moments, also when it
  // has grown by rows since, which begin without; one that is new, or that the optimiser was not told of last time, begins without. Throws
  // Error (invalid) for an optimiser that it does not know, and when another one made the moments.
  void take_up(const FitOptions& options, const std::vector<FitGroup>& groups);

  const std::vector<torch::Tensor>& tensors() const { return tensors_; }  // what is trained, in the order of the groups
  // Of the next step, before the groups' factors; `time` is for groups with a schedule of their own.
  void set_rate(double rate, double time = 0);
  void zero_grad();
  void step();  // tensors without a gradient are left alone: no momentum, no decay

  OptimizerState state() const;
  void set_state(OptimizerState state);  // for the next take_up

  torch::optim::Optimizer& torch() { return *optimizer_; }

 private:
  void put_moments(const OptimizerState& state);

  std::unique_ptr<torch::optim::Optimizer> optimizer_;
  std::string kind_;
  std::vector<std::string> names_;  // of the tensors: "<position of the group>/<name>"
  std::vector<torch::Tensor> tensors_;
  std::vector<double> scales_;       // of the optimiser's groups
  std::vector<Schedule> schedules_;  // likewise; empty: scales_ holds
  std::optional<OptimizerState> loaded_;
};

}  // namespace clb::nn
