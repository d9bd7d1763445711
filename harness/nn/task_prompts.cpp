#include "clb/nn/task_prompts.hpp"

#include <torch/utils.h>

namespace clb::nn {

using torch::Tensor;

TaskPrompt& TaskPrompts::begin(int64_t task) {
  while (size() <= task) tasks_.push_back(copy_of(tasks_.empty() ? first_ : tasks_.back()));
  for (TaskPrompt& prompt : tasks_) freeze(prompt);
  return tasks_[static_cast<size_t>(task)];
}

Tensor TaskPrompts::mixed(int64_t task, double momentum) const {
  if (task == 0 || momentum == 0) return pairs(task);
  std::vector<Tensor> older;
  for (int64_t t = 0; t < task; ++t) older.push_back(pairs(t));
  return (1 - momentum) * pairs(task) + momentum * at::stack(older).mean(0).detach();
}

Tensor TaskPrompts::pool(bool as_drawn) const {
  std::vector<Tensor> all;
  for (const TaskPrompt& prompt : tasks_) all.push_back(as_drawn ? first_.pairs : prompt.pairs);
  return at::stack(all, 2);
}

}  // namespace clb::nn
