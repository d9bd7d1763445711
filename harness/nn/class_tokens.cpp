#include "clb/nn/class_tokens.hpp"

#include <clb/nn/rng.hpp>

namespace clb::nn {

using torch::Tensor;

void ClassTokens::begin_task(const std::vector<int64_t>& labels, int64_t classes_seen) {
  behind_.push_back(classes_seen);
  const Tensor rows = drawn(tasks_.size());
  tasks_.add({}).rows = rows;
  train_those_of(labels, tasks_, [](const TokensOfTask& tokens) { return tokens.rows.size(0); });
}

Tensor ClassTokens::all() const {
  std::vector<Tensor> rows;
  for (const TokensOfTask& of_task : tasks_) rows.push_back(of_task.rows);
  return at::cat(rows);
}

Tensor ClassTokens::drawn() const {
  std::vector<Tensor> rows;
  for (int64_t t = 0; t < tasks_.size(); ++t) rows.push_back(drawn(t).to(tasks_[t].rows.device()));
  return at::cat(rows);
}

// As released, those of the first task are drawn otherwise than later ones.
Tensor ClassTokens::drawn(int64_t task) const {
  const int64_t before = task == 0 ? 0 : behind_[static_cast<size_t>(task) - 1], count = behind_[static_cast<size_t>(task)] - before;
  return before == 0 ? normal({count, dim_}, 0, 0.02, rng_(task)) : uniform({count, dim_}, 0, 1, rng_(task));
}

}  // namespace clb::nn
