// A prompt for each task, pairs of keys and values in some of a network's blocks, of which a task begins with a copy of the one before
// (HiDe-Prompt, Wang et al., NeurIPS 2023). layer_prefixes.hpp puts them in front of keys and values.
#pragma once

#include <clb/nn/module.hpp>

namespace clb::nn {

struct TaskPrompt final : Module {
  torch::Tensor pairs;  // [blocks, 2, p, d]

 private:
  void parts(Parts& p) override { p("pairs", pairs); }
};

class TaskPrompts {
 public:
  TaskPrompts() = default;
  explicit TaskPrompts(torch::Tensor first) { first_.pairs = std::move(first); }  // [blocks, 2, p, d], which the first task begins with

  int64_t size() const { return static_cast<int64_t>(tasks_.size()); }
  const torch::Tensor& pairs(int64_t task) const { return tasks_[static_cast<size_t>(task)].pairs; }

  // The prompt of a task, which is there from now on; all of them frozen.
  TaskPrompt& begin(int64_t task);

  // What a task trains: (1 - momentum) its own + momentum the mean of older ones, which get no gradient. [blocks, 2, p, d]
  torch::Tensor mixed(int64_t task, double momentum) const;

  // Of all tasks, [blocks, 2, tasks, p, d], for chosen_pairs; as_drawn: in place of each what the first task begins with.
  torch::Tensor pool(bool as_drawn = false) const;

  const TaskPrompt& first() const { return first_; }   // as drawn
  std::vector<TaskPrompt>& tasks() { return tasks_; }  // for whoever saves them

 private:
  TaskPrompt first_;
  std::vector<TaskPrompt> tasks_;
};

}  // namespace clb::nn
