// The state archive: modules, lists of modules, optimisers with their moments.
#include <gtest/gtest.h>

#include <clb/nn/fit.hpp>
#include <clb/nn/heads.hpp>
#include <clb/sdk/archive.hpp>
#include <clb/sdk/archive_optimizer.hpp>
#include <clb/sdk/nn.hpp>

#include "support/archive_bytes.hpp"

namespace {

using clb::nn::GrowingLinear;
using clb::testing::load;
using clb::testing::saved;
using torch::Tensor;

GrowingLinear fresh(int64_t classes) {
  GrowingLinear head({.dim = 3, .init = clb::nn::HeadInit::torch_linear()},
                     [](const std::string& name) { return at::detail::createCPUGenerator(std::hash<std::string>()(name)); });
  head.grow(classes);
  return head;
}

std::vector<Tensor> tensors_of(GrowingLinear& head) {
  std::vector<Tensor> all;
  head.parameters([&](const std::string&, Tensor& t) { all.push_back(t); });
  return all;
}

struct Heads {
  GrowingLinear head = fresh(0);
  std::vector<GrowingLinear> old;
  void state(clb::Archive& a) {
    a("head", head)("old", old, [] { return fresh(0); });
  }
};

TEST(ArchiveModule, KeepsParametersAndWhatIsTrained) {
  Heads before;
  before.head.grow(4);
  before.old = {fresh(2), fresh(5)};
  clb::nn::freeze(before.old[0]);
  const std::string bytes = saved(before);
  Heads after;
  after.old = {fresh(1)};  // what was there goes
  load(after, bytes, 3);
  EXPECT_EQ(saved(after), bytes);
  EXPECT_EQ(after.head.classes(), 4);
  ASSERT_EQ(after.old.size(), 2u);
  EXPECT_EQ(after.old[1].classes(), 5);
  EXPECT_TRUE(torch::equal(tensors_of(after.old[0])[0], tensors_of(before.old[0])[0]));
  EXPECT_EQ(clb::nn::trained_numbers(after.old[0]), 0);
  EXPECT_EQ(clb::nn::trained_numbers(after.old[1]), 5 * 4);
  for (size_t size = 0; size < bytes.size(); ++size) {
    Heads cut;
    EXPECT_THROW(load(cut, bytes.substr(0, size)), clb::PluginError) << size;
  }
}

struct Training {
  explicit Training(const std::string& optimizer, GrowingLinear start = fresh(2))
      : head(std::move(start)), trainer({.optimizer = optimizer, .lr = 0.1, .weight_decay = 0.01}, {head}, 1) {}
  void step(double factor) { trainer.step((factor * head(torch::ones({2, 3}))).square().sum()); }
  void state(clb::Archive& a) { a("optimizer", trainer.optimizer()); }

  GrowingLinear head;
  clb::nn::Trainer trainer;
};

// Two steps, saved and loaded, and a third give what three steps give: the moments are all there.
TEST(ArchiveOptimizer, GoesOnAsIfNothingHadHappened) {
  for (const char* optimizer : {"sgd", "adam", "adamw"}) {
    Training through(optimizer), stopped(optimizer);
    through.step(1);
    through.step(-2);
    stopped.step(1);
    stopped.step(-2);
    GrowingLinear head = fresh(2);
    head.parameters(
        [k = 0, &stopped](const std::string&, Tensor& t) mutable { t = tensors_of(stopped.head)[k++].detach().clone().requires_grad_(); });
    Training resumed(optimizer, head);
    load(resumed, saved(stopped), 5);
    EXPECT_EQ(saved(resumed), saved(stopped)) << optimizer;
    resumed.step(3);
    through.step(3);
    for (size_t k = 0; k < 2; ++k) EXPECT_TRUE(torch::equal(tensors_of(resumed.head)[k], tensors_of(through.head)[k])) << optimizer;
  }
}

// An optimiser that outlives tasks, and what is kept of classes, as a method names them in state().
struct Kept {
  clb::nn::Optimizer optimizer;
  std::vector<clb::nn::ClassGaussian> classes;
  void state(clb::Archive& a) { a("optimizer", optimizer)("classes", classes); }
};

TEST(ArchiveOptimizer, OneThatOutlivesTasksGoesOnAfterASavedState) {
  for (const char* optimizer : {"sgd", "adam", "adamw"}) {
    const clb::nn::FitOptions options{.optimizer = optimizer, .lr = 0.1, .amsgrad = optimizer[0] == 'a'};
    Kept kept, loaded;
    GrowingLinear head = fresh(2), copy = fresh(2);
    const auto task = [&](clb::nn::Optimizer& lasting, GrowingLinear& of, double factor) {
      clb::nn::Trainer(options, {of}, 1, {}, &lasting).step((factor * of(torch::ones({2, 3}))).square().sum());
    };
    task(kept.optimizer, head, 1), task(kept.optimizer, head, -2);
    kept.classes = {{3, torch::ones(2), torch::eye(2)}, {3, torch::zeros(2), torch::ones(2)}};
    copy.parameters([k = 0, &head](const std::string&, Tensor& t) mutable { t = tensors_of(head)[k++].detach().clone().requires_grad_(); });
    const std::string bytes = saved(kept);
    load(loaded, bytes, 5);
    EXPECT_EQ(saved(loaded), bytes) << optimizer;
    ASSERT_EQ(loaded.classes.size(), 2u);
    EXPECT_TRUE(torch::equal(loaded.classes[1].covariance, torch::ones(2)));
    task(kept.optimizer, head, 3), task(loaded.optimizer, copy, 3);
    for (size_t k = 0; k < 2; ++k) EXPECT_TRUE(torch::equal(tensors_of(head)[k], tensors_of(copy)[k])) << optimizer;
  }
}

TEST(ArchiveOptimizer, BeforeItsFirstStepItHasNoMoments) {
  Training before("adam"), after("adam");
  load(after, saved(before));
  EXPECT_EQ(saved(after), saved(before));
}

}  // namespace
