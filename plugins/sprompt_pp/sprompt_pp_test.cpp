// S-Prompt++: what its forward pass shares with HiDe-Prompt's second stage in the first task against thu-ml/HiDe-Prompt (fixture "hide";
// there is none of the baseline itself), and the method as DualPrompt without prompts that tasks share, whose gradients and steps have a
// fixture.
#include "sprompt_pp.cpp"

#include "../dualprompt/dualprompt.cpp"
#include "golden/golden.hpp"
#include "nn/golden_modules.hpp"
#include "support/method_bench.hpp"
#include "support/small_vit.hpp"

namespace {

using clb::golden::any_numbers;
using clb::golden::Golden;
using clb::testing::BenchWeights;
using clb::testing::choice;
using clb::testing::list;
using clb::testing::Samples;
using clb::testing::Settings;
using clb::testing::small_task;
using clb::testing::small_vit;
using clb::testing::small_weights;
using clb::testing::value;
using clb::testing::with;
using Bench = clb::testing::MethodBench<SPromptPp>;
using Blocks = std::vector<int64_t>;

struct State {
  int64_t tasks_learned = 0;
  clb::nn::PrefixPool pool;
  clb::nn::GrowingLinear head;
  Tensor usage;
  clb::Task task;

  State(const Blocks& blocks, int64_t prompts, int64_t length, int64_t dim, int64_t classes)
      : pool({.blocks = blocks, .prompts = prompts, .length = length, .dim = dim}, any_numbers()), head({.dim = dim}, any_numbers()) {
    head.grow(classes);
    usage = torch::zeros(prompts, torch::kInt64);
    task.classes_seen = classes;
  }
  Tensor& of(clb::nn::Module& module, const std::string& wanted) {
    Tensor* found = nullptr;
    module.parameters([&](const std::string& name, Tensor& t) { found = name == wanted ? &t : found; });
    return *found;
  }
  void state(clb::Archive& a) {
    task.state(a);
    a("tasks_learned", tasks_learned)("pool", pool)("head", head)("usage", usage);
  }
};

TEST(SPromptPp, ForwardOfTheFirstTaskEqualsHide) {
  CLB_GOLDEN(g, "hide");
  const auto& c = g.config();
  const Blocks blocks = c["prompt_layers"];
  const BenchWeights weights{.tensors = g.with_prefix("vit."), .heads = c["heads"]};
  const Tensor prompts = g["wtp.param.e_prompt"].flatten(-2);  // [b, 2, T, l, d]
  State state(blocks, prompts.size(2), prompts.size(3), prompts.size(4), g["wtp.param.head.bias"].size(0));
  state.of(state.pool, "prefixes") = prompts.requires_grad_();
  for (const std::string name : {"weight", "bias"}) state.of(state.head, name) = g["wtp.param.head." + name].requires_grad_();
  const Tensor row = g["class_mask"][0].contiguous();
  const Blocks labels(row.data_ptr<int64_t>(), row.data_ptr<int64_t>() + row.numel());
  for (const bool legacy : {false, true}) {
    const std::string at = legacy ? "wtp.t0.train_legacy." : "wtp.t0.train.";
    Bench bench({{"blocks", list(blocks)},
                 {"prompt_length", value(prompts.size(3))},
                 {"pool_size", value(prompts.size(2))},
                 {"legacy_prefix_reshape", value(legacy)},
                 {"pull_weight", value(0.0)},
                 {"epochs", value(int64_t{1})}},
                weights);
    bench.load(clb::testing::saved(state), 1 << 20, state.head.classes());
    bench.train({.images = g["in.x0"], .labels = g["in.y0"]}, state.head.classes(), labels);
    if (!legacy) g.near(at + "batched_prompt", bench.traced.at("chosen").unflatten(-1, {c["heads"].get<int64_t>(), -1}));
    g.near(at + "feature", bench.traced.at("feature"));
    g.near(at + "logits", bench.traced.at("logits"));
    g.near(at + "logits_masked", clb::nn::mask_to(labels, bench.traced.at("logits")));
    g.near(at + "ce", bench.traced.at("loss"));
  }
}

const Blocks kBoth{0, 1}, kNone;
const Settings kSmall{{"blocks", list(kBoth)}, {"prompt_length", value(int64_t{2})}, {"pool_size", value(int64_t{3})},
                      {"lr", value(0.05)},     {"epochs", value(int64_t{3})},        {"batch_size", value(int64_t{4})}};

Samples with_features(Samples samples) {
  samples.features = small_vit().query(samples.images);
  return samples;
}

TEST(SPromptPp, IsDualPromptWithExpertsAlone) {
  for (const bool on : {false, true}) {
    const Settings common{{"pool_size", value(int64_t{3})}, {"lr", value(0.05)},
                          {"epochs", value(int64_t{3})},    {"batch_size", value(int64_t{4})},
                          {"pull_weight", value(0.7)},      {"clip_norm", value(0.5)},
                          {"transfer", value(on)},          {"seen_keys_only", value(on)},
                          {"batch_vote_test", value(on)},   {"legacy_prefix_reshape", value(on)}};
    Bench bench(with(common, {{"blocks", list(kBoth)}, {"prompt_length", value(int64_t{2})}}), small_weights());
    clb::testing::MethodBench<DualPrompt> dual(
        with(common, {{"g_blocks", list(kNone)}, {"e_blocks", list(kBoth)}, {"e_length", value(int64_t{2})}}), small_weights());
    for (int64_t t = 0; t < 3; ++t) {
      bench.train(small_task(t), 2 * t + 2);
      dual.train(small_task(t), 2 * t + 2);
    }
    const Samples samples = with_features(small_task(1, 7));
    EXPECT_TRUE(torch::equal(bench.predict(samples), dual.predict(samples)));
    EXPECT_EQ(bench.metrics.at("loss"), dual.metrics.at("loss"));
    EXPECT_EQ(bench.metrics.at("usage/prompt/0"), dual.metrics.at("usage/expert/0"));
  }
}

TEST(SPromptPp, TasksHavePromptsOfTheirOwn) {
  Bench bench(kSmall, small_weights());
  State before(kBoth, 3, 2, clb::testing::kSmallVit.dim, 0), after = before;
  bench.train(small_task(0), 2);
  clb::testing::load(before, bench.save());
  bench.train(small_task(1), 4);
  clb::testing::load(after, bench.save());
  for (int64_t prompt = 0; prompt < 3; ++prompt) {
    const auto moved = [&](const char* name, int64_t axis) {
      return !torch::equal(before.of(before.pool, name).select(axis, prompt), after.of(after.pool, name).select(axis, prompt));
    };
    EXPECT_EQ(moved("prefixes", 2), prompt == 1);
    EXPECT_EQ(moved("keys", 1), prompt == 1);
  }
  bench.train(small_task(2), 6);
  EXPECT_THROW(bench.train(small_task(3), 8), clb::PluginError);  // a pool of three
  Bench one(with(kSmall, {{"pool_size", value(int64_t{1})}}), small_weights());
  for (int64_t t = 0; t < 3; ++t) one.train(small_task(t), 2 * t + 2);
}

TEST(SPromptPp, PredictionsAreOfEachImageAloneAndSurviveTheState) {
  Bench bench(kSmall, small_weights()), fresh(kSmall, small_weights());
  for (int64_t t = 0; t < 2; ++t) bench.train(small_task(t), 2 * t + 2);
  const Samples all = with_features(small_task(1, 7));
  const Tensor together = bench.predict(all);
  for (int64_t k = 0; k < 7; ++k) {
    const Tensor alone = bench.predict(all.rows(torch::tensor({k})));
    EXPECT_LE((alone - together.narrow(0, k, 1)).abs().max().item<double>(), 1e-5);
  }
  fresh.load(bench.save(), 7, bench.classes_seen());
  EXPECT_TRUE(torch::equal(fresh.predict(all), together));
  EXPECT_EQ(fresh.save(), bench.save());
}

TEST(SPromptPp, RefusesWhatCannotBe) {
  const Blocks beyond{2};
  EXPECT_THROW(Bench(with(kSmall, {{"init_low", value(2.0)}}), small_weights()), clb::PluginError);
  EXPECT_THROW(Bench(with(kSmall, {{"blocks", list(beyond)}}), small_weights()), clb::PluginError);
}

}  // namespace
