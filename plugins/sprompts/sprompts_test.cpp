// S-iPrompts against iamwangyabin/S-Prompts (fixture "siprompts"), through the plugin's own table, and the invariants of its chapter.
#include <clb/nn/tensors.hpp>

#include "golden/golden.hpp"
#include "sprompts_bench.hpp"

namespace {

using clb::golden::Golden;
using clb::testing::BenchWeights;
using clb::testing::kSmallVit;
using clb::testing::small_vit;
using clb::testing::small_weights;

std::vector<int64_t> numbers(int64_t first, int64_t count) {
  std::vector<int64_t> list(static_cast<size_t>(count));
  std::iota(list.begin(), list.end(), first);
  return list;
}

// The fixture.

int64_t whole(const Golden& g, const char* name) { return g.config()[name].get<int64_t>(); }
double real(const Golden& g, const char* name) { return g.config()[name].get<double>(); }

Settings settings_of(const Golden& g) {
  return {{"prompt_length", value(whole(g, "Lp"))},
          {"clusters", value(whole(g, "n_cluster"))},
          {"batch_size", value(whole(g, "B"))},
          {"epochs", value(whole(g, "epochs"))},
          {"lr", value(real(g, "lr"))},
          {"weight_decay", value(real(g, "wd"))},
          {"first_epochs", value(whole(g, "epochs"))},
          {"first_lr", value(real(g, "init_lr"))},
          {"first_weight_decay", value(real(g, "init_wd"))}};
}

BenchWeights weights_of(const Golden& g) { return {.tensors = g.with_prefix("vit."), .heads = whole(g, "heads")}; }
clb::nn::Vit vit_of(const Golden& g) { return clb::nn::Vit(g.with_prefix("vit."), {.heads = whole(g, "heads")}); }

// All sessions, as the reference makes them before the first; centroids of those before `session`.
State state_at(const Golden& g, const std::string& at, int64_t known) {
  State state;
  for (int64_t s = 0; s < g[at + "prompt"].size(0); ++s) {
    Session& session = state.sessions.emplace_back(any_session(/*with_texts=*/false));
    session.parameters([&](const std::string& name, Tensor& t) { t = g[at + name][s].clone().requires_grad_(); });
  }
  for (int64_t s = 0; s < known; ++s) state.centroids.push_back(g["cluster.centroids"][s]);
  return state;
}

void expect_state(Golden& g, const std::string& at, State& state) {
  std::map<std::string, std::vector<Tensor>> rows;
  for (Session& session : state.sessions) session.parameters([&](const std::string& name, Tensor& t) { rows[name].push_back(t.detach()); });
  for (const auto& [name, list] : rows) g.near(at + name, at::stack(list));
}

// Domain-incremental: the labels of every session are the same.
Samples batch_of(const Golden& g, int64_t session) {
  const std::string s = std::to_string(session);
  return {.images = g["in.x" + s], .labels = g["in.y" + s].remainder(whole(g, "K"))};
}

// Trains `session` from the state at `start`; the tasks before it, which the bench counts, are forgotten by loading.
State trained(const Golden& g, Bench& bench, int64_t session, State start) {
  const int64_t k = whole(g, "K");
  for (int64_t s = 0; s < session; ++s) bench.train(batch_of(g, s), k, numbers(0, k));
  bench.load(clb::testing::saved(start), 1 << 20, k);
  bench.train(batch_of(g, session), k, numbers(0, k));
  State state = state_of(bench);
  for (size_t s = 0; s < start.sessions.size(); ++s) {  // the others are as they were
    std::vector<Tensor> before;
    start.sessions[s].parameters([&](const std::string&, Tensor& t) { before.push_back(t); });
    size_t i = 0;
    state.sessions[s].parameters(
        [&](const std::string&, Tensor& t) { EXPECT_EQ(torch::equal(t, before[i++]), static_cast<int64_t>(s) != session); });
  }
  return state;
}

void check_session(Golden& g, int64_t session, const std::string& start) {
  const std::string at = "s" + std::to_string(session) + ".", images = "in.x" + std::to_string(session);
  const int64_t epochs = whole(g, "epochs");
  const clb::nn::Vit vit = vit_of(g);
  const bool first = session == 0;
  const clb::nn::FitOptions options{.optimizer = "sgd",
                                    .lr = real(g, first ? "init_lr" : "lr"),
                                    .momentum = 0.9,
                                    .weight_decay = real(g, first ? "init_wd" : "wd"),
                                    .epochs = epochs,
                                    .schedule = "cosine"};
  std::vector<double> rates;
  for (int64_t e = 0; e < epochs; ++e)
    rates.push_back(clb::nn::learning_rate(options, static_cast<double>(e), static_cast<double>(epochs)));
  g.near(at + "lr", torch::tensor(rates), 0);

  const Settings plain{{"epochs", value(int64_t{1})},
                       {"first_epochs", value(int64_t{1})},
                       {"lr", value(1.0)},
                       {"first_lr", value(1.0)},
                       {"momentum", value(0.0)},
                       {"weight_decay", value(0.0)},
                       {"first_weight_decay", value(0.0)}};
  State before = state_at(g, start, session);
  Bench gradient(with(settings_of(g), plain), weights_of(g));
  State after = trained(g, gradient, session, state_at(g, start, session));
  g.near(at + "train.block0_input",
         clb::nn::PrependedPrompts(before.sessions[static_cast<size_t>(session)].prompt).before_block(0, vit.embed(g[images])));
  for (const char* name : {"feature", "logits", "loss"}) g.near(at + "train." + name, gradient.traced.at(name));
  std::map<std::string, Tensor> was;
  before.sessions[static_cast<size_t>(session)].parameters([&](const std::string& name, Tensor& t) { was[name] = t.detach(); });
  after.sessions[static_cast<size_t>(session)].parameters(
      [&](const std::string& name, Tensor& t) { g.near(at + "train.grad." + name, was[name] - t.detach()); });

  // Through the plugin where a run of so many epochs has the same rates; the epochs between by the same steps.
  for (int64_t e = 1; e <= epochs; ++e) {
    const std::string name = at + "after" + std::to_string(e) + ".";
    if (e == 1 || e == epochs) {
      Bench bench(with(settings_of(g), {{"epochs", value(e)}, {"first_epochs", value(e)}}), weights_of(g));
      State state = trained(g, bench, session, state_at(g, start, session));
      expect_state(g, name, state);
      EXPECT_EQ(bench.metrics.at("updates")[0].second, static_cast<double>(e));
      EXPECT_GE(bench.metrics.at("relative_change")[0].second, 1e-3);
      continue;
    }
    State state = state_at(g, start, session);
    Session& own = state.sessions[static_cast<size_t>(session)];
    clb::nn::Trainer trainer(options, {own}, 1);
    for (int64_t k = 0; k < e; ++k) {
      const Tensor feature = vit.cls(g[images], clb::nn::PrependedPrompts(own.prompt));
      trainer.step(at::cross_entropy_loss(own.head(feature), batch_of(g, session).labels));
    }
    expect_state(g, name, state);
  }
}

void check_test(Golden& g, const std::string& at) {
  const int64_t k = whole(g, "K"), sessions = whole(g, "S");
  const clb::nn::Vit vit = vit_of(g);
  const Tensor query = vit.query(g["in.xt"]);
  g.near("test.feature_normed", clb::nn::unit_rows(query));
  const auto predicted = [&](bool by_domain) {
    State state = state_at(g, at, sessions);
    for (int64_t s = 0; s < sessions; ++s) state.labels.push_back(torch::arange(k) + (by_domain ? 0 : s * k));
    state.task.classes_seen = by_domain ? k : k * sessions;
    Bench bench(settings_of(g), weights_of(g));
    bench.load(clb::testing::saved(state), 1 << 20, state.task.classes_seen);
    const Tensor logits = bench.predict({.features = query, .images = g["in.xt"]});
    g.equal("test.session", bench.traced.at("session"));
    return logits;
  };
  const Tensor logits = predicted(true), pred = logits.argmax(1);
  g.near("test.logits", logits);
  g.equal("test.pred", pred);
  g.equal("test.correct", pred.eq(g["in.yt"].remainder(k)));
  EXPECT_TRUE(torch::equal(predicted(false).argmax(1), g["test.session"] * k + pred)) << "class-incremental";
}

TEST(SPrompts, EqualsTheReference) {
  CLB_GOLDEN(g, "siprompts");
  std::string start = "param.";
  for (int64_t s = 0; g.has("s" + std::to_string(s) + ".train.loss"); ++s) {
    check_session(g, s, start);
    start = "s" + std::to_string(s) + ".after" + std::to_string(whole(g, "epochs")) + ".";
  }
  check_test(g, start);
  // tests/nn/domain_centroids_test.cpp compares what concerns centroids alone.
  g.expect_all_compared({"vit.", "in.", "param.", "cluster.", "lloyd.", "test.l1_", "test.session_"});
}

// Made domains.

Samples domain(int64_t index, int64_t n = 12) {
  Samples samples = tinted(index, n);
  samples.features = small_vit().query(samples.images);
  return samples;
}

Samples classes(int64_t index, int64_t n = 12) {
  Samples samples = domain(index, n);
  samples.labels = samples.labels + 2 * index;
  return samples;
}

void learn_domains(Bench& bench, int64_t first, int64_t end) {
  for (int64_t t = first; t < end; ++t) bench.train(domain(t), 2, {0, 1});
}

TEST(SPrompts, ATaskTouchesNothingOfTheOthers) {
  Bench bench(settings(), small_weights());
  std::vector<std::vector<Tensor>> before;
  std::vector<Tensor> centroids;
  for (int64_t t = 0; t < 4; ++t) {
    learn_domains(bench, t, t + 1);
    State state = state_of(bench);
    ASSERT_EQ(state.sessions.size(), static_cast<size_t>(t + 1));
    for (size_t s = 0; s < before.size(); ++s) {
      EXPECT_TRUE(torch::equal(state.centroids[s], centroids[s])) << s;
      size_t i = 0;
      state.sessions[s].parameters([&](const std::string& name, Tensor& p) { EXPECT_TRUE(torch::equal(p, before[s][i++])) << s << name; });
    }
    before.emplace_back();
    state.sessions.back().parameters([&](const std::string&, Tensor& p) { before.back().push_back(p); });
    centroids = state.centroids;
    EXPECT_EQ(clb::nn::trained_numbers(state.sessions.back()), 0) << "frozen";
    EXPECT_EQ(bench.metrics.at("trainable_parameters")[0].second, 3 * 24 + 2 * 24 + 2);
    EXPECT_GT(bench.metrics.at("relative_change")[0].second, 0.01);
  }
}

TEST(SPrompts, ToldTheDomainNothingIsForgotten) {
  Bench bench(settings({{"route", choice("oracle")}}), small_weights());
  learn_domains(bench, 0, 1);
  const Tensor logits = bench.predict(domain(0));
  for (int64_t t = 1; t < 4; ++t) {
    learn_domains(bench, t, t + 1);
    EXPECT_TRUE(torch::equal(bench.predict(domain(0)), logits)) << t;
  }
  EXPECT_EQ(bench.metrics.at("domain_id/samples")[0].second, 12);
  EXPECT_EQ(bench.metrics.at("domain_id/right")[0].second, 12) << "tints are easy to tell";
  Samples to_come = domain(5);  // has no session: the nearest one answers
  const Tensor nearest = bench.predict(to_come);
  EXPECT_EQ(bench.metrics.at("domain_id/samples").back().second, 0);
  EXPECT_TRUE(nearest.isfinite().all().item<bool>());
  to_come.tasks = Tensor();
  EXPECT_THROW(bench.predict(to_come), clb::PluginError);
}

TEST(SPrompts, TheNearestCentroidFindsTheDomain) {
  for (const char* view : {"train", "eval"}) {
    Bench bench(settings({{"centroid_view", choice(view)}}), small_weights());
    learn_domains(bench, 0, 3);
    for (int64_t t = 0; t < 3; ++t) {
      bench.predict(domain(t, 20));
      EXPECT_TRUE(bench.traced.at("session").eq(t).all().item<bool>()) << t;
    }
    EXPECT_EQ(bench.metrics.at("domain_id/train")[0].second, 1);
    std::vector<std::pair<int64_t, double>> usage{{0, 12}, {1, 12}, {2, 12}};
    EXPECT_EQ(bench.metrics.at("usage/session/0"), usage) << "of all tasks so far";
  }
}

// Invariant 5: with one session there is nothing to find out.
TEST(SPrompts, OneSessionIsItsPromptsAndItsHead) {
  Bench bench(settings(), small_weights());
  learn_domains(bench, 0, 1);
  State state = state_of(bench);
  const Samples test = domain(1, 7);
  const Tensor feature = small_vit().cls(test.images, clb::nn::PrependedPrompts(state.sessions[0].prompt));
  EXPECT_TRUE(torch::allclose(bench.predict(test), state.sessions[0].head(feature), 1e-5, 1e-6));
  EXPECT_FALSE(bench.metrics.contains("usage/session/0")) << "one session is no choice";
}

TEST(SPrompts, APredictionDoesNotDependOnTheBatch) {
  Bench bench(settings(), small_weights());
  learn_domains(bench, 0, 3);
  const Samples all = domain(0).with(domain(1)).with(domain(2));
  const Tensor together = bench.predict(all);
  for (int64_t k = 0; k < together.size(0); ++k) {
    const Tensor alone = bench.predict(all.rows(torch::tensor({k})));
    EXPECT_LE((alone - together.narrow(0, k, 1)).abs().max().item<double>(), 1e-5) << k;
  }
}

TEST(SPrompts, ClassIncrementalEachTaskHasItsClasses) {
  Bench bench(settings(), small_weights());
  for (int64_t t = 0; t < 3; ++t) bench.train(classes(t), 2 * t + 2);
  const Tensor logits = bench.predict(classes(1));
  EXPECT_EQ(logits.sizes(), torch::IntArrayRef({12, 6}));
  EXPECT_TRUE(logits.isfinite().all().item<bool>());
  EXPECT_TRUE(torch::equal(logits.argmax(1).div(2, "floor"), bench.traced.at("session")));
  EXPECT_EQ(logits.lt(-1e10).sum().item<int64_t>(), 12 * 4);
}

// Tasks of 1, 3 and 2 classes, one image each.
TEST(SPrompts, TasksOfAnySizeAndSingleImages) {
  Bench bench(settings(), small_weights());
  int64_t seen = 0;
  for (const int64_t count : {1, 3, 2}) {
    const Tensor noise = at::rand({count, 3, 16, 16}, at::detail::createCPUGenerator(static_cast<uint64_t>(seen)));
    seen += count;
    bench.train({.images = noise + static_cast<double>(seen), .labels = torch::arange(seen - count, seen)}, seen);
    const Tensor logits = bench.predict({.features = small_vit().query(noise), .images = noise});
    EXPECT_EQ(logits.sizes(), torch::IntArrayRef({count, seen}));
  }
  State state = state_of(bench);
  EXPECT_EQ(state.centroids[1].size(0), 3) << "no more centroids than images";
  EXPECT_EQ(state.sessions[1].head.classes(), 3);
}

// The ablation "no prompt, same head": frozen features, which the host serves.
TEST(SPrompts, WithoutPromptsAHeadOnFrozenFeatures) {
  Bench bench(settings({{"prompt_length", value(int64_t{0})}}), small_weights());
  learn_domains(bench, 0, 2);
  EXPECT_EQ(bench.metrics.at("trainable_parameters")[0].second, 2 * 24 + 2);
  EXPECT_EQ(bench.metrics.at("updates")[0].second, 12);
  State state = state_of(bench);
  Samples test = domain(1);
  test.images = Tensor();
  EXPECT_TRUE(torch::allclose(bench.predict(test), state.sessions[1].head(test.features), 1e-5, 1e-6));
}

TEST(SPrompts, RandomRoutesAreRandom) {
  Bench bench(settings({{"route", choice("random")}}), small_weights());
  learn_domains(bench, 0, 3);
  torch::manual_seed(1);
  bench.predict(domain(0, 60));
  const Tensor counts = at::bincount(bench.traced.at("session"), {}, 3);
  EXPECT_GE(counts.min().item<int64_t>(), 8);
}

TEST(SPrompts, SavedStatePredictsAndLearnsOnTheSame) {
  Bench bench(settings(), small_weights()), again(settings(), small_weights());
  learn_domains(bench, 0, 2);
  learn_domains(again, 0, 2);
  const Samples test = domain(0).with(domain(1));
  const Tensor logits = bench.predict(test);
  again.load(bench.save(), 64, 2);
  EXPECT_TRUE(torch::equal(again.predict(test), logits));
  EXPECT_EQ(again.save(), bench.save()) << "predict changed the state";
  learn_domains(bench, 2, 3);
  learn_domains(again, 2, 3);
  EXPECT_EQ(again.save(), bench.save());
  EXPECT_TRUE(torch::equal(again.predict(test), bench.predict(test)));
}

TEST(SPrompts, InitialPromptsAreThoseBeforeTraining) {
  Bench bench(settings({{"test_prompts", choice("initial")}}), small_weights()), trained(settings(), small_weights()),
      untrained(settings({{"epochs", value(int64_t{0})}, {"first_epochs", value(int64_t{0})}}), small_weights());
  for (Bench* one : {&bench, &trained, &untrained}) learn_domains(*one, 0, 1);
  EXPECT_EQ(bench.save(), trained.save()) << "training knows nothing of it";
  State state = state_of(bench), drawn = state_of(untrained);
  const Samples test = domain(0);
  const Tensor feature = small_vit().cls(test.images, clb::nn::PrependedPrompts(drawn.sessions[0].prompt));
  EXPECT_TRUE(torch::allclose(bench.predict(test), state.sessions[0].head(feature), 1e-5, 1e-5));
  EXPECT_FALSE(torch::allclose(bench.predict(test), trained.predict(test), 1e-3, 1e-3));
}

}  // namespace
