// VPT against KMnP/vpt (fixture "vpt"), through the plugin's own table, and the invariants of its chapter. What LAMDA-PILOT's APER makes of
// prompts is in tests/nn/vpt_test.cpp.
#include "vpt.cpp"

#include "golden/golden.hpp"
#include "nn/golden_modules.hpp"
#include "support/small_vit.hpp"

namespace {

using clb::golden::any_numbers;
using clb::golden::Golden;
using clb::nn::PromptTokens;
using clb::testing::BenchWeights;
using clb::testing::choice;
using clb::testing::kSmallVit;
using clb::testing::Samples;
using clb::testing::Settings;
using clb::testing::small_vit;
using clb::testing::small_weights;
using clb::testing::value;
using clb::testing::with;
using torch::Tensor;
using Bench = clb::testing::MethodBench<Vpt>;

// The plugin's state as its members.
struct State {
  PromptTokens prompts;
  clb::nn::GrowingLinear head;
  clb::Task task;

  State(const clb::nn::VitShape& shape, int64_t length, bool deep)
      : prompts(shape, {.length = length, .deep = deep}, any_numbers()), head({.dim = shape.dim}, any_numbers()) {}
  void state(clb::Archive& a) {
    task.state(a);
    a("prompts", prompts)("head", head);
  }
  Tensor& tokens() {
    Tensor* found = nullptr;
    prompts.parameters([&](const std::string&, Tensor& t) { found = &t; });
    return *found;
  }
  std::vector<Tensor> all() {
    std::vector<Tensor> list{tokens().detach()};
    head.parameters([&](const std::string&, Tensor& t) { list.push_back(t.detach()); });
    return list;
  }
};

// The fixture.

BenchWeights weights_of(const Golden& g) { return {.tensors = g.with_prefix("vit."), .heads = g.config()["heads"]}; }

struct Trial {
  Trial(const Golden& golden, bool deep_prompts, const Settings& changes)
      : g(golden),
        deep(deep_prompts),
        vit(weights_of(g).tensors, {.heads = weights_of(g).heads}),
        bench(with({{"prompts", choice(deep ? "deep" : "shallow")},
                    {"prompt_length", value(g.config()["N"].get<int64_t>())},
                    {"batch_size", value(g["in.x"].size(0))},
                    {"lr", value(g.config()["lr"].get<double>())},
                    {"weight_decay", value(g.config()["wd"].get<double>())},
                    {"schedule", choice("constant")}},
                   changes),
              weights_of(g)),
        before(vit.shape(), g.config()["N"], deep),
        after(vit.shape(), g.config()["N"], deep) {
    before.tokens() = (deep ? at::cat({g["param.prompt_first"], g["param.prompt_deep"]}) : g["param.prompt_first"]).requires_grad_();
    before.head.grow(classes());
    clb::golden::fill(before.head, g, clb::golden::prefixed("param.head."));
    bench.load(clb::testing::saved(before), 1 << 20, classes());
    std::vector<int64_t> labels(static_cast<size_t>(classes()));
    std::iota(labels.begin(), labels.end(), 0);
    bench.train({.images = g["in.x"], .labels = g["in.y"]}, classes(), labels);
    clb::testing::load(after, bench.save());
  }
  int64_t classes() const { return g.config()["C"]; }

  // Tensors of the state's order under the fixture's names.
  void compare(Golden& golden, const std::string& at, const std::vector<Tensor>& tensors) const {
    golden.near(at + "prompt_first", tensors[0].narrow(0, 0, 1));
    if (deep) golden.near(at + "prompt_deep", tensors[0].narrow(0, 1, tensors[0].size(0) - 1));
    golden.near(at + "head.weight", tensors[1]);
    golden.near(at + "head.bias", tensors[2]);
  }

  const Golden& g;
  bool deep;
  clb::nn::Vit vit;
  Bench bench;
  State before, after;
};

void check(Golden& g, const std::string& kind, bool deep) {
  Trial one(g, deep, {{"epochs", value(int64_t{1})}, {"lr", value(1.0)}, {"momentum", value(0.0)}, {"weight_decay", value(0.0)}});
  for (const char* name : {"feature", "logits", "loss"}) g.near(kind + "." + name, one.bench.traced.at(name));
  std::vector<Tensor> gradients = one.before.all();
  for (size_t k = 0; k < gradients.size(); ++k) gradients[k] = gradients[k] - one.after.all()[k];
  one.compare(g, kind + ".grad.", gradients);

  clb::golden::Tap tap;
  clb::nn::Together both({&one.before.prompts, &tap});
  g.near(kind + ".feature", one.vit.cls(g["in.x"], both));
  std::vector<int64_t> lengths;
  for (int64_t i = 0; i < one.vit.shape().depth; ++i) lengths.push_back(tap.seen.at("block" + std::to_string(i) + ".in").size(1));
  g.equal(kind + ".sequence_length", torch::tensor(lengths));
  PromptTokens behind(one.vit.shape(), {.length = g.config()["N"], .deep = deep, .at_end = true}, any_numbers());
  behind.parameters([&](const std::string&, Tensor& t) { t = one.before.tokens(); });
  g.near(kind + ".feature_append_form", one.vit.cls(g["in.x"], behind));

  for (int64_t steps = 1; g.has(kind + ".after" + std::to_string(steps) + ".head.bias"); ++steps) {
    Trial run(g, deep, {{"epochs", value(steps)}});
    run.compare(g, kind + ".after" + std::to_string(steps) + ".", run.after.all());
    EXPECT_EQ(run.bench.metrics.at("updates")[0].second, static_cast<double>(steps));
  }
}

TEST(Vpt, EqualsTheReference) {
  CLB_GOLDEN(g, "vpt");
  check(g, "shallow", false);
  check(g, "deep", true);
  g.expect_all_compared({"vit.", "in.", "param.", "init_bound", "aper."});
}

// Two classes a task.

Samples task(int64_t index) {
  Samples samples = clb::testing::small_task(index);
  samples.features = small_vit().query(samples.images);
  return samples;
}

Settings settings(const Settings& changes = {}) {
  return with({{"prompt_length", value(int64_t{3})},
               {"epochs", value(int64_t{3})},
               {"batch_size", value(int64_t{5})},
               {"lr", value(0.5)},
               {"schedule", choice("constant")}},
              changes);
}

State state_of(Bench& bench, bool deep = true, int64_t length = 3) {
  State state(kSmallVit, length, deep);
  clb::testing::load(state, bench.save());
  return state;
}

TEST(Vpt, EveryTaskTrainsPromptsAndTheHeadGrows) {
  for (const bool deep : {true, false}) {
    Bench bench(settings({{"prompts", choice(deep ? "deep" : "shallow")}}), small_weights());
    Tensor before;
    for (int64_t t = 0; t < 3; ++t) {
      bench.train(task(t), 2 * t + 2);
      const Tensor tokens = state_of(bench, deep).tokens();
      EXPECT_EQ(tokens.sizes(), torch::IntArrayRef({deep ? kSmallVit.depth : 1, 3, kSmallVit.dim}));
      EXPECT_EQ(bench.metrics.at("trainable_parameters")[0].second, static_cast<double>(tokens.numel() + (2 * t + 2) * 25));
      if (before.defined()) {
        EXPECT_GT((tokens - before).norm().item<double>(), 0.01 * before.norm().item<double>());
      }
      before = tokens;
      EXPECT_EQ(bench.predict(task(t)).sizes(), torch::IntArrayRef({12, 2 * t + 2}));
    }
    EXPECT_TRUE(bench.registered.empty());
  }
}

TEST(Vpt, TheFirstTaskAloneTrainsThemIfToldSo) {
  Bench bench(settings({{"trained_on", choice("first_task")}}), small_weights());
  bench.train(task(0), 2);
  const Tensor tokens = state_of(bench).tokens();
  EXPECT_FALSE(tokens.requires_grad());
  bench.predict(task(0));
  const auto content = bench.registered.at("prompted");
  for (int64_t t = 1; t < 3; ++t) {
    bench.train(task(t), 2 * t + 2);
    EXPECT_TRUE(torch::equal(state_of(bench).tokens(), tokens)) << t;
    EXPECT_EQ(bench.metrics.at("trainable_parameters")[0].second, static_cast<double>((2 * t + 2) * 25)) << "the head";
    bench.extractions = 0;
    const Tensor logits = bench.predict(task(t));
    EXPECT_EQ(bench.extractions, 12) << "features come from the host";
    EXPECT_EQ(bench.registered.at("prompted"), content);
    State state = state_of(bench);
    EXPECT_TRUE(torch::allclose(logits, state.head(small_vit().cls(task(t).images, state.prompts)), 1e-5, 1e-5));
  }
}

// The loss sees the task's classes alone: rows of older ones get no gradient, and without decay they stay.
TEST(Vpt, WhatCompetesInTheLoss) {
  for (const bool seen : {false, true}) {
    Bench bench(settings({{"loss_over", choice(seen ? "seen" : "task")}, {"weight_decay", value(0.0)}}), small_weights());
    bench.train(task(0), 2);
    const Tensor before = state_of(bench).all()[1];
    bench.train(task(1), 4);
    EXPECT_EQ(torch::equal(state_of(bench).all()[1].narrow(0, 0, 2), before), !seen);
  }
}

// Invariant 1, and the ablation "no prompt, same head".
TEST(Vpt, WithoutPromptsItIsAHeadOnTheFrozenNetwork) {
  const Samples samples = task(0);
  const PromptTokens none(kSmallVit, {.length = 0, .deep = true}, any_numbers());
  const Tensor learning = small_vit().cls(samples.images, none);  // with gradients it is computed otherwise
  EXPECT_TRUE(torch::allclose(learning, small_vit().cls(samples.images), 1e-5, 1e-6));
  {
    const torch::NoGradGuard no_grad;
    EXPECT_TRUE(torch::equal(small_vit().cls(samples.images, none), small_vit().cls(samples.images, clb::nn::Together({}))));
  }
  Bench bench(settings({{"prompt_length", value(int64_t{0})}}), small_weights());
  bench.train(samples, 2);
  EXPECT_EQ(bench.metrics.at("trainable_parameters")[0].second, 50);
  EXPECT_EQ(bench.metrics.at("updates")[0].second, 9);
  Samples features = samples;
  features.images = Tensor();
  EXPECT_TRUE(torch::allclose(bench.predict(features), state_of(bench, true, 0).head(samples.features), 1e-5, 1e-6));
}

// Invariant 5: from zeros the tokens of a layer stay equal.
TEST(Vpt, TokensThatStartAsZerosStayEqual) {
  Bench bench(settings({{"prompt_init", choice("zeros")}, {"lr", value(0.01)}}), small_weights());
  bench.train(task(0), 2);
  const Tensor tokens = state_of(bench).tokens();
  EXPECT_GT(tokens.abs().max().item<double>(), 0);
  EXPECT_LE((tokens - tokens.narrow(1, 0, 1)).abs().max().item<double>(), 1e-5);
}

// Invariants 2 and 6.
TEST(Vpt, TheOrderOfTokensDoesNotMatter) {
  Bench bench(settings(), small_weights()), other(settings(), small_weights());
  bench.train(task(0), 2);
  State state = state_of(bench);
  state.tokens() = state.tokens().flip(1);
  other.load(clb::testing::saved(state), 1 << 20, 2);
  EXPECT_LE((other.predict(task(0)) - bench.predict(task(0))).abs().max().item<double>(), 1e-5);
}

TEST(Vpt, APredictionDoesNotDependOnTheBatch) {
  Bench bench(settings(), small_weights());
  bench.train(task(0), 2);
  const Samples all = task(0);
  const Tensor together = bench.predict(all);
  for (int64_t k = 0; k < 12; ++k)
    EXPECT_LE((bench.predict(all.rows(torch::tensor({k}))) - together.narrow(0, k, 1)).abs().max().item<double>(), 1e-5);
}

TEST(Vpt, SavedStatePredictsAndLearnsOnTheSame) {
  for (const char* trained_on : {"every_task", "first_task"}) {
    const Settings changes{{"trained_on", choice(trained_on)}};
    Bench bench(settings(changes), small_weights()), again(settings(changes), small_weights());
    bench.train(task(0), 2);
    again.train(task(0), 2);
    const Tensor logits = bench.predict(task(0));
    again.load(bench.save(), 64, 2);
    EXPECT_TRUE(torch::equal(again.predict(task(0)), logits));
    EXPECT_EQ(again.save(), bench.save()) << "predict changed the state";
    bench.train(task(1), 4);
    again.train(task(1), 4);
    EXPECT_EQ(again.save(), bench.save());
  }
}

TEST(Vpt, InitialPromptsAreThoseBeforeTraining) {
  for (const char* trained_on : {"every_task", "first_task"}) {
    const Settings form{{"trained_on", choice(trained_on)}};
    Bench bench(settings(with(form, {{"test_prompts", choice("initial")}})), small_weights()), trained(settings(form), small_weights()),
        untrained(settings({{"epochs", value(int64_t{0})}}), small_weights());
    Samples samples = task(0);
    for (Bench* one : {&bench, &trained, &untrained}) one->train(samples, 2);
    State mixed = state_of(bench), drawn = state_of(untrained);
    EXPECT_FALSE(torch::equal(mixed.tokens(), drawn.tokens())) << "trained";
    const Tensor expected = mixed.head(small_vit().cls(samples.images, drawn.prompts));
    EXPECT_TRUE(torch::allclose(bench.predict(samples), expected, 1e-5, 1e-5));
    EXPECT_EQ(bench.save(), trained.save()) << "training knows nothing of it";
  }
}

}  // namespace
