// VQ-Prompt against jiaolifengmi/VQ-Prompt (fixture "vqprompt"), through the plugin's own table, and the invariants of its chapter.
#include "vq_prompt.cpp"

#include <numeric>

#include "golden/golden.hpp"
#include "nn/golden_modules.hpp"
#include "support/method_bench.hpp"
#include "support/small_vit.hpp"

namespace {

using clb::golden::any_numbers;
using clb::golden::Golden;
using clb::testing::choice;
using clb::testing::list;
using clb::testing::Samples;
using clb::testing::Settings;
using clb::testing::small_task;
using clb::testing::small_vit;
using clb::testing::small_weights;
using clb::testing::value;
using clb::testing::with;
using Bench = clb::testing::MethodBench<VqPrompt>;
using Blocks = std::vector<int64_t>;
using Json = clb::base::Json;

// The plugin's state as its members, to be set and to be read again.
struct State {
  clb::nn::Codebook pool;
  clb::nn::GrowingLinear head, aligned;
  clb::nn::FeatureMemory memory;
  clb::Task task;

  State() : pool({.dim = 1}, any_numbers()), head({.dim = 1}, any_numbers()), aligned({.dim = 1}, any_numbers()) {}
  explicit State(Bench& bench) : State() { clb::testing::load(*this, bench.save()); }
  State(const Golden& g, const std::string& at) : State() {
    visit([&](const std::string& name, Tensor& t) { t = g[at + name].requires_grad_(); });
    aligned = clb::nn::copy_of(head);
    task.classes_seen = head.classes();
  }

  // What is trained, under the fixture's names.
  void visit(const clb::nn::ParameterVisitor& f) {
    pool.parameters([&](const std::string& name, Tensor& t) { f(name == "prompts" ? "P" : "K", t); });
    head.parameters([&](const std::string& name, Tensor& t) { f("head." + name, t); });
  }
  std::map<std::string, Tensor> tensors() {
    std::map<std::string, Tensor> all;
    visit([&](const std::string& name, Tensor& t) { all[name] = t.detach().clone(); });
    return all;
  }

  void state(clb::Archive& a) {
    task.state(a);
    a("pool", pool)("head", head)("aligned", aligned);
    a("memory.gaussians", memory.gaussians())("memory.tasks", memory.tasks());
  }
};

std::map<std::string, Tensor> tensors_of(clb::nn::Module& module) {
  std::map<std::string, Tensor> all;
  module.parameters([&](const std::string& name, Tensor& t) { all[name] = t.detach().clone(); });
  return all;
}

bool same(const std::map<std::string, Tensor>& a, const std::map<std::string, Tensor>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const auto& l, const auto& r) { return l.first == r.first && torch::equal(l.second, r.second); });
}

// The fixture through the plugin.
class Reference {
 public:
  explicit Reference(Golden& golden) : g(golden), blocks_(g.config()["prompt_layers"].get<Blocks>()) {}

  clb::testing::BenchWeights weights() const { return {.tensors = g.with_prefix("vit."), .heads = g.config()["heads"]}; }
  clb::nn::Vit vit() const { return clb::nn::Vit(weights().tensors, {.heads = weights().heads}); }

  Settings settings(const Settings& changes = {}) const {
    const Json& c = g.config();
    const auto integer = [](const Json& number) { return value(number.get<int64_t>()); };
    const auto real = [](const Json& number) { return value(number.get<double>()); };
    return with({{"pool_size", integer(c["M"])},
                 {"prompt_length", integer(c["Lp"])},
                 {"blocks", list(blocks_)},
                 {"temperature", real(c["tau"])},
                 {"lambda_commitment", real(c["coef_commit"])},
                 {"lambda_vq", real(c["coef_vq"])},
                 {"lr", real(c["lr"])},
                 {"batch_size", integer(c["B"])},
                 {"freeze_updates", integer(c["sched"]["freeze_iters"])},
                 {"schedule_updates", integer(c["sched"]["iter_step"])},
                 {"epochs", value(int64_t{1})},
                 {"ca_epochs", value(int64_t{0})}},
                changes);
  }

  // A training run on the batch of one task; all classes have their rows in the head from the start, as in the reference.
  struct Run {
    Bench bench;
    State before, after;
    Run(const Reference& r, const Settings& settings, const std::string& start) : bench(settings, r.weights()), before(r.g, start) {
      bench.load(clb::testing::saved(before), 1 << 20, before.head.classes());
    }
    void train(const Golden& g, int64_t task) {
      const Tensor labels = g["class_mask"][task].contiguous();
      const std::string of = std::to_string(task);
      bench.train({.images = g["in.x" + of], .labels = g["in.y" + of]}, before.head.classes(),
                  {labels.data_ptr<int64_t>(), labels.data_ptr<int64_t>() + labels.numel()});
      clb::testing::load(after, bench.save());
    }
    const Tensor& traced(const char* name) const { return bench.traced.at(name); }
  };

  int64_t seen(int64_t task) const { return g["class_mask"].narrow(0, 0, task + 1).max().item<int64_t>() + 1; }

  // What the reference computes on the way.
  void check_forward(const std::string& at, const Run& run, const std::string& images) {
    g.near(at + "query", vit().query(g[images]));
    for (const char* name : {"scores", "alpha", "soft_prompt", "distances", "feature", "logits"}) g.near(at + name, run.traced(name));
    g.equal(at + "code", run.traced("code"));
    const auto halves = run.traced("prompts").chunk(2, 2);
    g.near(at + "Ek", halves[0]);
    g.near(at + "Ev", halves[1]);
  }

  // The gradients show in a step of plain SGD with rate 1.
  std::map<std::string, Tensor> gradients(Run& run, int64_t task) {
    run.train(g, task);
    auto gradients = run.before.tensors();
    for (auto& [name, t] : run.after.tensors()) gradients[name] = gradients[name] - t;
    return gradients;
  }

  void check_task(const std::string& at, const std::string& start, int64_t task) {
    const Settings plain = settings({{"optimizer", choice("sgd")},
                                     {"lr", value(1.0)},
                                     {"momentum", value(0.0)},
                                     {"held_cosine", value(false)},
                                     {"prompt_lr_scale", value(1.0)}});
    Run run(*this, plain, start);
    for (const auto& [name, gradient] : gradients(run, task)) g.near(at + "grad." + name, gradient);
    check_forward(at, run, "in.x" + std::to_string(task));
    for (const char* name : {"ce", "commit_mse", "vq_mse", "layer_loss", "prompt_loss", "loss"}) g.near(at + name, run.traced(name));
    const Tensor labels = g["class_mask"][task].contiguous();
    const Tensor masked = clb::nn::mask_to({labels.data_ptr<int64_t>(), labels.data_ptr<int64_t>() + labels.numel()}, run.traced("logits"));
    g.near(at + "logits_masked", masked.narrow(1, 0, seen(task)));

    Run entropy(*this, with(plain, {{"lambda_commitment", value(0.0)}, {"lambda_vq", value(0.0)}}), start);
    const auto of_entropy = gradients(entropy, task);
    for (const char* name : {"P", "K"}) g.near(at + "grad_ce_only." + name, of_entropy.at(name));
  }

  void check_steps(const std::string& start, int64_t task, const std::vector<std::string>& after) {
    for (size_t steps = 1; steps <= after.size(); ++steps) {
      Run run(*this, settings({{"epochs", value(static_cast<int64_t>(steps))}}), start);
      run.train(g, task);
      for (const auto& [name, t] : run.after.tensors()) g.near(after[steps - 1] + name, t, 2e-5);
    }
  }

  void check_rates() {
    const Json& s = g.config()["sched"];
    const double lr = g.config()["lr"], hold = s["freeze_iters"], total = s["iter_step"].get<double>() * s["epochs"].get<double>();
    const auto held = [&](double base) { return clb::nn::one_late(base, clb::nn::held_cosine_rate(base, 1e-6, hold, total)); };
    const auto prompts = held(5 * lr), head = held(lr);
    std::vector<Tensor> rates;
    for (int64_t u = 0; u < g["lr_sequence"].size(0); ++u)
      rates.push_back(torch::tensor({prompts(static_cast<double>(u)), head(static_cast<double>(u))}, torch::kFloat64));
    const Tensor want = g["lr_sequence"].to(torch::kFloat64);
    g.close("lr_sequence", at::stack(rates), 1e-7);
    EXPECT_LE((at::stack(rates) / want - 1).abs().max().item<double>(), 1e-6);
  }

  void check_test() {
    Run run(*this, settings(), "t1.after1.");
    const Tensor images = g["in.xt"], logits = run.bench.predict({.features = vit().query(images), .images = images});
    check_forward("test.", run, "in.xt");
    g.equal("test.pred_seen", logits.narrow(1, 0, seen(1)).argmax(1));
  }

  // Statistics, and the head's replay from the fixture's noise and order, with the plugin's own options.
  void check_replay() {
    const Json& c = g.config()["replay"];
    const Tensor features = g["stat.features"], noise = g["replay.noise"], order = g["replay.permutation"];
    const int64_t classes = features.size(0), d = features.size(2), per_task = g.config()["cpt"];
    const int64_t epochs = c["epochs"], size = c["batch_size"].get<int64_t>() * c["ratio"].get<int64_t>();
    clb::nn::FeatureMemory memory;
    std::vector<Tensor> means, variances;
    for (int64_t k = 0; k < classes; ++k)
      memory.add(k / per_task, features[k], torch::full(features.size(1), k, torch::kInt64), {.covariance = "diagonal", .unbiased = false},
                 any_numbers());
    for (const auto& kept : memory.gaussians()) {
      means.push_back(kept.mean);
      variances.push_back(kept.covariance);
    }
    g.near("stat.mean", at::stack(means));
    g.near("stat.var", at::stack(variances));
    EXPECT_EQ(memory.classes_before(1), per_task);

    State state(g, "t1.after1.");
    state.head.parameters([&](const std::string& name, Tensor& t) { t = g["replay.head_before." + name].requires_grad_(); });
    const auto options = replay_of(size, epochs, memory.classes_before(1), c["ca_lr"], c["ca_wd"], 1e-4);
    clb::nn::Trainer trainer(options.fit, {state.head}, memory.classes_before(1), options.schedule);
    std::vector<Tensor> samples, rates, logits;
    for (int64_t e = 0; e < epochs; ++e) {
      const auto in_order =
          memory.rows_of(torch::arange(classes).repeat_interleave(noise.size(2)), noise[e].reshape({-1, d}), options.ridge);
      samples.push_back(in_order.rows.reshape(noise[e].sizes()));
      const Tensor used = order[e].narrow(0, 0, memory.classes_before(1) * size);
      const clb::nn::DrawnRows drawn{in_order.rows.index_select(0, used), in_order.labels.index_select(0, used)};
      clb::nn::align(trainer, drawn, size, [&](const Tensor& rows) {
        rates.push_back(torch::tensor(trainer.rate(), torch::kFloat64));
        logits.push_back(state.head(rows));
        return logits.back().narrow(1, 0, classes);
      });
    }
    g.near("replay.samples", at::stack(samples));
    g.near("replay.logits_all", at::stack(logits), 2e-5);
    g.close("replay.lr", at::stack(rates), 1e-9);
    EXPECT_LE((at::stack(rates) / g["replay.lr"].to(torch::kFloat64) - 1).abs().max().item<double>(), 1e-6);
    for (const auto& [name, t] : tensors_of(state.head)) g.near("replay.head_after." + name, t, 2e-5);
  }

  Golden& g;

 private:
  Blocks blocks_;
};

TEST(VqPrompt, EqualsTheReference) {
  CLB_GOLDEN(g, "vqprompt");
  Reference reference(g);
  reference.check_task("t0.train.", "param.", 0);
  reference.check_task("t1.train.", "t0.after2.", 1);
  reference.check_steps("param.", 0, {"t0.after1.", "t0.after2."});
  reference.check_steps("t0.after2.", 1, {"t1.after1."});
  reference.check_rates();
  reference.check_test();
  reference.check_replay();
  g.expect_all_compared(
      {"vit.", "in.", "param.", "class_mask", "stat.features", "replay.noise", "replay.permutation", "replay.head_before."});
}

const Blocks kBoth{0, 1}, kThird{2}, kTwice{1, 1};

Settings small(const Settings& changes = {}) {
  return with({{"blocks", list(kBoth)},
               {"pool_size", value(int64_t{4})},
               {"epochs", value(int64_t{3})},
               {"batch_size", value(int64_t{4})},
               {"held_cosine", value(false)},
               {"lr", value(0.02)},
               {"ca_lr", value(0.05)},
               {"ca_ratio", value(int64_t{2})}},
              changes);
}

Samples with_features(Samples samples) {
  samples.features = small_vit().query(samples.images);
  return samples;
}

void train_two(Bench& bench) {
  for (int64_t t = 0; t < 2; ++t) bench.train(with_features(small_task(t)), 2 * t + 2);
}

TEST(VqPrompt, ReplayTouchesItsOwnHeadAloneAndOneTrainingHasBothHeads) {
  Bench with_replay(small(), small_weights()), without(small({{"ca_epochs", value(int64_t{0})}}), small_weights()),
      other_head(small({{"classifier", choice("trained")}}), small_weights());
  for (Bench* bench : {&with_replay, &without, &other_head}) train_two(*bench);
  State aligned(with_replay), plain(without), other(other_head);
  EXPECT_TRUE(same(aligned.tensors(), plain.tensors())) << "prompts, keys and the trained head know nothing of the replay";
  EXPECT_TRUE(same(tensors_of(plain.aligned), tensors_of(plain.head)));
  EXPECT_FALSE(same(tensors_of(aligned.aligned), tensors_of(aligned.head)));
  // 10 epochs with an update for each of the 2 old classes; none in the first task.
  EXPECT_EQ(with_replay.metrics.at("alignment/updates")[0].second, 20);
  EXPECT_EQ(with_replay.metrics.at("alignment/loss").size(), 10u);
  EXPECT_EQ(aligned.memory.gaussians().size(), 4u);

  const Samples test = with_features(small_task(0));
  const Tensor by_aligned = with_replay.predict(test), by_trained = other_head.predict(test);
  EXPECT_TRUE(torch::equal(by_trained, without.predict(test)));
  EXPECT_FALSE(torch::equal(by_trained, by_aligned));
}

TEST(VqPrompt, TheFirstTaskHasNoReplayAndOldRowsOfTheHeadStand) {
  Bench bench(small(), small_weights());
  bench.train(with_features(small_task(0)), 2);
  EXPECT_FALSE(bench.metrics.contains("alignment/updates"));
  State first(bench);
  EXPECT_TRUE(same(tensors_of(first.aligned), tensors_of(first.head)));
  bench.train(with_features(small_task(1)), 4);
  State second(bench);
  for (const char* name : {"weight", "bias"}) {
    const Tensor before = tensors_of(first.head).at(name), after = tensors_of(second.head).at(name);
    EXPECT_TRUE(torch::equal(after.narrow(0, 0, 2), before)) << name;
  }
  EXPECT_TRUE(torch::equal(first.memory.means(), second.memory.means().narrow(0, 0, 2))) << "what was kept is not renewed";
}

TEST(VqPrompt, DomainsHaveStatisticsOfTheirOwnAndNoMask) {
  Bench bench(small(), small_weights());
  Samples first = with_features(small_task(0)), second = first;
  second.images = first.images.flip(3) * 0.5;
  second = with_features(second);
  bench.train(first, 2, {0, 1});
  State before(bench);
  bench.train(second, 2, {0, 1});
  State after(bench);
  EXPECT_EQ(after.memory.tasks(), (std::vector<int64_t>{0, 0, 1, 1}));
  EXPECT_EQ(bench.metrics.at("alignment/updates")[0].second, 20) << "an update an epoch for each class of the old domain";
  EXPECT_FALSE(same(tensors_of(before.head), tensors_of(after.head))) << "all classes learn in every domain";
  EXPECT_EQ(bench.predict(first).sizes(), torch::IntArrayRef({12, 2}));
}

TEST(VqPrompt, SavedStatePredictsTheSameAndIsNotChangedByIt) {
  Bench bench(small(), small_weights()), again(small(), small_weights());
  train_two(bench);
  const Samples test = with_features(small_task(1));
  const Tensor logits = bench.predict(test);
  again.load(bench.save(), 61, bench.classes_seen());
  EXPECT_TRUE(torch::equal(again.predict(test), logits));
  EXPECT_EQ(again.save(), bench.save());
  for (Bench* one : {&bench, &again}) one->train(with_features(small_task(2)), 6);
  // The task's number is the host's to give, so it is told apart.
  State a(bench), b(again);
  EXPECT_TRUE(same(tensors_of(a.pool), tensors_of(b.pool))) << "training goes on from it in the same way";
}

TEST(VqPrompt, AnImagesPredictionDoesNotDependOnItsBatch) {
  Bench bench(small(), small_weights());
  train_two(bench);
  const Samples test = with_features(small_task(1));
  const Tensor together = bench.predict(test);
  for (int64_t k = 0; k < test.count(); ++k) {
    const Tensor alone = bench.predict(test.rows(torch::tensor({k})));
    EXPECT_LE((alone - together.narrow(0, k, 1)).abs().max().item<double>(), 1e-5);
  }
}

TEST(VqPrompt, TrainedPromptsMoveAndMatter) {
  const Settings strong = small({{"epochs", value(int64_t{20})}, {"lr", value(0.05)}});
  Bench bench(strong, small_weights()), initial(with(strong, {{"test_prompts", choice("initial")}}), small_weights());
  train_two(bench);
  EXPECT_GT(bench.metrics.at("prompts/relative_change")[0].second, 0.01);
  initial.load(bench.save(), 1 << 20, bench.classes_seen());
  const Samples test = with_features(small_task(0, 200));
  const Tensor changed = bench.predict(test).argmax(1) != initial.predict(test).argmax(1);
  EXPECT_GE(changed.to(torch::kFloat64).mean().item<double>(), 0.05);
  // The pool stays as drawn where its rate is 0.
  Bench still(small({{"prompt_lr_scale", value(0.0)}}), small_weights());
  State drawn(still);
  train_two(still);
  State after(still);
  EXPECT_TRUE(same(tensors_of(drawn.pool), tensors_of(after.pool)));
}

TEST(VqPrompt, UsageCountsEveryChoice) {
  for (const char* selection : {"quantised", "soft", "nearest_key"}) {
    Bench bench(small({{"selection", choice(selection)}}), small_weights());
    bench.train(with_features(small_task(0)), 2);
    for (const char* layer : {"usage/pool/0", "usage/pool/1"}) {
      double uses = 0;
      for (const auto& [entry, count] : bench.metrics.at(layer)) uses += count;
      EXPECT_NEAR(uses, 3 * 12, 1e-3) << selection << " " << layer;  // epochs times images
      EXPECT_EQ(bench.metrics.at(layer).size(), 4u);
    }
  }
}

TEST(VqPrompt, WithoutPromptsTheHeadLearnsFromTheQueryAlone) {
  Bench bench(small({{"prompt_length", value(int64_t{0})}}), small_weights());
  train_two(bench);
  EXPECT_EQ(bench.metrics.at("updates")[0].second, 9);
  EXPECT_FALSE(bench.metrics.contains("usage/pool/0"));
  const Tensor logits = bench.predict({.features = small_vit().query(small_task(0).images)});
  EXPECT_EQ(logits.sizes(), torch::IntArrayRef({12, 4}));
  State state(bench);
  EXPECT_TRUE(torch::allclose(logits, state.aligned(small_vit().query(small_task(0).images))));
}

// Images as they are evaluated and the training view are the same ones in this bench.
TEST(VqPrompt, QueriesFromTheCacheGiveTheSameTraining) {
  Bench cached(small({{"augment", value(false)}}), small_weights()), computed(small(), small_weights());
  for (Bench* bench : {&cached, &computed}) train_two(*bench);
  State a(cached), b(computed);
  const auto left = a.tensors(), right = b.tensors();
  for (const auto& [name, t] : left) EXPECT_TRUE(torch::allclose(t, right.at(name), 1e-4, 1e-5)) << name;
}

TEST(VqPrompt, MistakesAreNamed) {
  const auto refused = [](const Settings& changes, const std::string& words) {
    try {
      Bench bench(small(changes), small_weights());
      ADD_FAILURE() << words;
    } catch (const clb::PluginError& e) {
      EXPECT_EQ(e.status(), CLB_E_INVALID);
      EXPECT_NE(std::string(e.what()).find(words), std::string::npos) << e.what();
    }
  };
  refused({{"prompt_length", value(int64_t{5})}}, "prompt_length is 5");
  refused({{"blocks", list(kThird)}}, "blocks holds block 2, but the network has 2");
  refused({{"blocks", list(kTwice)}}, "blocks holds block 1 twice");
  refused({{"init_low", value(2.0)}}, "init_low lies above init_high");
}

}  // namespace
