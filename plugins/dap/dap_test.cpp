// DAP against naver-ai/dap-cl (fixture "dap"), through the plugin's own table, and the invariants of its chapter.
#include "dap.cpp"

#include "golden/golden.hpp"
#include "nn/golden_modules.hpp"
#include "support/small_vit.hpp"

namespace {

using clb::golden::any_numbers;
using clb::golden::Golden;
using clb::testing::BenchWeights;
using clb::testing::choice;
using clb::testing::kSmallVit;
using clb::testing::Samples;
using clb::testing::Settings;
using clb::testing::small_vit;
using clb::testing::small_weights;
using clb::testing::value;
using clb::testing::with;
using Bench = clb::testing::MethodBench<Dap>;

// The plugin's state as its members.
struct State {
  clb::nn::FilmPrompts generator;
  clb::nn::TaskKeys tasks;
  clb::nn::GrowingLinear head;
  std::vector<Tensor> labels;
  Tensor usage;
  clb::nn::Optimizer optimizer;
  clb::Task task;

  State(const clb::nn::VitShape& vit, int64_t length, int64_t embedding, int64_t pool_size)
      : generator(vit, length, embedding, any_numbers()),
        tasks(pool_size, vit, embedding, any_numbers()),
        head({.dim = vit.dim}, any_numbers()) {}
  void state(clb::Archive& a) {
    task.state(a);
    a("generator", generator)("tasks", tasks)("head", head)("labels", labels)("usage", usage)("optimizer", optimizer);
  }

  // Under the fixture's names, those of blocks one upon the other.
  std::map<std::string, Tensor> stacked() {
    std::map<std::string, std::vector<Tensor>> blocks;
    generator.parameters([&](const std::string& name, Tensor& t) {  // "down.3.weight" -> "down.weight"
      const auto dot = name.find('.'), second = name.find('.', dot + 1);
      blocks[name.substr(0, dot) + name.substr(second)].push_back(t.detach());
    });
    std::map<std::string, Tensor> all;
    for (const auto& [name, list] : blocks) all[name] = at::stack(list);
    tasks.parameters([&](const std::string& name, Tensor& t) { all[name == "keys" ? "key" : "emb"] = t.detach(); });
    head.parameters([&](const std::string& name, Tensor& t) { all["head." + name] = t.detach(); });
    return all;
  }
};

// The fixture.

int64_t whole(const Golden& g, const char* name) { return g.config()[name].get<int64_t>(); }

BenchWeights weights_of(const Golden& g) { return {.tensors = g.with_prefix("vit."), .heads = whole(g, "heads")}; }
clb::nn::Vit vit_of(const Golden& g) { return clb::nn::Vit(g.with_prefix("vit."), {.heads = whole(g, "heads")}); }

Settings settings_of(const Golden& g) {
  return {{"prompt_length", value(whole(g, "Np"))},
          {"embedding", value(whole(g, "E"))},
          {"pool_size", value(whole(g, "T"))},
          {"batch_size", value(whole(g, "B"))},
          {"pull_weight", value(g.config()["lam"].get<double>())},
          {"epochs", value(int64_t{1})}};
}

std::vector<int64_t> labels_of(const Golden& g, int64_t task) {
  const Tensor labels = g["class_mask"][task].contiguous();
  return {labels.data_ptr<int64_t>(), labels.data_ptr<int64_t>() + labels.numel()};
}

State empty_state(const Golden& g) { return {vit_of(g).shape(), whole(g, "Np"), whole(g, "E"), whole(g, "T")}; }

// Tensors from `at`; what is not there, because it was frozen, from `frozen`.
State state_at(const Golden& g, const std::string& at, const std::string& frozen = "") {
  State state = empty_state(g);
  const auto of = [&](const std::string& name) { return g[(g.has(at + name) ? at : frozen) + name]; };
  state.generator.parameters([&](const std::string& name, Tensor& t) {
    const auto dot = name.find('.'), second = name.find('.', dot + 1);
    t = of(name.substr(0, dot) + name.substr(second))[std::stoll(name.substr(dot + 1))].clone().requires_grad_();
  });
  state.tasks.parameters([&](const std::string& name, Tensor& t) { t = of(name == "keys" ? "key" : "emb").requires_grad_(); });
  state.head.grow(whole(g, "C"));
  state.head.parameters([&](const std::string& name, Tensor& t) { t = of("head." + name).requires_grad_(); });
  for (int64_t t = 0; t < whole(g, "T"); ++t) state.labels.push_back(g["class_mask"][t]);
  state.task.classes_seen = whole(g, "C");
  return state;
}

Samples batch_of(const Golden& g, int64_t task) {
  return {.images = g["in.x" + std::to_string(task)], .labels = g["in.y" + std::to_string(task)]};
}

// Trains `task` from `start`; the tasks before it, which the bench counts, are forgotten by loading.
State trained(const Golden& g, Bench& bench, int64_t task, State start) {
  const int64_t classes = whole(g, "C");
  for (int64_t t = 0; t < task; ++t) bench.train(batch_of(g, t), classes, labels_of(g, t));
  bench.load(clb::testing::saved(start), 1 << 20, classes);
  bench.train(batch_of(g, task), classes, labels_of(g, task));
  State state = empty_state(g);
  clb::testing::load(state, bench.save());
  return state;
}

// The reference's ImageNet-R run begins with task 1, with nothing frozen. To the plugin that is the first task, with keys and embeddings of
// tasks 0 and 1 exchanged.
Tensor exchanged(const Tensor& rows, int64_t dim = 0) {
  Tensor order = torch::arange(rows.size(dim));
  order[0] = 1;
  order[1] = 0;
  return rows.index_select(dim, order);
}

void exchange(State& state) {
  for (Tensor* rows : {&state.tasks.keys, &state.tasks.embeddings}) *rows = exchanged(rows->detach()).requires_grad_();
}

State trained_first(const Golden& g, Bench& bench, State start) {
  const int64_t classes = whole(g, "C");
  State state = empty_state(g);
  exchange(start);
  bench.load(clb::testing::saved(start), 1 << 20, classes);
  bench.train(batch_of(g, 1), classes, labels_of(g, 1));
  clb::testing::load(state, bench.save());
  exchange(state);
  return state;
}

// What is made of these images for these tasks at every block.
struct Pass {
  Pass(const Golden& g, const State& state, const Tensor& images, const Tensor& ids, int64_t blocks) {
    const torch::NoGradGuard no_grad;
    const clb::nn::Vit vit = vit_of(g);
    const Tensor embedding = state.tasks.embeddings.index_select(0, ids);
    clb::nn::MadePrompts made(state.generator, embedding, blocks);
    clb::golden::Tap before, behind;
    clb::nn::Together all({&before, &made, &behind});
    vit.cls(images, all);
    for (int64_t i = 0; i < vit.shape().depth; ++i) {
      const std::string in = "block" + std::to_string(i) + ".in";
      const clb::nn::FilmPrompts::Made of = state.generator(i, before.seen.at(in), embedding);
      gamma.push_back(of.gamma);
      beta.push_back(of.beta);
      prompts.push_back(behind.seen.at(in).narrow(1, 1, whole(g, "Np")));
      lengths.push_back(behind.seen.at(in).size(1));
    }
  }
  std::vector<Tensor> gamma, beta, prompts;
  std::vector<int64_t> lengths;
};

// One training batch: gradients show in a step of plain SGD with rate 1.
void check_gradients(Golden& g, const std::string& at, int64_t task, const std::string& start, const std::string& frozen,
                     const Settings& changes, bool last_block = true) {
  Bench bench(with(settings_of(g), with({{"optimizer", choice("sgd")},
                                         {"lr", value(1.0)},
                                         {"momentum", value(0.0)},
                                         {"clip_norm", value(0.0)},
                                         {"last_block", value(last_block)}},
                                        changes)),
              weights_of(g));
  State before = state_at(g, start, frozen);
  State after = last_block ? trained(g, bench, task, state_at(g, start, frozen)) : trained_first(g, bench, state_at(g, start, frozen));
  if (!last_block) {  // there classes of other tasks are masked before the logits come out
    bench.traced.at("similarity") = exchanged(bench.traced.at("similarity"), 1);
    bench.traced.at("logits") = bench.traced.at("logits_masked");
  }
  const auto traced = [&](const char* name) { return bench.traced.at(name); };
  for (const char* name : {"feature", "logits", "logits_masked", "loss", "mean_pull", "query", "reduce_sim", "similarity"})
    g.near(at + name, traced(name));
  g.equal(at + "argmax_per_sample", traced("similarity").argmax(1));
  g.near(at + "ce", at::cross_entropy_loss(traced("logits_masked"), batch_of(g, task).labels));
  const Tensor images = batch_of(g, task).images;
  const Pass pass(g, before, images, torch::full({images.size(0)}, task, torch::kInt64), vit_of(g).shape().depth - (last_block ? 0 : 1));
  g.near(at + "gamma", at::stack(pass.gamma));
  g.near(at + "beta", at::stack(pass.beta));
  g.near(at + "prompt", at::stack(pass.prompts));
  g.equal(at + "sequence_length", torch::tensor(pass.lengths));
  const auto was = before.stacked(), is = after.stacked();
  Tensor squares = torch::zeros({});
  for (const auto& [name, tensor] : was) {
    const Tensor gradient = tensor - is.at(name);
    squares += gradient.square().sum();
    if (g.has(at + "grad." + name)) g.near(at + "grad." + name, gradient);
  }
  g.near(at + "grad_norm", squares.sqrt());
}

void expect_tensors(Golden& g, const std::string& at, State& state, double bound) {
  for (const auto& [name, tensor] : state.stacked())
    if (g.has(at + name)) g.near(at + name, tensor, name.starts_with("down.") ? std::max(bound, 1e-4) : bound);
}

// One Adam for both tasks.
void check_steps(Golden& g, bool legacy) {
  Bench bench(with(settings_of(g), {{"legacy_frozen_moves", value(legacy)}}), weights_of(g));
  State one = trained(g, bench, 0, state_at(g, "param.")), two = empty_state(g);
  bench.train(batch_of(g, 1), whole(g, "C"), labels_of(g, 1));
  clb::testing::load(two, bench.save());
  expect_tensors(g, "t0.after1.", one, 2e-5);
  expect_tensors(g, "t1.after1.", two, 2e-5);
  for (const char* name : {"down.weight", "down.bias"}) {
    const Tensor now = two.stacked().at(name);
    EXPECT_EQ(torch::equal(now, one.stacked().at(name)), !legacy) << name;
    if (legacy) g.near(std::string("t1.after1_legacy_zero_filled_grad.") + name, now, 1e-4);
  }
}

void check_test(Golden& g, const std::string& at, const std::string& start, const std::string& frozen, const Settings& changes,
                bool last_block = true) {
  const Tensor images = at::cat({g["in.x0"].narrow(0, 0, g["in.yt"].size(0) / 2), g["in.x1"].narrow(0, 0, (g["in.yt"].size(0) + 1) / 2)});
  Bench bench(with(settings_of(g), with({{"last_block", value(last_block)}}, changes)), weights_of(g));
  State state = state_at(g, start, frozen);
  bench.load(clb::testing::saved(state), 1 << 20, whole(g, "C"));
  const Tensor query = vit_of(g).query(images), logits = bench.predict({.features = query, .images = images});
  const Tensor ids = bench.traced.at("task");
  const Pass pass(g, state, images, ids, vit_of(g).shape().depth - (last_block ? 0 : 1));
  const int64_t seen = g["class_mask"].narrow(0, 0, 2).max().item<int64_t>() + 1;
  const std::map<std::string, std::function<void(const std::string&)>> found{
      {"feature", [&](const std::string& name) { g.near(name, bench.traced.at("feature")); }},
      {"logits", [&](const std::string& name) { g.near(name, logits); }},
      {"query", [&](const std::string& name) { g.near(name, query); }},
      {"similarity", [&](const std::string& name) { g.near(name, bench.traced.at("similarity")); }},
      {"prompt", [&](const std::string& name) { g.near(name, at::stack(pass.prompts)); }},
      {"sequence_length", [&](const std::string& name) { g.equal(name, torch::tensor(pass.lengths)); }},
      {"argmax_per_sample", [&](const std::string& name) { g.equal(name, bench.traced.at("similarity").argmax(1)); }},
      {"voted_task", [&](const std::string& name) { g.equal(name, ids[0]); }},
      {"pred_seen", [&](const std::string& name) { g.equal(name, logits.narrow(1, 0, seen).argmax(1)); }}};
  for (const auto& [name, compare] : found)
    if (g.has(at + name)) compare(at + name);
}

TEST(Dap, EqualsTheReference) {
  CLB_GOLDEN(g, "dap");
  check_gradients(g, "t0.train.", 0, "param.", "", {});
  check_gradients(g, "t1.train.", 1, "t0.after1.", "", {});
  check_steps(g, false);
  check_steps(g, true);
  const Settings vote{{"batch_vote_test", value(true)}};
  check_test(g, "test.per_sample.", "t1.after1.", "t0.after1.", {});
  check_test(g, "test.voted.", "t1.after1.", "t0.after1.", vote);

  const Settings imagenetr{{"pull_weight", value(g.config()["lam_inr"].get<double>())}};
  check_gradients(g, "inr.t1.train.", 1, "param.", "", imagenetr, false);
  for (int64_t steps = 1; g.has("inr.t1.after" + std::to_string(steps) + ".key"); ++steps) {
    Bench bench(with(settings_of(g), with(imagenetr, {{"optimizer", choice("sgd")},
                                                      {"lr", value(0.25)},
                                                      {"momentum", value(0.9)},
                                                      {"last_block", value(false)},
                                                      {"epochs", value(steps)}})),
                weights_of(g));
    State state = trained_first(g, bench, state_at(g, "param."));
    expect_tensors(g, "inr.t1.after" + std::to_string(steps) + ".", state, 5e-6);
  }
  check_test(g, "inr.test.voted.", "param.", "", with(vote, {{"mask_to_task", value(true)}}), false);
  g.expect_all_compared({"vit.", "in.", "param.", "class_mask"});
}

// Two classes a task.

Samples task(int64_t index, int64_t n = 12) {
  Samples samples = clb::testing::small_task(index, n);
  samples.features = small_vit().query(samples.images);
  samples.tasks = torch::full({n}, index, torch::kInt64);
  return samples;
}

Settings settings(const Settings& changes = {}) {
  return with({{"prompt_length", value(int64_t{3})},
               {"embedding", value(int64_t{4})},
               {"pool_size", value(int64_t{3})},
               {"epochs", value(int64_t{3})},
               {"batch_size", value(int64_t{5})}},
              changes);
}

State state_of(Bench& bench, int64_t length = 3, int64_t pool_size = 3) {
  State state(kSmallVit, length, 4, pool_size);
  clb::testing::load(state, bench.save());
  return state;
}

void learn(Bench& bench, int64_t tasks) {
  for (int64_t t = 0; t < tasks; ++t) bench.train(task(t), 2 * t + 2);
}

// Invariants 3 and 5.
TEST(Dap, WhatStandsStillInTraining) {
  Bench bench(settings(), small_weights());
  bench.train(task(0), 2);
  State one = state_of(bench);
  EXPECT_GT(one.stacked().at("down.weight").abs().max().item<double>(), 0) << "it learned in the first task";
  EXPECT_EQ(bench.metrics.at("updates")[0].second, 9);
  const State fresh = [&] {
    Bench untrained(settings({{"epochs", value(int64_t{0})}}), small_weights());
    untrained.train(task(0), 2);
    return state_of(untrained);
  }();
  EXPECT_TRUE(torch::equal(one.tasks.keys.narrow(0, 1, 2), fresh.tasks.keys.narrow(0, 1, 2))) << "keys of other tasks";
  EXPECT_TRUE(torch::equal(one.tasks.embeddings.narrow(0, 1, 2), fresh.tasks.embeddings.narrow(0, 1, 2)));
  EXPECT_FALSE(torch::equal(one.tasks.keys[0], fresh.tasks.keys[0]));
  const auto closeness = [](const State& state) {
    return clb::nn::unit_rows(task(0).features).matmul(clb::nn::unit_rows(state.tasks.keys[0])).mean().item<double>();
  };
  EXPECT_GT(closeness(one), closeness(fresh) + 0.01) << "the key is drawn to its queries";
  bench.train(task(1), 4);
  State two = state_of(bench);
  for (const char* name : {"down.weight", "down.bias"}) EXPECT_TRUE(torch::equal(two.stacked().at(name), one.stacked().at(name)));
  EXPECT_FALSE(torch::equal(two.stacked().at("film.weight"), one.stacked().at("film.weight"))) << "which old prompts drift by";
  EXPECT_FALSE(bench.metrics.at("usage/key/0").empty());
  double counted = 0;
  for (const auto& [key, count] : bench.metrics.at("usage/key/0")) counted += count;
  EXPECT_EQ(counted, 2 * 3 * 12) << "of all tasks so far";
}

// The moments of the optimiser outlive a task, unless told otherwise.
TEST(Dap, OneOptimizerForAllTasks) {
  for (const bool fresh : {false, true}) {
    Bench bench(settings({{"fresh_optimizer", value(fresh)}}), small_weights());
    learn(bench, 1);
    const Tensor before = state_of(bench).tasks.keys[0].clone();
    bench.train(task(1), 4);
    EXPECT_EQ(torch::equal(state_of(bench).tasks.keys[0], before), fresh) << "the old key goes on by its momentum";
  }
}

// Invariant 6.
TEST(Dap, WithoutAVoteAPredictionDoesNotDependOnTheBatch) {
  Bench bench(settings(), small_weights()), voting(settings({{"batch_vote_test", value(true)}}), small_weights());
  learn(bench, 2);
  voting.load(bench.save(), 1 << 20, 4);
  const Samples all = task(0).with(task(1));
  const Tensor together = bench.predict(all);
  for (int64_t k = 0; k < together.size(0); ++k) {
    const Samples one = all.rows(torch::tensor({k}));
    EXPECT_LE((bench.predict(one) - together.narrow(0, k, 1)).abs().max().item<double>(), 1e-5);
    EXPECT_TRUE(torch::equal(voting.predict(one), bench.predict(one))) << "a vote of one";
  }
  voting.predict(all);
  EXPECT_TRUE(voting.traced.at("task").eq(voting.traced.at("task")[0]).all().item<bool>());
}

// Invariant 7.
TEST(Dap, TheNearestKeyIsTheTask) {
  Bench bench(settings(), small_weights()), seen(settings({{"seen_keys_only", value(true)}}), small_weights());
  learn(bench, 2);
  seen.load(bench.save(), 1 << 20, 4);
  Samples keys = task(0, 3);
  keys.features = 5 * state_of(bench).tasks.keys.detach();
  bench.predict(keys);
  EXPECT_TRUE(torch::equal(bench.traced.at("task"), torch::arange(3)));
  seen.predict(keys);
  EXPECT_LT(seen.traced.at("task").max().item<int64_t>(), 2) << "the third task is still to come";
}

TEST(Dap, ToldTheTaskAndMaskedToIt) {
  Bench bench(settings({{"oracle", value(true)}, {"mask_to_task", value(true)}}), small_weights());
  learn(bench, 2);
  for (int64_t t = 0; t < 2; ++t) {
    const Tensor logits = bench.predict(task(t));
    EXPECT_TRUE(bench.traced.at("task").eq(t).all().item<bool>());
    EXPECT_TRUE(logits.argmax(1).div(2, "floor").eq(t).all().item<bool>());
    EXPECT_TRUE(logits.isfinite().all().item<bool>());
  }
  Samples untold = task(0);
  untold.tasks = Tensor();
  EXPECT_THROW(bench.predict(untold), clb::PluginError);
}

TEST(Dap, AKeyForEveryTaskOrOneForAll) {
  Bench two(settings({{"pool_size", value(int64_t{2})}}), small_weights()),
      one(settings({{"pool_size", value(int64_t{1})}}), small_weights());
  learn(two, 2);
  EXPECT_THROW(two.train(task(2), 6), clb::PluginError);
  learn(one, 3);
  EXPECT_EQ(one.predict(task(2)).sizes(), torch::IntArrayRef({12, 6}));
}

// The ablation "no prompt, same head".
TEST(Dap, WithoutPromptsItIsAHeadOnTheFrozenNetwork) {
  Bench bench(settings({{"prompt_length", value(int64_t{0})}}), small_weights());
  learn(bench, 2);
  EXPECT_EQ(bench.metrics.at("updates")[0].second, 9);
  Samples test = task(1);
  test.images = Tensor();
  EXPECT_TRUE(torch::allclose(bench.predict(test), state_of(bench, 0).head(test.features), 1e-5, 1e-6));
}

TEST(Dap, SavedStatePredictsAndLearnsOnTheSame) {
  for (const bool legacy : {false, true}) {
    const Settings changes{{"legacy_frozen_moves", value(legacy)}};
    Bench bench(settings(changes), small_weights()), again(settings(changes), small_weights());
    learn(bench, 2);
    for (int64_t t = 0; t < 2; ++t) again.train(task(t), 2 * t + 2);
    again.load(bench.save(), 64, 4);
    EXPECT_TRUE(torch::equal(again.predict(task(0)), bench.predict(task(0))));
    EXPECT_EQ(again.save(), bench.save()) << "predict changed the state";
    bench.train(task(2), 6);
    again.train(task(2), 6);
    EXPECT_EQ(again.save(), bench.save()) << "with the optimiser's moments";
  }
}

TEST(Dap, InitialPromptsAreThoseBeforeTraining) {
  Bench bench(settings({{"test_prompts", choice("initial")}}), small_weights()), trained(settings(), small_weights()),
      untrained(settings({{"epochs", value(int64_t{0})}}), small_weights());
  for (Bench* one : {&bench, &trained, &untrained}) learn(*one, 2);
  EXPECT_EQ(bench.save(), trained.save()) << "training knows nothing of it";
  State mixed = state_of(untrained);  // prompts as drawn, keys and head as trained
  mixed.tasks.keys = state_of(bench).tasks.keys;
  mixed.head = state_of(bench).head;
  untrained.load(clb::testing::saved(mixed), 1 << 20, 4);
  EXPECT_TRUE(torch::equal(bench.predict(task(1)), untrained.predict(task(1))));
  EXPECT_FALSE(torch::allclose(bench.predict(task(1)), trained.predict(task(1)), 1e-3, 1e-3));
}

}  // namespace
