// Prompts of tasks and what is learned beside them: shares of older ones, the contrastive term, heads that take over rows, tasks told by
// classes. plugins/hide_prompt compares with the reference implementation.
#include <clb/nn/error.hpp>
#include <clb/nn/key_choice.hpp>
#include <clb/nn/loss.hpp>
#include <clb/nn/task_inference.hpp>
#include <clb/nn/task_prompts.hpp>

#include "golden_modules.hpp"

namespace clb::nn {
namespace {

using golden::any_numbers;
using golden::parameters_of;
using torch::Tensor;

Tensor pairs(double number) { return torch::full({1, 2, 1, 3}, number); }

// Prompts of 2, 4 and, for the task in work, 1.
TaskPrompts three_tasks() {
  TaskPrompts prompts(pairs(2));
  prompts.begin(0);
  prompts.begin(1).pairs = pairs(4);
  prompts.begin(2).pairs = pairs(1).requires_grad_();
  return prompts;
}

TEST(TaskPrompts, AnOlderTasksPromptHasItsShareAndNoGradient) {
  TaskPrompts prompts = three_tasks();
  EXPECT_TRUE(torch::equal(prompts.mixed(2, 0), pairs(1)));
  EXPECT_TRUE(torch::allclose(prompts.mixed(2, 0.25), pairs(1.5)));
  EXPECT_TRUE(torch::equal(prompts.mixed(0, 0.25), pairs(2)));
  prompts.mixed(2, 1).sum().backward();
  EXPECT_TRUE(prompts.pairs(2).grad().eq(0).all().item<bool>());
}

TEST(TaskPrompts, ANewOneIsACopyAndAllAreFrozen) {
  TaskPrompts prompts = three_tasks();
  TaskPrompt& fourth = prompts.begin(3);
  EXPECT_TRUE(torch::equal(fourth.pairs, pairs(1)));
  fourth.pairs.add_(1);
  EXPECT_TRUE(torch::equal(prompts.pairs(2), pairs(1))) << "it has memory of its own";
  for (TaskPrompt& prompt : prompts.tasks()) EXPECT_FALSE(prompt.pairs.requires_grad());
  EXPECT_TRUE(torch::equal(prompts.pool().select(2, 1), pairs(4)));
  EXPECT_EQ(prompts.pool().sizes(), torch::IntArrayRef({1, 2, 4, 1, 3}));
  EXPECT_TRUE(prompts.pool(/*as_drawn=*/true).eq(2).all().item<bool>());
}

TEST(ContrastiveLoss, IsNoLessThanZeroAndKnowsNoOrder) {
  const Tensor far = 100 * torch::eye(6).narrow(0, 0, 4), near = at::randn({4, 6}, at::detail::createCPUGenerator(1));
  EXPECT_LE(contrastive_loss({}, far, 0.8).item<double>(), 1e-6);
  const double loss = contrastive_loss(near.narrow(0, 0, 2), near.narrow(0, 2, 2), 0.8).item<double>();
  EXPECT_GT(loss, 0);
  const Tensor mixed_up = near.index_select(0, torch::tensor({3, 1, 0, 2}));
  EXPECT_NEAR(contrastive_loss(mixed_up.narrow(0, 0, 1), mixed_up.narrow(0, 1, 3), 0.8).item<double>(), loss, 1e-5);
}

TEST(GrowingLinear, TakesOverNewRowsAndThoseNamed) {
  GrowingLinear own({.dim = 4}, any_numbers()), from({.dim = 4, .init = HeadInit::torch_linear()}, any_numbers());
  own.grow(3);
  from.grow(5);
  const auto before = parameters_of(own), source = parameters_of(from);
  own.take_over(from, {1});
  ASSERT_EQ(own.classes(), 5);
  for (const auto& [name, t] : parameters_of(own)) {
    EXPECT_FALSE(t.requires_grad());
    for (int64_t c = 0; c < 5; ++c)
      EXPECT_TRUE(torch::equal(t[c], (c == 0 || c == 2 ? before : source).at(name)[c])) << name << " of class " << c;
  }
}

TEST(ClassTasks, TellTheTaskOfAClassThatCameOnce) {
  ClassTasks tasks;
  tasks.claim(0, {0, 2});
  tasks.claim(1, {1, 3});
  EXPECT_EQ(tasks.classes(), 4);
  EXPECT_TRUE(torch::equal(tasks.of(torch::tensor({3, 2, 1, 0})), torch::tensor({1, 0, 1, 0})));
  EXPECT_THROW(tasks.claim(2, {4, 1}), Error);
}

TEST(ArbitraryIds, AreOfEachRowAlone) {
  const Tensor rows = at::randn({40, 9}, at::detail::createCPUGenerator(1)), ids = arbitrary_ids(rows, 3);
  EXPECT_TRUE((ids >= 0).all().item<bool>() && (ids < 3).all().item<bool>());
  EXPECT_EQ(std::get<0>(at::_unique(ids)).numel(), 3);
  EXPECT_TRUE(torch::equal(arbitrary_ids(rows.narrow(0, 7, 5), 3), ids.narrow(0, 7, 5)));
  EXPECT_TRUE(torch::equal(arbitrary_ids(rows.narrow(1, 0, 2), 1), torch::zeros(40, torch::kInt64))) << "fewer numbers than it looks at";
}

}  // namespace
}  // namespace clb::nn
