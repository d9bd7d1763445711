// APG against TOM-tym/APG (fixture "apg"): through the plugin's own table what it can be given, by its parts what it draws at random. And
// the invariants of its chapter.
#include "apg.cpp"

#include "golden/golden.hpp"
#include "nn/golden_modules.hpp"
#include "support/small_vit.hpp"

namespace {

using clb::golden::any_numbers;
using clb::golden::Golden;
using clb::nn::attention_loss;
using clb::nn::AttentionPrompt;
using clb::nn::joined_proxies;
using clb::nn::norm_loss;
using clb::nn::TokensOfTask;
using clb::testing::BenchWeights;
using clb::testing::choice;
using clb::testing::kSmallVit;
using clb::testing::Samples;
using clb::testing::Settings;
using clb::testing::small_vit;
using clb::testing::small_weights;
using clb::testing::value;
using clb::testing::with;
using Bench = clb::testing::MethodBench<Apg>;

// The plugin's state as its members.
struct State {
  AttentionPrompt generator;
  std::vector<TokensOfTask> tokens;
  std::vector<int64_t> behind;
  clb::nn::GrowingLinear classifier;
  clb::nn::KnowledgePool pool;
  clb::Task task;

  State(int64_t dim, int64_t heads) : generator(dim, heads, 0, any_numbers()), classifier({.dim = dim}, any_numbers()) {}
  void state(clb::Archive& a) {
    task.state(a);
    a("generator", generator)("tokens", tokens, [] { return TokensOfTask(); })("behind", behind)("classifier", classifier);
    a("pool.low", pool.low)("pool.features", pool.features)("pool.prompts", pool.prompts)("pool.tasks", pool.tasks);
  }
  Tensor bank() const {
    std::vector<Tensor> rows;
    for (const TokensOfTask& of_task : tokens) rows.push_back(of_task.rows);
    return at::cat(rows);
  }
};

// The fixture. Its names: apg.<generator>, apg.tokens.<task>, classifier.<weight or bias>.<task>.

int64_t whole(const Golden& g, const char* name) { return g.config()[name].get<int64_t>(); }
double real(const Golden& g, const char* name) { return g.config()[name].get<double>(); }

BenchWeights weights_of(const Golden& g) { return {.tensors = g.with_prefix("vit."), .heads = whole(g, "heads")}; }
clb::nn::Vit vit_of(const Golden& g) { return clb::nn::Vit(g.with_prefix("vit."), {.heads = whole(g, "heads")}); }

// The state of `tasks` tasks. `at`: where a tensor is; those that are not there are as they were before.
State state_at(const Golden& g, const std::string& at, int64_t tasks) {
  State state(whole(g, "D"), whole(g, "apg_heads"));
  const auto of = [&](const std::string& name, bool is_new = false) {
    for (const std::string& from : {at, std::string(is_new ? "param1.new." : "t0.after1."), std::string("param0.")})
      if (g.has(from + name)) return g[from + name];
    throw std::out_of_range(name);
  };
  state.generator.parameters([&](const std::string& name, Tensor& t) { t = of("apg." + name).requires_grad_(); });
  std::map<std::string, std::vector<Tensor>> rows;
  int64_t classes = 0;
  for (int64_t t = 0; t < tasks; ++t) {
    const std::string number = std::to_string(t);
    state.tokens.emplace_back().rows = of("apg.tokens." + number, t > 0).requires_grad_(t + 1 == tasks);
    classes += whole(g, t == 0 ? "C0" : "C1");
    state.behind.push_back(classes);
    for (const char* part : {"weight", "bias"}) rows[part].push_back(of("classifier." + std::string(part) + "." + number, t > 0));
  }
  state.classifier.parameters([&](const std::string& name, Tensor& t) { t = at::cat(rows.at(name)).requires_grad_(); });
  state.task.index = tasks - 1;
  state.task.classes_seen = classes;
  return state;
}

// Calls visit(name of the fixture, tensor or a part of it).
void visit(State& state, const Golden& g, const std::function<Tensor(const Tensor&)>& what,
           const std::function<void(const std::string&, const Tensor&)>& visit) {
  state.generator.parameters([&](const std::string& name, Tensor& t) { visit("apg." + name, what(t)); });
  for (size_t t = 0; t < state.tokens.size(); ++t)
    if (state.tokens[t].rows.requires_grad()) visit("apg.tokens." + std::to_string(t), what(state.tokens[t].rows));
  state.classifier.parameters([&](const std::string& name, Tensor& t) {
    for (size_t k = 0; k < state.tokens.size(); ++k) {
      const int64_t proxies = whole(g, "proxies"), first = k == 0 ? 0 : state.behind[k - 1] * proxies, end = state.behind[k] * proxies;
      visit("classifier." + name + "." + std::to_string(k), what(t).narrow(0, first, end - first));
    }
  });
}

// The soft triplet of the released objective, whose gradient is zero: not in the plugin, but in the fixture's loss.
Tensor triplet(const Tensor& raw, const Tensor& labels) {
  const Tensor rows = raw.squeeze(2).narrow(2, 1, raw.size(3) - 1).flatten(0, 1), of = labels.repeat_interleave(raw.size(1));
  const Tensor logs = rows.log_softmax(1), p = logs.exp();
  const Tensor apart = (p.unsqueeze(0) * ((p.unsqueeze(0) + 1e-7).log() - logs.unsqueeze(1))).sum(2);  // [i, j]
  const Tensor same = of.unsqueeze(1).eq(of.unsqueeze(0));
  const double far = std::numeric_limits<double>::infinity();
  const Tensor both = at::stack({std::get<0>(apart.masked_fill(~same, -far).max(1)), std::get<0>(apart.masked_fill(same, far).min(1))}, 1);
  return -(both.softmax(1).detach() * both.log_softmax(1)).sum(1).mean();
}

struct Forward {
  Forward(const Golden& g, const State& state, const Tensor& images) {
    const clb::nn::Vit vit = vit_of(g);
    const int64_t lower = whole(g, "split") + 1;
    low = vit.embed(images);
    for (int64_t i = 0; i < lower; ++i) low = vit.block(i, low);
    made = state.generator(low.select(1, 0), state.bank());
    Tensor x = clb::nn::insert_rows(low, 1, made.prompt);
    for (int64_t i = lower; i < vit.shape().depth; ++i) x = vit.block(i, x);
    feature = vit.norm(x).select(1, 0);
    logits = joined_proxies(state.classifier(feature), whole(g, "proxies"));
  }
  Tensor low, feature, logits;
  AttentionPrompt::Made made;
};

struct PoolLoss {
  PoolLoss(const Golden& g, const State& state) {
    prompt = state.generator(g["in.pool_low"], state.bank()).prompt;
    logits = joined_proxies(state.classifier(g["in.pool_feat"]), whole(g, "proxies"));
    l1 = at::l1_loss(prompt, g["in.pool_prompt"]);
    ce = at::cross_entropy_loss(logits, g["in.pool_y"]);
  }
  Tensor prompt, logits, l1, ce;
};

void compare_gradients(Golden& g, const std::string& at, State& state) {
  visit(
      state, g, [](const Tensor& t) { return t.grad().defined() ? t.grad() : torch::zeros_like(t); },
      [&](const std::string& name, const Tensor& gradient) {
        if (!g.has(at + name)) return;
        if (name.ends_with("attn.k.bias")) {
          g.close_to(at + name, g[at + name], gradient, 1e-6);  // zero but for rounding
        } else {
          g.near(at + name, gradient);
        }
      });
}

void check_task(Golden& g, int64_t task) {
  const std::string t = std::to_string(task), at = "t" + t + ".train.";
  State state = state_at(g, task == 0 ? "param0." : "t0.after1.", task + 1);
  const Tensor labels = g["in.y" + t];
  Forward pass(g, state, g["in.x" + t]);
  g.near(at + "low_level", pass.low);
  g.near(at + "raw_attention", pass.made.raw);
  g.near(at + "prompt", pass.made.prompt);
  g.near(at + "feature", pass.feature);
  g.near(at + "logits", pass.logits);
  const Tensor soft = clb::nn::soft_cross_entropy(pass.logits, g["in.soft" + t]), attention = attention_loss(pass.made.raw, labels);
  const Tensor norms = norm_loss(pass.made.prompt, pass.low, real(g, "norm_coef"), real(g, "norm_scale"));
  g.near(at + "soft_ce", soft);
  g.near(at + "attention_ce", attention);
  g.near(at + "norm_term", norms);
  g.near(at + "norm_term_if_scale_half", norm_loss(pass.made.prompt, pass.low, real(g, "norm_coef"), 0.5));
  g.near(at + "prompt_l1", norm_loss(pass.made.prompt, pass.low, 1, 0));
  g.near(at + "token_l1", norm_loss(pass.low, pass.low, 1, 0));
  Tensor loss = soft + attention + norms;
  if (task > 0) {
    const PoolLoss pool(g, state);
    g.near(at + "pool_prompt", pool.prompt);
    g.near(at + "pool_logits", pool.logits);
    g.near(at + "pool_l1", pool.l1);
    g.near(at + "pool_ce", pool.ce);
    loss = loss + pool.l1 + pool.ce;
  }
  const Tensor of_triplet = triplet(pass.made.raw, labels);
  g.near(at + "triplet_value", of_triplet);
  g.near(at + "loss", loss + of_triplet);

  clb::nn::List<TokensOfTask> tokens(state.tokens);
  clb::nn::Trainer trainer({.optimizer = "adamw", .lr = real(g, "lr"), .weight_decay = real(g, "wd")},
                           {state.generator, tokens, state.classifier}, 1);
  trainer.step(loss);
  compare_gradients(g, at + "grad.", state);
  visit(
      state, g, [](const Tensor& p) { return p; },
      [&](const std::string& name, const Tensor& now) {
        if (!name.ends_with("attn.k.bias")) g.near("t" + t + ".after1." + name, now, 2e-5);
      });
  if (task > 0) g.equal("t" + t + ".after1.apg.tokens.0", state.tokens[0].rows);
}

// Through the plugin's table: logits with and without prompts.
void check_test(Golden& g) {
  for (const bool plain : {false, true}) {
    State state = state_at(g, "t1.after1.", 2);
    state.task.index = plain ? 0 : 1;  // as released, no prompts after the first task
    Bench bench({{"lower_blocks", value(whole(g, "split") + 1)},
                 {"generator_heads", value(whole(g, "apg_heads"))},
                 {"proxies", value(whole(g, "proxies"))}},
                weights_of(g));
    bench.load(clb::testing::saved(state), 1 << 20, state.task.classes_seen);
    const Tensor query = vit_of(g).query(g["in.x0"]), logits = bench.predict({.features = query, .images = g["in.x0"]});
    const std::string at = plain ? "test.off." : "test.";
    g.near(at + "logits", logits);
    g.near(at + "feature", plain ? query : Forward(g, state, g["in.x0"]).feature);
    if (!plain) g.near(at + "prompt", Forward(g, state, g["in.x0"]).made.prompt);
    if (!plain) g.equal(at + "pred", logits.argmax(1));
  }
}

TEST(Apg, EqualsTheReference) {
  CLB_GOLDEN(g, "apg");
  check_task(g, 0);
  check_task(g, 1);
  check_test(g);
  State tuned = state_at(g, "t1.after1.", 2);
  const PoolLoss pool(g, tuned);
  g.near("finetune.l1", pool.l1);
  g.near("finetune.ce", pool.ce);
  g.near("finetune.loss", pool.l1 + pool.ce);
  (pool.l1 + pool.ce).backward();
  compare_gradients(g, "finetune.grad.", tuned);
  const auto gaussian = clb::nn::gaussians_of(0, g["stat.features"], {.covariance = "full"}, any_numbers()).front();
  g.near("stat.mean", gaussian.mean);
  g.near("stat.covariance", gaussian.covariance);
  g.expect_all_compared({"vit.", "in.", "param0.", "param1.new.", "stat.features"});
}

// Two classes a task.

Samples task(int64_t index, int64_t n = 12) {
  Samples samples = clb::testing::small_task(index, n);
  samples.features = small_vit().query(samples.images);
  return samples;
}

Settings settings(const Settings& changes = {}) {
  return with({{"lower_blocks", value(int64_t{1})},
               {"generator_heads", value(int64_t{2})},
               {"generator_dropout", value(0.0)},
               {"proxies", value(int64_t{3})},
               {"epochs", value(int64_t{3})},
               {"batch_size", value(int64_t{5})},
               {"lr", value(0.01)},
               {"schedule", choice("constant")},
               {"pool_items", value(int64_t{8})},
               {"pool_each", value(int64_t{2})},
               {"pool_per_class", value(int64_t{8})},
               {"tune_epochs", value(int64_t{2})},
               {"tune_epochs_more", value(int64_t{1})},
               {"tune_warmup_epochs", value(int64_t{0})},
               {"tune_lr", value(0.01)}},
              changes);
}

State state_of(Bench& bench) {
  State state(kSmallVit.dim, 2);
  clb::testing::load(state, bench.save());
  return state;
}

void learn(Bench& bench, int64_t first, int64_t end) {
  for (int64_t t = first; t < end; ++t) bench.train(task(t), 2 * t + 2);
}

// Invariants 1 and 3.
TEST(Apg, TokensOfOldTasksAndTheNetworkStandStill) {
  Bench bench(settings(), small_weights());
  std::vector<Tensor> before;
  for (int64_t t = 0; t < 3; ++t) {
    learn(bench, t, t + 1);
    State state = state_of(bench);
    ASSERT_EQ(state.tokens.size(), static_cast<size_t>(t + 1));
    for (size_t k = 0; k < before.size(); ++k) EXPECT_TRUE(torch::equal(state.tokens[k].rows, before[k])) << k;
    EXPECT_EQ(state.tokens.back().rows.sizes(), torch::IntArrayRef({2, kSmallVit.dim}));
    before.push_back(state.tokens.back().rows);
    EXPECT_EQ(bench.metrics.at("updates")[0].second, 9);
    const int64_t generator = 4 * (24 * 24 + 24) + 4 * (24 * 24 + 24) + 2 * 24, classifier = (2 * t + 2) * 3 * 25;
    EXPECT_EQ(bench.metrics.at("trainable_parameters")[0].second, static_cast<double>(generator + 2 * 24 + classifier));
    EXPECT_EQ(state.pool.size(), 2 * t + 2);
    EXPECT_EQ(bench.metrics.contains("tuning/updates"), t > 0);
    if (t == 0) continue;
    EXPECT_EQ(bench.metrics.at("tuning/updates")[0].second, static_cast<double>((2 + t) * (2 * t + 2))) << "epochs times updates";
    for (const char* name : {"prompt_distance/trained", "prompt_distance/tuned"}) EXPECT_GT(bench.metrics.at(name)[0].second, 0);
  }
}

// Invariant 2.
TEST(Apg, AfterTheFirstTaskThereIsNoPromptUnlessAskedFor) {
  for (const bool plain : {true, false}) {
    Bench bench(settings({{"plain_first_task", value(plain)}}), small_weights());
    learn(bench, 0, 1);
    State state = state_of(bench);
    const Tensor expected = joined_proxies(state.classifier(task(0).features), 3);
    EXPECT_EQ(torch::allclose(bench.predict(task(0)), expected, 1e-5, 1e-5), plain);
    learn(bench, 1, 2);
    const Tensor logits = bench.predict(task(0));
    EXPECT_FALSE(torch::allclose(logits, joined_proxies(state_of(bench).classifier(task(0).features), 3), 1e-5, 1e-5));
  }
}

// Invariant 4.
TEST(Apg, ProxiesOfAClass) {
  const Tensor logits = at::randn({4, 5}, at::detail::createCPUGenerator(1));
  EXPECT_TRUE(torch::equal(joined_proxies(logits, 1), logits));
  EXPECT_TRUE(torch::allclose(joined_proxies(logits.repeat_interleave(3, 1), 3), logits));
  EXPECT_EQ(joined_proxies(logits, 5).sizes(), torch::IntArrayRef({4, 1}));
}

// Invariant 5.
TEST(Apg, TheReleasedTripletHasNoGradient) {
  Tensor raw = at::randn({4, 2, 1, 4}, at::detail::createCPUGenerator(1)).requires_grad_();
  triplet(raw, torch::tensor({0, 1, 2, 0})).backward();
  EXPECT_LE(raw.grad().abs().max().item<double>(), 1e-6);
}

// Invariant 7.
TEST(Apg, WhatThePoolDrawsHasTheMomentsOfTheClasses) {
  for (const char* covariance : {"full", "diagonal"}) {
    Bench bench(settings({{"covariance", choice(covariance)}}), small_weights());
    learn(bench, 0, 1);
    clb::nn::KnowledgePool pool = state_of(bench).pool;
    const clb::nn::KnowledgePool::Rows drawn = pool.draw(2, 400, 50, any_numbers());
    ASSERT_EQ(drawn.labels.numel(), 20000);
    for (int64_t label = 0; label < 2; ++label) {
      const Tensor rows = drawn.labels.eq(label).nonzero().squeeze(1), features = drawn.features.index_select(0, rows).to(torch::kFloat64);
      const auto& of = pool.features[static_cast<size_t>(label)];
      EXPECT_EQ(of.label, label);
      EXPECT_GT(rows.numel(), 8000);
      const double spread = features.var(0).sqrt().max().item<double>();
      EXPECT_LE((features.mean(0) - of.mean).abs().max().item<double>(), 0.06 * spread + 1e-3);
      const Tensor variances = of.covariance.dim() == 1 ? of.covariance : of.covariance.diagonal();
      EXPECT_LE((features.var(0) - variances).abs().max().item<double>(), 0.1 * spread * spread);
      EXPECT_TRUE(torch::equal(drawn.prompts.index_select(0, rows)[0][0], pool.prompts[static_cast<size_t>(label)]));
    }
  }
}

// The pool is what holds old prompts where they were.
TEST(Apg, WithoutThePoolOldPromptsMoveFurther) {
  double distance[2];
  for (const bool with_pool : {false, true}) {
    Bench bench(settings({{"pool_in_training", value(with_pool)}, {"fine_tune", value(with_pool)}, {"epochs", value(int64_t{20})}}),
                small_weights());
    learn(bench, 0, 2);
    distance[with_pool] = bench.metrics.at(with_pool ? "prompt_distance/tuned" : "prompt_distance/trained")[0].second;
  }
  std::printf("  distance of old prompts without the pool %.4f, with it %.4f\n", distance[0], distance[1]);
  EXPECT_LT(distance[1], distance[0]);
}

TEST(Apg, APredictionDoesNotDependOnTheBatch) {
  Bench bench(settings(), small_weights());
  learn(bench, 0, 2);
  const Samples all = task(0).with(task(1));
  const Tensor together = bench.predict(all);
  for (int64_t k = 0; k < together.size(0); ++k)
    EXPECT_LE((bench.predict(all.rows(torch::tensor({k}))) - together.narrow(0, k, 1)).abs().max().item<double>(), 1e-4);
}

TEST(Apg, BlocksBeforeThePromptAreSharedByEpochsWhoseImagesStayTheSame) {
  for (const bool mixed : {false, true}) {
    const auto learned = [&](bool repeats) {
      const double alpha = mixed ? 0.8 : 0;
      Bench bench(settings({{"mixup", value(alpha)}, {"cutmix", value(alpha)}}), small_weights());
      bench.repeats = repeats;
      learn(bench, 0, 2);
      return bench.predict(task(0).with(task(1)));
    };
    EXPECT_TRUE(torch::allclose(learned(true), learned(false), 1e-3, 1e-4)) << mixed;
  }
}

// The ablation "no prompt, same classifier, same updates".
TEST(Apg, WithoutAPromptItIsAClassifierOnTheFrozenNetwork) {
  Bench bench(settings({{"prompt", value(false)}}), small_weights());
  learn(bench, 0, 2);
  EXPECT_EQ(bench.metrics.at("updates")[0].second, 9);
  EXPECT_EQ(bench.metrics.at("trainable_parameters")[0].second, 4 * 3 * 25);
  Samples test = task(1);
  test.images = Tensor();
  EXPECT_TRUE(torch::allclose(bench.predict(test), joined_proxies(state_of(bench).classifier(test.features), 3), 1e-5, 1e-5));
}

// Classes that come again in another domain: no new tokens, statistics of their own, and their tokens learn on.
TEST(Apg, ClassesThatComeAgain) {
  Bench bench(settings(), small_weights());
  bench.train(task(0), 2, {0, 1});
  const Tensor before = state_of(bench).tokens[0].rows;
  Samples again = task(0);
  again.images = again.images + 1;
  bench.train(again, 2, {0, 1});
  State state = state_of(bench);
  EXPECT_EQ(state.bank().size(0), 2);
  EXPECT_EQ(state.pool.size(), 4);
  EXPECT_FALSE(torch::equal(state.tokens[0].rows, before));
  EXPECT_EQ(bench.predict(again).sizes(), torch::IntArrayRef({12, 2}));
}

TEST(Apg, WhatCannotBeIsRefused) {
  EXPECT_THROW(Bench(settings({{"generator_heads", value(int64_t{5})}}), small_weights()), clb::PluginError);
  EXPECT_THROW(Bench(settings({{"lower_blocks", value(int64_t{2})}}), small_weights()), clb::PluginError);
}

TEST(Apg, SavedStatePredictsAndLearnsOnTheSame) {
  Bench bench(settings(), small_weights()), again(settings(), small_weights());
  learn(bench, 0, 2);
  learn(again, 0, 2);
  again.load(bench.save(), 64, 4);
  EXPECT_TRUE(torch::equal(again.predict(task(0)), bench.predict(task(0))));
  EXPECT_EQ(again.save(), bench.save()) << "predict changed the state";
  learn(bench, 2, 3);
  learn(again, 2, 3);
  EXPECT_EQ(again.save(), bench.save());
}

TEST(Apg, InitialPromptsAreThoseBeforeTraining) {
  Bench bench(settings({{"test_prompts", choice("initial")}}), small_weights()), trained(settings(), small_weights()),
      untrained(settings({{"epochs", value(int64_t{0})}, {"fine_tune", value(false)}}), small_weights());
  for (Bench* one : {&bench, &trained, &untrained}) learn(*one, 0, 2);
  EXPECT_EQ(bench.save(), trained.save()) << "training knows nothing of it";
  State mixed = state_of(untrained);  // prompts as drawn, the classifier as trained
  mixed.classifier = state_of(bench).classifier;
  untrained.load(clb::testing::saved(mixed), 1 << 20, 4);
  EXPECT_TRUE(torch::allclose(bench.predict(task(1)), untrained.predict(task(1)), 1e-5, 1e-5));
  EXPECT_FALSE(torch::allclose(bench.predict(task(1)), trained.predict(task(1)), 1e-3, 1e-3));
}

}  // namespace
