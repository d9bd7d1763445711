// A learned token for each class, those of a task together (APG, Tang et al., ICCV 2023): tokens of classes that no image is of stand
// still.
#pragma once

#include <clb/nn/list.hpp>
#include <functional>
#include <vector>

namespace clb::nn {

struct TokensOfTask final : Module {
  torch::Tensor rows = torch::empty({0, 0});  // [classes, d]

 private:
  void parts(Parts& p) override { p("rows", rows); }
};

class ClassTokens final : public Module {
 public:
  using TaskRng = std::function<torch::Generator(int64_t task)>;

  ClassTokens() = default;
  ClassTokens(int64_t dim, TaskRng rng) : dim_(dim), rng_(std::move(rng)) {}

  // Another task, of these classes and with so many behind it: tokens for those that are new. Those of tasks that one of `labels` is from
  // learn, the others do not.
  void begin_task(const std::vector<int64_t>& labels, int64_t classes_seen);

  torch::Tensor all() const;    // [classes, d]
  torch::Tensor drawn() const;  // the same as their tasks began with them

  // For whoever saves them: the tokens, and the classes seen behind each task.
  std::vector<TokensOfTask>& tasks() { return tasks_.items(); }
  std::vector<int64_t>& behind() { return behind_; }

 private:
  torch::Tensor drawn(int64_t task) const;
  void parts(Parts& p) override { p("", tasks_); }  // "<task>.rows"

  int64_t dim_ = 0;
  TaskRng rng_;
  List<TokensOfTask> tasks_;
  std::vector<int64_t> behind_;
};

}  // namespace clb::nn
