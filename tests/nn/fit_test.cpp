// Schedules, optimisers, clipping and losses against torch (fixture "baselines") and CODA-Prompt's released schedule (fixture "coda").
#include <clb/nn/error.hpp>
#include <clb/nn/fit.hpp>
#include <clb/nn/heads.hpp>
#include <clb/nn/loss.hpp>

#include "golden_modules.hpp"

namespace clb::nn {
namespace {

using golden::Golden;
using torch::Tensor;

struct Tensors final : Module {
  explicit Tensors(std::vector<Tensor> list) : list(std::move(list)) {}
  void parameters(const ParameterVisitor& visit) override {
    for (size_t k = 0; k < list.size(); ++k) visit("tensor" + std::to_string(k), list[k]);
  }
  std::vector<Tensor> list;
};

Tensor rates(const FitOptions& options, int64_t epochs) {
  std::vector<double> values;
  for (int64_t e = 0; e < epochs; ++e)
    values.push_back(learning_rate(options, static_cast<double>(e), static_cast<double>(options.epochs)));
  return torch::tensor(values, torch::kFloat64);
}

void check_schedules(Golden& g) {
  const auto& c = g.config();
  const int64_t epochs = c["E"];
  const double lr = c["lr"];
  g.close("sched.cosine", rates({.lr = lr, .epochs = epochs, .schedule = "cosine", .min_lr = c["eta"]}, epochs + 2), 1e-11);
  g.close("sched.cosine_5", rates({.lr = lr, .epochs = 5, .schedule = "cosine"}, 5), 1e-11);
  g.close("sched.multistep",
          rates({.lr = lr, .epochs = epochs, .schedule = "multistep", .milestones = c["ms"], .gamma = c["gamma"]}, epochs), 1e-11);
  g.close("sched.steplr", rates({.lr = lr, .epochs = epochs, .schedule = "step", .gamma = c["gamma"], .step_every = 3}, epochs), 1e-11);
  g.close("sched.layup_reset_torch211", rates({.lr = lr, .epochs = epochs, .schedule = "cosine_shifted"}, epochs), 2e-11);
}

// The gradients of a step are given: the loss is their product with the parameters. p2 takes part in none.
void check_optimizer(Golden& g, const std::string& name, FitOptions options) {
  options.lr = g["opt_lr"].item<double>();
  Tensors module({g["p0"].requires_grad_(), g["p1"].requires_grad_(), g["p2"].requires_grad_()});
  Trainer trainer(options, {module}, 1);
  for (int64_t step = 0; step < g.config()["steps"].get<int64_t>(); ++step) {
    const std::string gradients = "grad" + std::to_string(step) + ".p";
    trainer.step((module.list[0] * g[gradients + "0"]).sum() + (module.list[1] * g[gradients + "1"]).sum());
    const std::string at = name + ".step" + std::to_string(step) + ".p";
    g.close(at + "0", module.list[0], 9e-6);
    g.close(at + "1", module.list[1], 9e-6);
    EXPECT_TRUE(torch::equal(module.list[2], g["p2"])) << "a tensor without a gradient moved";
  }
}

void check_losses(Golden& g) {
  const Tensor logits = g["logits"].requires_grad_(), labels = g["labels"];
  const int64_t old = g.config()["K"], classes = logits.size(1);
  g.close("ce", at::cross_entropy_loss(logits, labels).reshape({1}), 6e-6);
  g.close("ce_smooth", at::cross_entropy_loss(logits, labels, {}, at::Reduction::Mean, -100, g.config()["ls"].get<double>()).reshape({1}),
          6e-6);
  std::vector<int64_t> current;
  for (int64_t c = old; c < classes; ++c) current.push_back(c);
  const Tensor masked = at::cross_entropy_loss(mask_to(current, logits), g["labels_new"]);
  g.close("ce_mask", masked.reshape({1}), 8e-6);
  g.close("ce_slice", masked.reshape({1}), 8e-6);
  masked.backward();
  g.close("ce_slice_grad", logits.grad(), 6e-7);
  EXPECT_EQ(logits.grad().narrow(1, 0, old).abs().max().item<double>(), 0);

  const Tensor x = g["cosine.x"].requires_grad_();
  CosineHead head({.dim = x.size(1), .sigma = 1.3}, golden::any_numbers());
  head.parameters([&](const std::string& name, Tensor& t) {
    if (name == "weight") t = g["cosine.W"].requires_grad_();
  });
  const Tensor cosine = head(x), loss = at::cross_entropy_loss(cosine, labels);
  loss.backward();
  g.close("cosine.logits", cosine, 4e-6);
  g.close("cosine.loss", loss.reshape({1}), 6e-6);
  g.close("cosine.grad_x", x.grad(), 3e-7);
  g.close("cosine.grad_W", golden::parameters_of(head)["weight"].grad(), 4e-7);
  g.close("cosine.grad_sigma", golden::parameters_of(head)["sigma"].grad(), 6e-7);
}

TEST(FitGolden, SchedulesOptimisersAndLosses) {
  CLB_GOLDEN(g, "baselines");
  check_schedules(g);
  const double decay = g.config()["wd"], momentum = g.config()["mom"];
  check_optimizer(g, "sgd", {.optimizer = "sgd", .momentum = momentum, .weight_decay = decay});
  check_optimizer(g, "sgd_nesterov", {.optimizer = "sgd", .momentum = momentum, .weight_decay = decay, .nesterov = true});
  check_optimizer(g, "sgd_plain", {.optimizer = "sgd", .momentum = 0});
  check_optimizer(g, "adam", {.optimizer = "adam"});
  check_optimizer(g, "adam_l2", {.optimizer = "adam", .weight_decay = 100 * decay});
  check_optimizer(g, "adamw", {.optimizer = "adamw", .weight_decay = 100 * decay});

  std::vector<Tensor> clipped{g["p0"].requires_grad_(), g["p1"].requires_grad_()};
  for (int k = 0; k < 2; ++k) clipped[k].mutable_grad() = 3 * g["grad0.p" + std::to_string(k)];
  g.close("clip.norm", clip_gradients(clipped, 1).reshape({1}));
  for (int k = 0; k < 2; ++k) g.close("clip.p" + std::to_string(k), clipped[k].grad());
  check_losses(g);
  // Accuracies belong to results/metrics.
  g.expect_all_compared({"p0", "p1", "p2", "grad", "opt_lr", "logits", "labels", "cosine.x", "cosine.W", "acc.", "grouped."});
}

// Epoch 0 at the base rate, epoch 1 slightly above it, then a cosine that is an epoch late.
TEST(Schedule, LayUpsReleasedCodeShiftsItsCosine) {
  const FitOptions options{.lr = 0.1, .schedule = "cosine_shifted"};
  const double first = 1 + std::cos(std::numbers::pi / 20);
  EXPECT_DOUBLE_EQ(learning_rate(options, 0, 20), 0.1);
  EXPECT_DOUBLE_EQ(learning_rate(options, 1, 20), 0.1 * 2 / first);
  EXPECT_DOUBLE_EQ(learning_rate(options, 11, 20), 0.1 / first);
}

TEST(FitGolden, ScheduleOfCoda) {
  CLB_GOLDEN(g, "coda");
  for (const int64_t epochs : {5, 20}) {
    const std::string name = "lr_sequence_E" + std::to_string(epochs);
    if (g.has(name)) g.close(name, rates({.lr = g.config()["lr"], .epochs = epochs, .schedule = "coda"}, epochs), 1e-9);
  }
}

TEST(Fit, WarmupReachesTheRateAndCosineTakesOver) {
  const FitOptions options{.lr = 2, .epochs = 10, .schedule = "warmup_cosine", .warmup_epochs = 4};
  const Tensor r = rates(options, 11);
  EXPECT_TRUE(torch::allclose(r.narrow(0, 0, 5), torch::tensor({0.5, 1.0, 1.5, 2.0, 2.0}, torch::kFloat64)));
  EXPECT_NEAR(r[7].item<double>(), 1, 1e-12);
  EXPECT_NEAR(r[10].item<double>(), 0, 1e-12);
}

// Values of timm 0.9's CosineLRScheduler, VQ-Prompt's table and torch's LinearLR, computed by hand.
TEST(Schedule, TheLibraryHoldsWhatMethodsPublished) {
  const Schedule timm = timm_cosine_rate(1, 0.1, 5, 20, 0.5);
  EXPECT_DOUBLE_EQ(timm(0), 0.1);
  EXPECT_DOUBLE_EQ(timm(2), 0.1 + 0.9 * 2 / 5);
  EXPECT_DOUBLE_EQ(timm(5), 0.5 + 0.5 * (1 + std::cos(std::numbers::pi / 4)) / 2);
  EXPECT_DOUBLE_EQ(timm(20), 0.5);
  const Schedule held = one_late(2, held_cosine_rate(2, 1e-6, 80, 800));
  EXPECT_DOUBLE_EQ(held(0), 2);
  EXPECT_DOUBLE_EQ(held(1), 1e-6);
  EXPECT_DOUBLE_EQ(held(80), 1e-6);
  EXPECT_DOUBLE_EQ(held(81), 2);
  EXPECT_NEAR(held(81 + 360), 1 + 5e-7, 1e-12);
  EXPECT_DOUBLE_EQ(held(900), 1e-6);
  const Schedule linear = linear_rate(1, 10, 0.2);
  EXPECT_DOUBLE_EQ(linear(5), 0.6);
  EXPECT_DOUBLE_EQ(linear(11), 0.2);
  for (const std::string& name : schedule_names()) EXPECT_GT(schedule_by_name(name, {.lr = 1}, 10)(1), 0) << name;
  try {
    schedule_by_name("sine", {}, 1);
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.kind(), ErrorKind::kInvalid);
    EXPECT_NE(std::string(e.what()).find("unknown schedule 'sine'; expected one of constant, linear"), std::string::npos) << e.what();
  }
}

TEST(Schedule, ALengthInUpdatesCountsTimeInUpdates) {
  Tensors module({torch::zeros(1).requires_grad_()});
  Trainer trainer({.lr = 1, .momentum = 0, .schedule = "warmup_cosine", .iterations = 6, .warmup_iterations = 2}, {module}, 100);
  std::vector<double> seen;
  for (int k = 0; k < 6; ++k) {
    seen.push_back(trainer.rate());
    trainer.step(module.list[0].sum());
  }
  const double half = std::sqrt(0.5) / 2;
  const std::vector<double> want{0.5, 1, 1, 0.5 + half, 0.5, 0.5 - half};
  for (size_t k = 0; k < want.size(); ++k) EXPECT_NEAR(seen[k], want[k], 1e-12) << k;
}

TEST(Fit, WhatChangesInTheFirstTaskIsSaidInOneWay) {
  const FitOptions usual{.lr = 0.1, .weight_decay = 0.5, .epochs = 3};
  const FitChange first{.epochs = 7, .weight_decay = 0};
  EXPECT_EQ(of_task(usual, first, 0).epochs, 7);
  EXPECT_EQ(of_task(usual, first, 0).weight_decay, 0);
  EXPECT_EQ(of_task(usual, first, 0).lr, 0.1);
  EXPECT_EQ(of_task(usual, first, 1).epochs, 3);
  EXPECT_EQ(of_task(usual, first, 1).weight_decay, 0.5);
}

TEST(Fit, GradientsMayBeChangedBeforeTheUpdate) {
  Tensors module({torch::ones(3).requires_grad_()});
  Trainer trainer({.lr = 1, .momentum = 0, .clip_norm = 100}, {module}, 1);
  trainer.step((module.list[0] * torch::tensor({1.0, 2.0, 3.0})).sum(), [&] { module.list[0].mutable_grad()[1] = 0; });
  EXPECT_TRUE(torch::allclose(module.list[0], torch::tensor({0.0, 1.0, -2.0})));
}

// Two fits of a step each with one optimiser give what one fit of two steps gives; with fresh ones they do not.
TEST(Optimizer, MomentsOutliveATaskAlsoOfAHeadThatHasGrown) {
  for (const char* name : {"sgd", "adam", "adamw"}) {
    const FitOptions options{.optimizer = name, .lr = 0.1, .momentum = 0.9, .weight_decay = 0.01};
    const auto loss = [](Tensors& m, double factor) { return (factor * m.list[0].narrow(0, 0, 2)).square().sum(); };
    const auto start = [] { return Tensors({torch::tensor({1.0, 2.0}).requires_grad_()}); };
    Tensors whole = start(), split = start(), fresh = start(), grown = start();
    Trainer through(options, {whole}, 1);
    through.step(loss(whole, 1));
    through.step(loss(whole, -3));
    Optimizer lasting, saved, of_grown;
    const auto task = [&](Tensors& m, Optimizer* optimizer, double factor) {
      Trainer(options, {m}, 1, {}, optimizer).step(loss(m, factor));
    };
    task(split, &lasting, 1);
    freeze(split);
    unfreeze(split);                   // another tensor of the same name
    saved.set_state(lasting.state());  // as a saved state comes back
    task(split, &saved, -3);
    EXPECT_TRUE(torch::equal(split.list[0], whole.list[0])) << name;
    task(fresh, nullptr, 1), task(fresh, nullptr, -3);
    EXPECT_FALSE(torch::allclose(fresh.list[0], whole.list[0])) << name;
    task(grown, &of_grown, 1);
    grown.list[0] = at::cat({grown.list[0].detach(), torch::ones(3)}).requires_grad_();
    task(grown, &of_grown, -3);
    EXPECT_TRUE(torch::equal(grown.list[0].narrow(0, 0, 2), whole.list[0])) << name;
    EXPECT_THROW(of_grown.take_up({.optimizer = name[0] == 's' ? "adam" : "sgd"}, {grown}), Error);
  }
}

TEST(Fit, GroupsHaveTheirOwnRateDecayAndBias) {
  Tensors slow({torch::ones(3).requires_grad_()}), fast({torch::ones(3).requires_grad_(), torch::ones(2)});
  FitGroup slowly(slow, 0.1);
  slowly.weight_decay = 0;
  Trainer trainer({.optimizer = "sgd", .lr = 1, .momentum = 0, .weight_decay = 0.5}, {slowly, fast}, 1);
  trainer.step(slow.list[0].sum() + fast.list[0].sum());
  EXPECT_TRUE(torch::allclose(slow.list[0], torch::full(3, 0.9)));
  EXPECT_TRUE(torch::allclose(fast.list[0], torch::full(3, -0.5)));  // 1 - (1 + 0.5 * 1)
  EXPECT_TRUE(torch::equal(fast.list[1], torch::ones(2))) << "a frozen tensor moved";
  EXPECT_EQ(trainer.updates(), 1);
  EXPECT_NEAR(trainer.take_mean_loss(), 6, 1e-6);
  EXPECT_NEAR(trainer.relative_change(), std::sqrt((3 * 0.01 + 3 * 2.25) / 6), 1e-6);

  GrowingLinear head({.dim = 2, .init = HeadInit::torch_linear()}, golden::any_numbers());
  head.grow(2);
  const Tensor bias = golden::parameters_of(head)["bias"].detach().clone(), weight = golden::parameters_of(head)["weight"].detach().clone();
  FitGroup group(head);
  group.decay_bias = false;
  Trainer({.optimizer = "sgd", .lr = 1, .momentum = 0, .weight_decay = 0.5}, {group}, 1).step(0 * head(torch::zeros({1, 2})).sum());
  EXPECT_TRUE(torch::equal(golden::parameters_of(head)["bias"], bias));
  EXPECT_TRUE(torch::allclose(golden::parameters_of(head)["weight"], weight / 2));
}

TEST(Fit, TheRateMovesPerEpochOrPerIteration) {
  for (const bool per_iteration : {false, true}) {
    Tensors module({torch::zeros(1).requires_grad_()});
    Trainer trainer({.optimizer = "sgd", .lr = 1, .epochs = 2, .schedule = "cosine", .rate_per_iteration = per_iteration}, {module}, 2);
    std::vector<double> seen;
    for (int k = 0; k < 4; ++k) {
      seen.push_back(trainer.rate());
      trainer.step(module.list[0].sum());
    }
    const std::vector<double> want = per_iteration ? std::vector<double>{1, (1 + std::sqrt(0.5)) / 2, 0.5, (1 - std::sqrt(0.5)) / 2}
                                                   : std::vector<double>{1, 1, 0.5, 0.5};
    for (int k = 0; k < 4; ++k) EXPECT_NEAR(seen[k], want[k], 1e-12) << k;
  }
}

}  // namespace
}  // namespace clb::nn
