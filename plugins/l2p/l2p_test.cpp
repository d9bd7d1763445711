// L2P against JH-LEE-KR/l2p-pytorch (fixture "l2p"), through the plugin's own table, and the invariants of its chapter.
#include "l2p.cpp"

#include <clb/nn/tensors.hpp>

#include "golden/golden.hpp"
#include "nn/golden_modules.hpp"
#include "support/method_bench.hpp"

namespace {

using clb::golden::any_numbers;
using clb::golden::Golden;
using clb::testing::choice;
using clb::testing::Samples;
using clb::testing::Settings;
using clb::testing::value;
using clb::testing::with;
using torch::Tensor;
using Bench = clb::testing::MethodBench<L2p>;

clb::testing::BenchWeights weights_of(const Golden& g) {
  clb::testing::BenchWeights weights{.tensors = g.with_prefix("vit."), .heads = g.config()["heads"]};
  weights.tensors.erase("pos_embed_expanded");  // the reference's own copy of the class token's position for its prompts
  return weights;
}

Settings settings_of(const Golden& g) {
  const auto integer = [&](const char* name) { return value(g.config()[name].get<int64_t>()); };
  return {{"pool_size", integer("M")},
          {"top_k", integer("k")},
          {"prompt_length", integer("Lp")},
          {"batch_size", integer("B")},
          {"pull_weight", value(g.config()["lambda_pull"].get<double>())},
          {"lr", value(g.config()["lr"].get<double>())},
          {"epochs", value(int64_t{1})}};
}

// The plugin's state as its members, to be set to the fixture's and to be read again.
struct State {
  clb::nn::PromptPool pool;
  clb::nn::GrowingLinear head;
  clb::Task task;

  explicit State(const Golden& g, const std::string& at)
      : pool({.prompts = g[at + "prompt"].size(0), .length = g[at + "prompt"].size(1), .dim = g[at + "prompt"].size(2)}, any_numbers()),
        head({.dim = g[at + "prompt"].size(2)}, any_numbers()) {
    head.grow(g[at + "head.bias"].size(0));
    task.classes_seen = head.classes();
    visit([&](const std::string& name, Tensor& t) { t = g[at + name].requires_grad_(); });
  }

  // Under the fixture's names.
  void visit(const clb::nn::ParameterVisitor& f) {
    pool.parameters([&](const std::string& name, Tensor& t) { f(name == "keys" ? "prompt_key" : "prompt", t); });
    head.parameters([&](const std::string& name, Tensor& t) { f("head." + name, t); });
  }

  void state(clb::Archive& a) {
    task.state(a);
    a("pool", pool)("head", head);
  }
};

struct Trial {
  Trial(const Golden& golden, const Settings& settings, const std::string& start)
      : g(golden), bench(settings, weights_of(g)), vit(weights_of(g).tensors, {.heads = weights_of(g).heads}), now(g, start) {
    bench.load(clb::testing::saved(now), 1 << 20, now.head.classes());
  }

  // Trains on the batch of one task; all classes have their rows in the head from the start, as in the reference.
  void train(const std::string& images, int64_t task) {
    const Tensor labels = g["class_mask"][task].contiguous();
    bench.train({.images = g["in.x" + images], .labels = g["in.y" + images]}, now.head.classes(),
                {labels.data_ptr<int64_t>(), labels.data_ptr<int64_t>() + labels.numel()});
    before = now;
    clb::testing::load(now, bench.save());
  }

  const Golden& g;
  Bench bench;
  clb::nn::Vit vit;
  State now, before{now};
};

// What the reference computes on the way, from the plugin's traces, the pool and the network.
void check_forward(Golden& g, Trial& run, const std::string& at, const std::string& images, State& state) {
  const torch::NoGradGuard no_grad;
  const auto traced = [&](const char* name) { return run.bench.traced.at(name); };
  const Tensor query = run.vit.query(g[images]);
  Tensor all;
  state.pool.parameters([&](const std::string& name, Tensor& t) {
    if (name == "keys") all = clb::nn::unit_rows(t);
  });
  const int64_t top_k = g.config()["k"];
  g.near(at + "query", query);
  g.near(at + "key_normed", all);
  g.near(at + "similarity", at::matmul(clb::nn::unit_rows(query), all.t()));
  g.equal(at + "topk_idx_per_sample", state.pool.choose(query, top_k, false).ids);
  g.equal(at + "prompt_idx", traced("prompt_idx"));
  g.near(at + "selected_key", all.index_select(0, traced("prompt_idx").flatten()).reshape(g[at + "selected_key"].sizes()));
  g.near(at + "reduce_sim", traced("cosines").sum() / query.size(0));
  g.near(at + "feature", traced("feature"));
  g.near(at + "logits", traced("logits"));
  const bool voted = !torch::equal(g[at + "prompt_idx"], g[at + "topk_idx_per_sample"]);
  const auto chosen = state.pool.choose(query, top_k, voted);
  g.near(at + "block0_input", clb::nn::PrependedPrompts(chosen.prompts, run.vit.cls_position()).before_block(0, run.vit.embed(g[images])));
}

// One training batch: the gradients show in a step of plain SGD with rate 1.
void check_gradients(Golden& g, const std::string& at, const std::string& start, int64_t task, bool voted) {
  const std::string batch = std::to_string(task);
  Trial run(g,
            with(settings_of(g),
                 {{"optimizer", choice("sgd")}, {"lr", value(1.0)}, {"momentum", value(0.0)}, {"batch_vote_train", value(voted)}}),
            start);
  run.train(batch, task);
  check_forward(g, run, at, "in.x" + batch, run.before);
  const Tensor labels = g["class_mask"][task].contiguous();
  const Tensor masked =
      clb::nn::mask_to({labels.data_ptr<int64_t>(), labels.data_ptr<int64_t>() + labels.numel()}, run.bench.traced.at("logits"));
  g.near(at + "logits_masked", masked);
  g.near(at + "ce", at::cross_entropy_loss(masked, g["in.y" + batch]));
  g.near(at + "loss", run.bench.traced.at("loss"));
  std::map<std::string, Tensor> gradients;
  run.before.visit([&](const std::string& name, Tensor& t) { gradients[name] = t.detach(); });
  run.now.visit([&](const std::string& name, Tensor& t) { gradients[name] = gradients[name] - t.detach(); });
  Tensor squares = torch::zeros({});
  for (const auto& [name, gradient] : gradients) {
    g.near(at + "grad." + name, gradient);
    squares += gradient.square().sum();
  }
  g.near(at + "grad_norm", squares.sqrt());
}

void check_steps(Golden& g, const std::string& start, int64_t task, double clip, const std::vector<std::string>& after) {
  for (size_t steps = 1; steps <= after.size(); ++steps) {
    Trial run(g, with(settings_of(g), {{"epochs", value(static_cast<int64_t>(steps))}, {"clip_norm", value(clip)}}), start);
    run.train(std::to_string(task), task);
    run.now.visit([&](const std::string& name, Tensor& t) { g.near(after[steps - 1] + name, t, 2e-5); });
    EXPECT_EQ(run.bench.metrics.at("updates"), (std::vector<std::pair<int64_t, double>>{{0, static_cast<double>(steps)}}));
  }
}

TEST(L2p, EqualsTheReference) {
  CLB_GOLDEN(g, "l2p");
  check_gradients(g, "t0.train.", "param.", 0, true);
  check_gradients(g, "t0.train_per_sample.", "param.", 0, false);
  check_gradients(g, "t1.train.", "t0.after2.", 1, true);
  const double clip = g.config()["clip_norm"];
  check_steps(g, "param.", 0, clip, {"t0.after1.", "t0.after2."});
  check_steps(g, "param.", 0, 0, {"t0.after1_noclip.", "t0.after2_noclip."});
  check_steps(g, "t0.after2.", 1, clip, {"t1.after1."});
  for (const bool voted : {false, true}) {
    const std::string at = voted ? "test.voted." : "test.per_sample.";
    Trial run(g, with(settings_of(g), {{"batch_vote_test", value(voted)}}), "t1.after1.");
    const Tensor logits = run.bench.predict({.features = run.vit.query(g["in.xt"]), .images = g["in.xt"]});
    check_forward(g, run, at, "in.xt", run.now);
    g.equal(at + "pred_all", logits.argmax(1));
    g.equal(at + "pred_seen", logits.narrow(1, 0, g["class_mask"].narrow(0, 0, 2).max().item<int64_t>() + 1).argmax(1));
  }
  g.expect_all_compared({"vit.", "in.", "param.", "class_mask"});
}

TEST(L2p, WithoutAVotePredictionsDoNotDependOnTheBatch) {
  CLB_GOLDEN(g, "l2p");
  Trial run(g, settings_of(g), "t1.after1.");
  const Tensor images = g["in.xt"], features = run.vit.query(images), together = run.bench.predict({features, images});
  for (int64_t k = 0; k < images.size(0); ++k) {
    const Tensor alone = run.bench.predict({features.narrow(0, k, 1), images.narrow(0, k, 1)});
    EXPECT_LE((alone - together.narrow(0, k, 1)).abs().max().item<double>(), 1e-5);
  }
}

TEST(L2p, UnchosenPromptsAndAllKeysStayWhenNothingPullsThem) {
  CLB_GOLDEN(g, "l2p");
  Trial run(g, with(settings_of(g), {{"pull_weight", value(0.0)}, {"epochs", value(int64_t{3})}}), "param.");
  run.train("0", 0);
  const Tensor used =
      torch::zeros(g["param.prompt"].size(0), torch::kBool).index_fill_(0, run.bench.traced.at("prompt_idx").flatten(), true);
  const auto changed = [&](const char* which) {
    Tensor moved;
    run.before.visit([&](const std::string& name, Tensor& t) { moved = name == which ? t.detach().clone() : moved; });
    run.now.visit([&](const std::string& name, Tensor& t) { moved = name == which ? (t.detach() != moved).flatten(1).any(1) : moved; });
    return moved;
  };
  EXPECT_TRUE(torch::equal(changed("prompt"), used));
  EXPECT_FALSE(changed("prompt_key").any().item<bool>());
  // Each of the 3 updates chooses k prompts for each of the 5 samples.
  double uses = 0;
  for (const auto& [prompt, count] : run.bench.metrics.at("usage/pool/0")) uses += count;
  EXPECT_EQ(uses, static_cast<double>(3 * g["in.x0"].size(0) * g.config()["k"].get<int64_t>()));
}

TEST(L2p, KeysMoveTowardsTheQueriesThatTheyServe) {
  CLB_GOLDEN(g, "l2p");
  const auto similarity = [&](double pull_weight) {
    Trial run(g, with(settings_of(g), {{"pull_weight", value(pull_weight)}, {"epochs", value(int64_t{3})}}), "param.");
    run.train("0", 0);
    return run.bench.metrics.at("keys/similarity");
  };
  const auto pulled = similarity(0.5), left = similarity(0);
  ASSERT_EQ(pulled.size(), 3);  // epochs
  EXPECT_LT(pulled[0].second, pulled[2].second);
  EXPECT_NEAR(left[0].second, left[2].second, 1e-6);
}

TEST(L2p, WithoutPromptsOrWithAPoolOfOne) {
  CLB_GOLDEN(g, "l2p");
  const Samples task{.features = {}, .images = g["in.x0"], .labels = g["in.y0"]};
  const clb::testing::BenchWeights weights = weights_of(g);
  const clb::nn::Vit vit(weights.tensors, {.heads = weights.heads});
  for (const Settings& changes :
       {Settings{{"top_k", value(int64_t{0})}}, Settings{{"pool_size", value(int64_t{1})}, {"top_k", value(int64_t{1})}}}) {
    Bench bench(with(settings_of(g), changes), weights);
    bench.train(task, 2);
    const Tensor logits = bench.predict({.features = vit.query(task.images), .images = task.images});
    EXPECT_EQ(logits.sizes(), torch::IntArrayRef({task.images.size(0), 2}));
    EXPECT_GT(bench.metrics.at("relative_change")[0].second, 0);
  }
  EXPECT_THROW(Bench(with(settings_of(g), {{"pool_size", value(int64_t{2})}, {"top_k", value(int64_t{3})}}), weights), clb::PluginError);
}

TEST(L2p, TheLossThatIsNotFiniteIsNamed) {
  CLB_GOLDEN(g, "l2p");
  Trial run(g, settings_of(g), "param.");
  try {
    run.bench.train({.images = g["in.x0"] * std::numeric_limits<float>::infinity(), .labels = g["in.y0"]}, run.now.head.classes(), {0, 1});
    ADD_FAILURE();
  } catch (const clb::PluginError& e) {
    EXPECT_EQ(e.status(), CLB_E_NUMERIC);
    EXPECT_NE(std::string(e.what()).find("the loss of epoch 0"), std::string::npos) << e.what();
  }
}

TEST(L2p, InitialPromptsAreThoseBeforeTraining) {
  CLB_GOLDEN(g, "l2p");
  const Settings plain = settings_of(g);
  Trial initial(g, with(plain, {{"test_prompts", choice("initial")}}), "param."), mixed(g, plain, "param.");
  const Samples samples{.features = mixed.vit.query(g["in.x0"]), .images = g["in.x0"]};
  EXPECT_FALSE(torch::allclose(initial.bench.predict(samples), mixed.bench.predict(samples), 1e-3, 1e-3));
  Bench untrained(with(plain, {{"epochs", value(int64_t{0})}}), weights_of(g));
  untrained.train({.images = g["in.x0"], .labels = g["in.y0"]}, mixed.now.head.classes());
  State drawn = mixed.now;
  clb::testing::load(drawn, untrained.save());
  Tensor keys;
  mixed.now.pool.parameters([&](const std::string& name, Tensor& t) { keys = name == "keys" ? t : keys; });
  drawn.pool.parameters([&](const std::string& name, Tensor& t) { t = name == "keys" ? keys : t; });
  drawn.head = mixed.now.head;
  mixed.bench.load(clb::testing::saved(drawn), 1 << 20, mixed.now.head.classes());
  EXPECT_TRUE(torch::allclose(initial.bench.predict(samples), mixed.bench.predict(samples), 1e-5, 1e-5));
}

}  // namespace
