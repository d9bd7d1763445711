// ESN against iamwangyabin/ESN (fixture "esn"), through the plugin's own table, and the invariants of its chapter.
#include "esn.cpp"

#include <numeric>

#include "golden/golden.hpp"
#include "nn/golden_modules.hpp"
#include "support/small_vit.hpp"

namespace {

using clb::golden::any_numbers;
using clb::golden::Golden;
using clb::golden::parameters_of;
using clb::testing::choice;
using clb::testing::list;
using clb::testing::Settings;
using clb::testing::small_task;
using clb::testing::small_vit;
using clb::testing::small_weights;
using clb::testing::value;
using clb::testing::with;
using Bench = clb::testing::MethodBench<Esn>;
using Tensors = std::map<std::string, Tensor>;

std::vector<int64_t> counted(int64_t first, int64_t count) {
  std::vector<int64_t> all(static_cast<size_t>(count));
  std::iota(all.begin(), all.end(), first);
  return all;
}

// The plugin's state as its members.
struct State {
  Prompts prompts;
  std::vector<Stage> stages;
  std::vector<Tensor> labels;
  std::vector<double> chosen;
  clb::Task task;
  clb::nn::Vit vit;

  explicit State(const clb::nn::Vit& network) : vit(network) { prompts.tokens = torch::zeros({0, vit.dim()}); }

  Stage fresh() const { return {vit.shape(), torch::zeros({1, 1, vit.dim()}), any_numbers()}; }
  void state(clb::Archive& a) {
    task.state(a);
    a("prompts", prompts)("stages", stages, [this] { return fresh(); })("labels", labels)("chosen", chosen);
  }
};

State state_of(Bench& bench, const clb::nn::Vit& vit) {
  State state(vit);
  clb::testing::load(state, bench.save());
  return state;
}

Tensors numbers(clb::nn::Module& module) {
  Tensors found;
  for (const auto& [name, t] : parameters_of(module)) found[name] = t.detach().clone();
  return found;
}

bool equal(const Tensors& a, const Tensors& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const auto& x, const auto& y) { return torch::equal(x.second, y.second); });
}

// The fixture. Its projections of queries, keys and values lie apart.

constexpr const char* kQkv = "block.attn.qkv.";

Tensor of_stage(const Golden& g, const std::string& at, const std::string& name) {
  if (name == "token") return g[at + "task_token"];
  if (!name.starts_with(kQkv)) return g[at + name];
  const std::string part = name.substr(std::string(kQkv).size());
  return at::cat({g[at + "block.attn.q." + part], g[at + "block.attn.k." + part], g[at + "block.attn.v." + part]});
}

// Compares under the names of the reference.
void close_stage(Golden& g, const std::string& at, const std::string& name, const Tensor& got, double tolerance) {
  if (name == "token") return g.close(at + "task_token", got, tolerance);
  if (!name.starts_with(kQkv)) return g.close(at + name, got, tolerance);
  const std::vector<Tensor> parts = got.chunk(3);
  for (size_t k = 0; k < 3; ++k) g.close(at + "block.attn." + "qkv"[k] + "." + name.substr(std::string(kQkv).size()), parts[k], tolerance);
}

struct Trial {
  explicit Trial(const Golden& golden)
      : g(golden),
        vit(g.with_prefix("vit.param."), {.heads = g.config()["num_heads"].get<int64_t>()}),
        old(g.config()["tasks"][0]),
        own(g["stage.head.bias"].size(0)) {}

  // The second task's stage as the fixture has it, behind some first one.
  State start() const {
    State state(vit);
    state.prompts.tokens = g["prompt"].requires_grad_();
    for (const int64_t classes : {old, own}) {
      state.stages.push_back(state.fresh());
      state.stages.back().head.grow(classes);
    }
    state.stages[1].parameters([&](const std::string& name, Tensor& t) { t = of_stage(g, "stage.", name).requires_grad_(); });
    state.labels = {torch::arange(old)};
    state.chosen = {0.001};
    state.task.index = 0;
    state.task.classes_seen = old;
    return state;
  }

  std::unique_ptr<Bench> bench(const Settings& changes = {}) const {
    const Settings step{{"prompt_length", value(g["prompt"].size(0))},
                        {"anchor", value(g.config()["anchor"].get<double>())},
                        {"align_weight", value(g.config()["lamda"].get<double>())},
                        {"beta", value(g.config()["beta"].get<double>())},
                        {"batch_size", value(g.config()["B"].get<int64_t>())},
                        {"epochs", value(int64_t{1})},
                        {"lr", value(1.0)},
                        {"momentum", value(0.0)},
                        {"weight_decay", value(0.0)}};
    return std::make_unique<Bench>(with(step, changes),
                                   clb::testing::BenchWeights{g.with_prefix("vit.param."), g.config()["num_heads"].get<int64_t>()});
  }

  // One step of plain SGD with rate 1 on the fixture's batch, so that gradients show; the first task, which the bench counts, is forgotten
  // by loading.
  State trained(Bench& bench) const {
    bench.train({.images = g["images"], .labels = torch::zeros_like(g["labels"])}, old);
    State from = start();
    bench.load(clb::testing::saved(from), 1 << 20, old);
    bench.train({.images = g["images"], .labels = g["labels"]}, old + own, counted(old, own));
    return state_of(bench, vit);
  }

  const Golden& g;
  clb::nn::Vit vit;
  int64_t old, own;  // classes of the first task and of the second
};

void check_training(Golden& g) {
  const Trial trial(g);
  const auto bench = trial.bench();
  State before = trial.start(), after = trial.trained(*bench);
  const auto traced = [&](const char* name) { return bench->traced.at(name); };
  g.close("fwd.tokens", traced("tokens"), 2e-5);
  g.close("fwd.s", traced("s").unsqueeze(1), 6e-6);
  g.close("fwd.logits", traced("logits"), 4e-6);
  g.close("fwd.free_energy", traced("energy"), 5e-6);
  g.close("fwd.ce", traced("ce").reshape({1}), 5e-6);
  g.close("fwd.align", traced("align").reshape({1}), 3e-5);
  g.close("fwd.loss", traced("loss").reshape({1}), 3e-5);
  g.close("fwd.grad.prompt", before.prompts.tokens.detach() - after.prompts.tokens.detach(), 6e-6);
  Tensors was = numbers(before.stages[1]);
  for (const auto& [name, t] : numbers(after.stages[1])) close_stage(g, "fwd.grad.", name, was[name] - t, 6e-6);
  EXPECT_TRUE(equal(numbers(before.stages[0]), numbers(after.stages[0]))) << "an old stage moved";

  const Stage& stage = before.stages[1];
  const int64_t d = trial.vit.dim();
  const Tensor all = stage.block.norm1(at::cat({stage.token.expand({g["images"].size(0), 1, d}), traced("tokens")}, 1));
  const auto split = [&](const Tensor& x) { return x.unflatten(-1, {stage.block.attn.heads, -1}).transpose(1, 2); };
  const Tensor q = split(stage.block.attn.qkv.rows(0, d)(all.narrow(1, 0, 1))), k = split(stage.block.attn.qkv.rows(d, d)(all));
  g.close("fwd.attn", at::softmax(q.matmul(k.transpose(2, 3)) / std::sqrt(static_cast<double>(q.size(-1))), -1), 2e-6);

  // The paper's sign on the same logits.
  const auto paper = trial.bench({{"energy", choice("paper")}});
  trial.trained(*paper);
  g.close("alt.free_energy", paper->traced.at("energy"), 5e-6);
  g.close("alt.align", paper->traced.at("align").reshape({1}), 3e-5);
}

// [n, stages, k] -> [n, k] of every stage
std::vector<Tensor> of_stages(const Tensor& logits) { return logits.unbind(1); }

std::vector<double> doubles(const Tensor& t) { return {t.data_ptr<double>(), t.data_ptr<double>() + t.numel()}; }

void check_election(Golden& g, const std::string& at, const std::vector<Tensor>& logits) {
  const std::vector<double> temperatures = doubles(g[at + "set"]);
  std::vector<Tensor> votes, labels;
  for (const double t : temperatures) votes.push_back(clb::nn::energy_vote(logits, t));
  int64_t classes = 0;
  for (const Tensor& z : logits) {
    labels.push_back(torch::arange(classes, classes + z.size(1)));
    classes += z.size(1);
  }
  const Tensor stage = clb::nn::elected(logits, temperatures), scores = answers(logits, labels, stage, classes);
  g.equal(at + "votes", at::stack(votes, 1));
  g.equal(at + "head", stage);
  g.equal(at + "pred", scores.argmax(1));
  for (size_t s = 0; s < logits.size(); ++s)  // among the classes of one task its own stage answers
    EXPECT_TRUE(torch::equal(scores.index_select(1, labels[s]).argmax(1), logits[s].argmax(1)));
}

TEST(Esn, EqualsTheReference) {
  CLB_GOLDEN(g, "esn");
  check_training(g);
  const std::vector<double> temperatures = doubles(g["temperatures"]);
  for (int64_t s = 1; g.has("sel" + std::to_string(s) + ".logits"); ++s) {
    const std::string at = "sel" + std::to_string(s) + ".";
    std::vector<double> shares;
    for (const double t : temperatures)
      shares.push_back(clb::nn::energy_vote(of_stages(g[at + "logits"]), t).eq(s).to(torch::kFloat64).mean().item<double>());
    const auto best = static_cast<size_t>(std::max_element(shares.begin(), shares.end()) - shares.begin());
    g.close(at + "accuracy", torch::tensor(shares, torch::kFloat64), 9e-10);
    g.equal(at + "tau", torch::tensor({temperatures[best]}, torch::kFloat64));
  }
  for (int64_t s = 0; g.has("test" + std::to_string(s) + ".logits"); ++s) {
    const std::string at = "test" + std::to_string(s) + ".";
    check_election(g, at, of_stages(g[at + "logits"]));
  }
  std::vector<Tensor> unequal;
  for (int64_t s = 0; g.has("unequal.logits" + std::to_string(s)); ++s) unequal.push_back(g["unequal.logits" + std::to_string(s)]);
  check_election(g, "unequal.", unequal);
  for (const auto& [name, votes] : g.with_prefix("ties.votes"))
    g.equal("ties.head" + name, clb::nn::most_voted(votes, votes.max().item<int64_t>() + 1));
  g.expect_all_compared({"vit.param.", "images", "labels", "prompt", "stage.", "temperatures", "sel1.logits", "sel2.logits", "test0.logits",
                         "test0.set", "test1.logits", "test1.set", "test2.logits", "test2.set", "unequal.logits", "unequal.set",
                         "ties.votes"});
}

// On a network small enough to train.

Settings small_settings(const Settings& changes = {}) {
  const Settings plain{
      {"prompt_length", value(int64_t{3})}, {"batch_size", value(int64_t{4})}, {"epochs", value(int64_t{4})}, {"lr", value(0.05)}};
  return with(plain, changes);
}

struct Small {
  explicit Small(const Settings& changes = {}) : bench(small_settings(changes), small_weights()) {}
  void train(int64_t tasks) {
    for (int64_t t = 0; t < tasks; ++t, ++trained) bench.train(small_task(trained), 2 * (trained + 1));
  }
  State state() { return state_of(bench, small_vit()); }
  Tensor predict() { return bench.predict({.images = images()}); }
  Tensor images() const {
    std::vector<Tensor> all;
    for (int64_t t = 0; t < trained; ++t) all.push_back(small_task(t).images);
    return at::cat(all);
  }

  Bench bench;
  int64_t trained = 0;
};

std::vector<Tensor> logits_of(State& state, const Tensor& images) {
  const torch::NoGradGuard no_grad;
  const Tensor tokens = state.vit.tokens(images, StageTokens(state.prompts.tokens));
  std::vector<Tensor> logits;
  for (const Stage& stage : state.stages) logits.push_back(stage(tokens));
  return logits;
}

TEST(Esn, OneTaskIsItsStagesClassifier) {
  Small run;
  run.train(1);
  State state = run.state();
  const Tensor logits = logits_of(state, run.images())[0], scores = run.predict();
  EXPECT_TRUE(torch::equal(scores.argmax(1), logits.argmax(1)));
  EXPECT_EQ(state.chosen, std::vector<double>{0.001}) << "where there is one stage the first candidate counts";
}

TEST(Esn, StagesStartFromTheClassTokenAndStayAsTheyAreOnceLearned) {
  Small none({{"epochs", value(int64_t{0})}}), run;
  none.train(1);
  State drawn = none.state();
  Tensor class_token;
  small_vit().parameters([&](const std::string& name, Tensor& t) { class_token = name == "cls_token" ? t : class_token; });
  EXPECT_TRUE(torch::equal(drawn.stages[0].token, class_token));
  run.train(1);
  State before = run.state();
  EXPECT_FALSE(torch::equal(before.stages[0].token, class_token));
  run.train(2);
  State after = run.state();
  ASSERT_EQ(after.stages.size(), 3U);
  EXPECT_TRUE(equal(numbers(before.stages[0]), numbers(after.stages[0])));
  EXPECT_EQ(clb::nn::trained_numbers(after.stages[2]), 0);
  EXPECT_FALSE(torch::equal(after.stages[0].block.attn.proj.weight, after.stages[1].block.attn.proj.weight));
}

TEST(Esn, PromptsLearnInEveryTaskOrInTheFirst) {
  for (const bool always : {true, false}) {
    Small run({{"trained_on", choice(always ? "every_task" : "first_task")}}), none({{"epochs", value(int64_t{0})}});
    none.train(1);
    run.train(1);
    const Tensor drawn = none.state().prompts.tokens, first = run.state().prompts.tokens;
    EXPECT_FALSE(torch::equal(first, drawn));
    run.train(1);
    EXPECT_EQ(torch::equal(run.state().prompts.tokens, first), !always);
    EXPECT_EQ(run.bench.metrics.at("prompts/relative_change")[0].second == 0, !always);
  }
}

TEST(Esn, AlignmentPullsTheEnergyToTheAnchorByTheChosenSign) {
  const auto distance = [](const char* energy, double weight, double anchor) {
    Small run({{"energy", choice(energy)},
               {"align_weight", value(weight)},
               {"anchor", value(anchor)},
               {"optimizer", choice("adam")},
               {"lr", value(0.01)},
               {"epochs", value(int64_t{20})}});
    run.train(1);
    return (run.bench.traced.at("energy") - anchor).square().mean().item<double>();
  };
  for (const char* energy : {"released", "paper"}) EXPECT_LT(distance(energy, 1, -6), distance(energy, 0, -6) / 4) << energy;
  // Weight 0 leaves cross-entropy alone.
  Small without({{"align_weight", value(0.0)}});
  without.train(1);
  EXPECT_TRUE(torch::equal(without.bench.traced.at("loss"), without.bench.traced.at("ce")));
}

TEST(Esn, AddsTheTemperatureAtWhichTheTaskWinsMostOfItsImages) {
  const std::vector<double> candidates{0.3, 0.001, 3};
  Small run({{"temperatures", list(candidates)}});
  std::vector<double> expected;
  for (int64_t task = 0; task < 3; ++task) {
    run.train(1);
    State state = run.state();
    const std::vector<Tensor> logits = logits_of(state, small_task(task).images);
    std::vector<double> shares;
    for (const double t : candidates) shares.push_back(clb::nn::energy_vote(logits, t).eq(task).to(torch::kFloat64).mean().item<double>());
    const auto best = static_cast<size_t>(std::max_element(shares.begin(), shares.end()) - shares.begin());
    expected.push_back(candidates[best]);
    EXPECT_EQ(state.chosen, expected);
    const auto& metrics = run.bench.metrics;
    EXPECT_EQ(metrics.at("temperature"), (std::vector<std::pair<int64_t, double>>{{task, candidates[best]}}));
    EXPECT_NEAR(metrics.at("temperature/own_images")[0].second, shares[best], 1e-12);
    ASSERT_EQ(metrics.at("energy/mean").size(), logits.size());
    const Tensor scores = clb::nn::energy_scores(logits, 1);
    for (size_t s = 0; s < logits.size(); ++s) {
      EXPECT_NEAR(metrics.at("energy/mean")[s].second, scores.select(1, static_cast<int64_t>(s)).mean().item<double>(), 1e-4);
      EXPECT_GT(metrics.at("energy/deviation")[s].second, 0);
    }
  }
}

TEST(Esn, PredictsTheElectedStagesClass) {
  const std::vector<double> candidates{0.001, 0.5, 1};
  for (const char* voters : {"chosen", "all"}) {
    Small run({{"temperatures", list(candidates)}, {"voters", choice(voters)}});
    run.train(3);
    State state = run.state();
    std::vector<Tensor> logits = logits_of(state, run.images());
    const torch::NoGradGuard no_grad;
    for (size_t s = 0; s < 3; ++s) {  // to one level, so that no stage takes all images
      const Tensor level = clb::nn::energy_scores({logits[s]}, 1).mean();
      state.stages[s].head.parameters([&](const std::string& name, Tensor& t) { t = name == "bias" ? t - level : t; });
    }
    run.bench.load(clb::testing::saved(state), 1 << 20, 6);
    const Tensor scores = run.predict();
    logits = logits_of(state, run.images());
    const Tensor stage = clb::nn::elected(logits, voters == std::string("all") ? candidates : state.chosen);
    EXPECT_GT(std::get<0>(at::_unique(stage)).size(0), 1) << "one stage takes all";
    EXPECT_TRUE(torch::equal(run.bench.traced.at("stage"), stage));
    for (int64_t i = 0; i < scores.size(0); ++i) {
      const auto s = stage[i].item<int64_t>();
      EXPECT_EQ(scores[i].argmax().item<int64_t>(), 2 * s + logits[static_cast<size_t>(s)][i].argmax().item<int64_t>());
    }
  }
}

TEST(Esn, AConstantOnAHeadMovesTheChoiceOfTheStageAndNothingWithinIt) {
  Small run;
  run.train(2);
  const Tensor before = run.predict();
  State state = run.state();
  {
    const torch::NoGradGuard no_grad;
    state.stages[0].head.parameters([](const std::string& name, Tensor& t) {
      if (name == "bias") t.add_(100);
    });
  }
  run.bench.load(clb::testing::saved(state), 1 << 20, 4);
  const Tensor after = run.predict();
  EXPECT_TRUE(run.bench.traced.at("stage").eq(0).all().item<bool>());
  for (const int64_t task : {0, 1})
    EXPECT_TRUE(torch::equal(before.narrow(1, 2 * task, 2).argmax(1), after.narrow(1, 2 * task, 2).argmax(1)));
}

TEST(Esn, DomainsShareTheClassesOfTheirStages) {
  Small run;
  run.bench.train(small_task(0), 2);
  run.bench.train({.images = 1 - small_task(0).images, .labels = small_task(0).labels}, 2, {0, 1});
  const Tensor images = at::cat({small_task(0).images, 1 - small_task(0).images});
  const Tensor scores = run.bench.predict({.images = images});
  ASSERT_EQ(scores.sizes(), torch::IntArrayRef({24, 2}));
  State state = run.state();
  const std::vector<Tensor> logits = logits_of(state, images);
  const Tensor stage = run.bench.traced.at("stage");
  for (int64_t i = 0; i < 24; ++i) {
    const auto s = static_cast<size_t>(stage[i].item<int64_t>());
    EXPECT_EQ(scores[i].argmax().item<int64_t>(), logits[s][i].argmax().item<int64_t>());
  }
}

TEST(Esn, TasksNeedNotBeEquallyLarge) {
  Small run;
  run.bench.train({.images = small_task(0, 12).images, .labels = torch::arange(12).remainder(3)}, 3);
  run.bench.train({.images = small_task(1, 12).images, .labels = torch::arange(12).remainder(5) + 3}, 8);
  const Tensor scores = run.bench.predict({.images = small_task(1).images});
  const Tensor found = scores.argmax(1), stage = run.bench.traced.at("stage");
  EXPECT_TRUE(torch::equal(found.ge(3), stage.eq(1)));
  EXPECT_TRUE(scores.isfinite().all().item<bool>());
}

TEST(Esn, InitialPromptsAreThoseBeforeTraining) {
  Small run, drawn({{"epochs", value(int64_t{0})}});
  run.train(2);
  drawn.train(1);
  Bench initial(small_settings({{"test_prompts", choice("initial")}}), small_weights());
  initial.load(run.bench.save(), 1 << 20, 4);
  State state = run.state();
  state.prompts.tokens = drawn.state().prompts.tokens;
  Bench put_back(small_settings(), small_weights());
  put_back.load(clb::testing::saved(state), 1 << 20, 4);
  const Tensor scores = initial.predict({.images = run.images()});
  EXPECT_TRUE(torch::equal(scores, put_back.predict({.images = run.images()})));
  EXPECT_FALSE(torch::equal(scores, run.predict()));
}

TEST(Esn, GoesOnFromAStateBitForBit) {
  Small through, resumed, later;
  through.train(2);
  resumed.train(1);
  const std::string bytes = resumed.bench.save();
  later.train(1);  // the bench counts tasks
  later.bench.load(bytes, 7, 2);
  EXPECT_EQ(later.bench.save(), bytes);
  later.train(1);
  EXPECT_EQ(later.bench.save(), through.bench.save());
  EXPECT_TRUE(torch::equal(later.predict(), through.predict()));
}

TEST(Esn, WithoutPromptsAndWithoutTemperatures) {
  Small run({{"prompt_length", value(int64_t{0})}});
  run.train(2);
  EXPECT_EQ(run.predict().size(1), 4);
  EXPECT_EQ(run.bench.metrics.count("prompts/relative_change"), 0U);
  EXPECT_THROW(Small({{"temperatures", list(std::vector<double>{})}}), clb::PluginError);
}

}  // namespace
