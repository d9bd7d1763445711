// HiDe-Prompt against thu-ml/HiDe-Prompt (fixture "hide"), both stages through the plugin's own table, and the invariants of its chapter.
#include "hide_prompt.cpp"

#include "golden/golden.hpp"
#include "nn/golden_modules.hpp"
#include "support/method_bench.hpp"
#include "support/small_vit.hpp"

namespace {

using clb::golden::any_numbers;
using clb::golden::Golden;
using clb::nn::TaskInference;
using clb::nn::TaskPrompt;
using clb::testing::choice;
using clb::testing::list;
using clb::testing::Samples;
using clb::testing::Settings;
using clb::testing::small_task;
using clb::testing::small_vit;
using clb::testing::small_weights;
using clb::testing::value;
using clb::testing::with;
using Bench = clb::testing::MethodBench<HidePrompt>;
using Blocks = std::vector<int64_t>;
using Tensors = std::map<std::string, Tensor>;

Tensors tensors_of(clb::nn::Module& module) {
  Tensors all;
  module.parameters([&](const std::string& name, Tensor& t) { all[name] = t.detach().clone(); });
  return all;
}

bool same(const Tensors& a, const Tensors& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const auto& l, const auto& r) { return l.first == r.first && torch::equal(l.second, r.second); });
}

void fill(clb::nn::Module& module, const Golden& g, const std::string& prefix) {
  module.parameters([&](const std::string& name, Tensor& t) { t = g[prefix + name].requires_grad_(); });
}

// The plugin's state as its members.
struct State {
  TaskInference tii{1, any_numbers()};
  std::vector<TaskPrompt> prompts;
  clb::nn::GrowingLinear head{{.dim = 1}, any_numbers()};
  std::vector<int64_t> task_of;
  clb::nn::FeatureMemory features, plain;
  clb::Task task;

  State() = default;
  explicit State(Bench& bench) { clb::testing::load(*this, bench.save()); }

  void state(clb::Archive& a) {
    task.state(a);
    const auto make = [] {
      TaskPrompt prompt;
      prompt.pairs = torch::zeros({1});
      return prompt;
    };
    a("inference", tii)("prompts", prompts, make)("head", head)("task_of", task_of);
    a("features.gaussians", features.gaussians())("features.tasks", features.tasks());
    a("plain.gaussians", plain.gaussians())("plain.tasks", plain.tasks());
  }
};

class Reference {
 public:
  explicit Reference(Golden& golden)
      : g(golden), blocks_(g.config()["prompt_layers"].get<Blocks>()), per_task_(g.config()["cpt"]), pool_(g.config()["pool"]) {}

  // Stage 1, and stage 2 of task 0; gradients show in a step of plain SGD with rate 1.
  void check_first_task() {
    for (const bool legacy : {false, true}) {
      const std::string at = legacy ? "wtp.t0.train_legacy." : "wtp.t0.train.";
      Run run = train(0, "tii.param.", "wtp.param.", "wtp.param.e_prompt", with(kPlainStep, {{"legacy_prefix_reshape", value(legacy)}}));
      check_stage2(at, run, legacy);
      if (legacy) continue;
      for (const char* name : {"feature", "mlp_out", "logits", "logits_masked", "loss"})
        g.near(std::string("tii.t0.train.") + name, run.traced.at(std::string("tii.") + name));
      Tensors before = tensors_of(run.before.tii), after = tensors_of(run.after.tii);
      for (const auto& [name, t] : before) g.near("tii.t0.train.grad." + name, t - after.at(name));
    }
    Run step = train(0, "tii.param.", "wtp.param.", "wtp.param.e_prompt", {});
    for (const auto& [name, t] : tensors_of(step.after.tii)) g.near("tii.t0.after1." + name, t, 2e-5);
    for (const auto& [name, t] : tensors_of(step.after.head)) g.near("wtp.t0.after1.head." + name, t, 2e-5);
    g.near("wtp.t0.after1.e_prompt", stacked(step.after), 2e-5);
  }

  // Stage 2 of task 1, where the older prompt has its share and class vectors of task 0 stand against the features.
  void check_second_task() {
    const std::string start = "wtp.t1.start.e_prompt";
    Run plain = train(1, "tii.t0.after1.", "wtp.t0.after1.", start, kPlainStep);
    check_stage2("wtp.t1.train.", plain, false);
    Run step = train(1, "tii.t0.after1.", "wtp.t0.after1.", start, {});
    for (const auto& [name, t] : tensors_of(step.after.head)) g.near("wtp.t1.after1.head." + name, t, 2e-5);
    g.near("wtp.t1.merged.e_prompt_row1", of_heads(step.after.prompts[1].pairs), 2e-5);
    g.near("wtp.t1.stat_pass.feature", step.traced.at("statistics.feature"), 2e-5);
    // What is kept is merged for good; before that it was the trained row.
    Tensor all = stacked(step.after);
    all.select(2, 1).copy_(of_heads(unmerged(step.after)));
    g.near("wtp.t1.after1.e_prompt", all, 2e-5);
    // The statistics with the released layout, of the prompts that the other one trained: no epoch, so that only the merging happens.
    const Run pass = train(1, "tii.t0.after1.", "wtp.t1.after1.", "wtp.t1.after1.e_prompt",
                           {{"epochs", value(int64_t{0})}, {"tii_epochs", value(int64_t{0})}, {"legacy_prefix_reshape", value(true)}});
    g.near("wtp.t1.stat_pass_legacy.feature", pass.traced.at("statistics.feature"), 2e-5);
  }

  void check_test() {
    for (const bool legacy : {false, true}) {
      State state = start("tii.align.after.", "wtp.align.after.", "wtp.t1.after1.e_prompt", 2);
      state.prompts[1].pairs = of_rows(g["wtp.t1.merged.e_prompt_row1"]);
      Bench bench(settings({{"legacy_prefix_reshape", value(legacy)}}), weights());
      bench.load(clb::testing::saved(state), 1 << 20, state.task.classes_seen);
      const Tensor images = g["in.xt"], logits = bench.predict({.features = vit().query(images), .images = images});
      const std::string at = legacy ? "test_legacy." : "test.";
      g.near(at + "batched_prompt", of_heads(bench.traced.at("batched_prompt")));
      g.near(at + "feature", bench.traced.at("feature"));
      g.near(at + "logits", logits);
      g.equal(at + "pred_all", logits.argmax(1));
      g.equal(at + "pred_seen", logits.narrow(1, 0, 2 * per_task_).argmax(1));
      if (legacy) continue;
      g.near("test.tii_logits", bench.traced.at("tii_logits"));
      g.equal("test.task_id", bench.traced.at("task_id"));
      const Tensor tight = state.tii.mapped(g["tii.small_variance.input"]), want = g["tii.small_variance.mlp_out"];
      g.close_to("tii.small_variance.mlp_out", want, tight, 2e-4 * want.abs().max().item<double>());
    }
  }

  void check_statistics() {
    const Tensor features = g["stat.features"];
    const int64_t clusters = g.config()["n_cent"];
    std::vector<Tensor> means, covariances, variances, centroids, spreads;
    for (int64_t c = 0; c < features.size(0); ++c) {
      const auto kept = [&](const clb::nn::GaussianOptions& options) {
        clb::nn::FeatureMemory memory;
        memory.add(0, features[c], torch::full(features.size(1), c, torch::kInt64), options, any_numbers());
        return memory.gaussians();
      };
      auto several = kept({.covariance = "diagonal", .per_class = clusters, .unbiased = false});
      std::sort(several.begin(), several.end(),
                [](const auto& a, const auto& b) { return a.mean[0].template item<double>() < b.mean[0].template item<double>(); });
      for (const auto& one : several) {
        centroids.push_back(one.mean);
        spreads.push_back(one.covariance);
      }
      const auto full = kept({}), diagonal = kept({.covariance = "diagonal"});
      means.push_back(full[0].mean);
      covariances.push_back(full[0].covariance + 1e-4 * torch::eye(features.size(2)));
      variances.push_back(diagonal[0].covariance + 1e-4);
    }
    g.near("stat.mean", at::stack(means));
    g.near("stat.covariance_plus_1e-4", at::stack(covariances).narrow(0, 0, g["stat.covariance_plus_1e-4"].size(0)));
    g.near("stat.variance_plus_1e-4", at::stack(variances));
    g.near("stat.centroids", at::stack(centroids).reshape(g["stat.centroids"].sizes()));
    g.near("stat.centroid_vars", at::stack(spreads).reshape(g["stat.centroid_vars"].sizes()));
  }

  // From the fixture's noise and order, with the plugin's own options.
  void check_alignment() {
    State state = start("tii.align.before.", "wtp.align.before.", "wtp.t1.after1.e_prompt", 2);
    check_alignment_of("tii.align.", "", state.tii, "ca_lr1", [&](const Tensor& rows) { return state.tii(rows); });
    check_alignment_of("wtp.align.", "head.", state.head, "ca_lr2", [&](const Tensor& rows) { return state.head(rows); });
  }

  Golden& g;

 private:
  struct Run {
    State before, after;
    Tensors traced;
  };

  const Settings kPlainStep{{"optimizer", choice("sgd")},  {"momentum", value(0.0)},         {"clip_norm", value(0.0)}, {"lr", value(1.0)},
                            {"head_lr_scale", value(1.0)}, {"schedule", choice("constant")}, {"tii_lr", value(1.0)}};

  clb::testing::BenchWeights weights() const { return {.tensors = g.with_prefix("vit."), .heads = g.config()["heads"]}; }
  clb::nn::Vit vit() const { return clb::nn::Vit(weights().tensors, {.heads = weights().heads}); }

  Settings settings(const Settings& changes) const {
    const auto& c = g.config();
    const auto real = [&](const char* name) { return value(c[name].get<double>()); };
    return with({{"prompt_length", value(c["Le"].get<int64_t>())},
                 {"blocks", list(blocks_)},
                 {"prompt_momentum", real("momentum")},
                 {"contrast_weight", real("reg")},
                 {"lr", real("lr2")},
                 {"tii_lr", real("lr1")},
                 {"batch_size", value(c["B"].get<int64_t>())},
                 {"epochs", value(int64_t{1})},
                 {"tii_epochs", value(int64_t{1})},
                 {"ca_epochs", value(int64_t{0})},
                 {"tii_ca_epochs", value(int64_t{0})}},
                changes);
  }

  // [..., d] with the heads apart, as the fixture has it, and back.
  Tensor of_heads(const Tensor& rows) const {
    const int64_t heads = g.config()["heads"];
    return rows.unflatten(-1, {heads, rows.size(-1) / heads});
  }
  static Tensor of_rows(const Tensor& of_heads) { return of_heads.flatten(-2); }

  Tensor stacked(const State& state) const {
    std::vector<Tensor> rows;
    for (const TaskPrompt& prompt : state.prompts) rows.push_back(prompt.pairs.detach());
    return of_heads(at::stack(rows, 2)).clone();
  }

  // The row of task 1 before it was merged with that of task 0.
  Tensor unmerged(const State& state) const {
    const double m = g.config()["momentum"];
    return (state.prompts[1].pairs.to(torch::kFloat64) - m * state.prompts[0].pairs.to(torch::kFloat64)) / (1 - m);
  }

  // All classes have their rows in both heads from the start, and all tasks their prompts, as in the reference.
  State start(const std::string& tii, const std::string& stage2, const std::string& prompts, int64_t tasks_done) const {
    State state;
    fill(state.tii, g, tii);
    fill(state.head, g, stage2 + "head.");
    const Tensor pool = of_rows(g[prompts]);  // [blocks, 2, pool, p, d]
    for (int64_t t = 0; t < pool_; ++t) {
      state.prompts.emplace_back();
      state.prompts.back().pairs = pool.select(2, t).clone();
    }
    for (int64_t c = 0; c < tasks_done * per_task_; ++c) state.task_of.push_back(c / per_task_);
    state.task.classes_seen = state.head.classes();
    if (tasks_done == 1) {
      const Tensor stored = g["wtp.stored_centroids"];
      for (int64_t k = 0; k < stored.size(0); ++k) {
        state.features.gaussians().push_back({k * per_task_ / stored.size(0), stored[k].to(torch::kFloat64), torch::zeros(stored.size(1))});
        state.features.tasks().push_back(0);
      }
    }
    return state;
  }

  // One task trained, `task` 0 or 1, from a state of the fixture.
  Run train(int64_t task, const std::string& tii, const std::string& stage2, const std::string& prompts, const Settings& changes) const {
    const auto samples = [&](int64_t of) {
      const Tensor images = g["in.x" + std::to_string(of)];
      return Samples{.features = vit().query(images), .images = images, .labels = g["in.y" + std::to_string(of)]};
    };
    const auto labels = [&](int64_t of) {
      const Tensor row = g["class_mask"][of].contiguous();
      return std::vector<int64_t>(row.data_ptr<int64_t>(), row.data_ptr<int64_t>() + row.numel());
    };
    Bench bench(settings(changes), weights());
    Run run{.before = start(tii, stage2, prompts, task), .after = {}, .traced = {}};
    if (task == 1) bench.train(samples(0), run.before.head.classes(), labels(0));  // for the number of the task alone
    bench.load(clb::testing::saved(run.before), 1 << 20, run.before.head.classes());
    bench.train(samples(task), run.before.head.classes(), labels(task));
    clb::testing::load(run.after, bench.save());
    run.traced = bench.traced;
    return run;
  }

  void check_stage2(const std::string& at, Run& run, bool legacy) {
    for (const char* name : {"feature", "logits", "logits_masked", "ce", "contrastive", "loss"}) g.near(at + name, run.traced.at(name));
    if (!legacy) g.near(at + "batched_prompt", of_heads(run.traced.at("batched_prompt")));
    const int64_t task = at.find("t1") == std::string::npos ? 0 : 1;
    State &before = run.before, &after = run.after;
    Tensors gradients;
    Tensor rows = torch::zeros_like(stacked(before));
    const Tensor own = task == 0 ? after.prompts[0].pairs : unmerged(after).to(torch::kFloat32);
    rows.select(2, task).copy_(of_heads(before.prompts[static_cast<size_t>(task)].pairs - own));
    gradients["e_prompt"] = rows;
    const Tensors head = tensors_of(after.head);
    for (const auto& [name, t] : tensors_of(before.head)) gradients["head." + name] = t - head.at(name);
    Tensor squares = torch::zeros({});
    for (const auto& [name, gradient] : gradients) {
      g.near(at + "grad." + name, gradient);
      squares += gradient.square().sum();
    }
    g.near(at + "grad_norm", squares.sqrt());
    for (int64_t other = 0; other < pool_; ++other) {
      const auto k = static_cast<size_t>(other);
      EXPECT_EQ(torch::equal(before.prompts[k].pairs, after.prompts[k].pairs), other != task) << at << other;
    }
  }

  template <class Classify>
  void check_alignment_of(const std::string& at, const std::string& prefix, clb::nn::Module& heads, const char* lr, Classify classify) {
    const Tensor noise = g[at + "noise"], order = g[at + "permutation"], centroids = g["stat.centroids"], spreads = g["stat.centroid_vars"];
    const int64_t epochs = noise.size(0), classes = noise.size(1), clusters = noise.size(2), each = noise.size(3), d = noise.size(4);
    clb::nn::FeatureMemory memory;
    for (int64_t c = 0; c < classes; ++c)
      for (int64_t k = 0; k < clusters; ++k) {
        memory.gaussians().push_back({c, centroids[c][k].to(torch::kFloat64), spreads[c][k]});
        memory.tasks().push_back(c / per_task_);
      }
    const auto options = clb::AlignmentOptions{.epochs = epochs, .samples = each, .lr = g.config()[lr]}.replay(1e-4);
    const int64_t updates = memory.classes_before(1);
    EXPECT_EQ(updates, per_task_);
    clb::nn::Trainer trainer(options.fit, {heads}, updates);
    std::vector<double> losses, rates;
    for (int64_t e = 0; e < epochs; ++e) {
      const auto drawn =
          memory.rows_of(torch::arange(classes * clusters).repeat_interleave(each), noise[e].reshape({-1, d}), options.ridge);
      for (int64_t i = 0; i < updates; ++i) {
        const Tensor batch = order[e].narrow(0, i * each, each);
        rates.push_back(trainer.rate());
        clb::nn::align(trainer, {drawn.rows.index_select(0, batch), drawn.labels.index_select(0, batch)}, each,
                       [&](const Tensor& rows) { return classify(rows).narrow(1, 0, classes); });
        losses.push_back(trainer.take_mean_loss());
      }
    }
    g.close(at + "lr", torch::tensor(rates, torch::kFloat64), 1e-8);
    g.near(at + "loss", torch::tensor(losses, torch::kFloat64));
    for (const auto& [name, t] : tensors_of(heads)) g.near(at + "after." + prefix + name, t, 2e-5);
  }

  Blocks blocks_;
  int64_t per_task_, pool_;
};

TEST(HidePrompt, EqualsTheReference) {
  CLB_GOLDEN(g, "hide");
  Reference reference(g);
  reference.check_first_task();
  reference.check_second_task();
  reference.check_test();
  reference.check_statistics();
  reference.check_alignment();
  std::vector<std::string> inputs{"vit.",
                                  "in.",
                                  "class_mask",
                                  "tii.param.",
                                  "wtp.param.",
                                  "stat.features",
                                  "wtp.stored_centroids",
                                  "wtp.t1.start.",
                                  "tii.small_variance.input"};
  for (const char* stage : {"tii.align.", "wtp.align."})
    for (const char* name : {"noise", "permutation", "before."}) inputs.push_back(std::string(stage) + name);
  g.expect_all_compared(inputs);
}

const Blocks kBoth{0, 1}, kThird{2};

Settings small(const Settings& changes = {}) {
  return with({{"blocks", list(kBoth)},
               {"epochs", value(int64_t{3})},
               {"tii_epochs", value(int64_t{10})},
               {"batch_size", value(int64_t{4})},
               {"schedule", choice("constant")},
               {"lr", value(0.02)},
               {"tii_lr", value(0.01)},
               {"centroids", value(int64_t{2})},
               {"ca_epochs", value(int64_t{4})},
               {"tii_ca_epochs", value(int64_t{4})},
               {"ca_samples", value(int64_t{8})},
               {"tii_ca_samples", value(int64_t{8})}},
              changes);
}

Samples with_features(Samples samples) {
  samples.features = small_vit().query(samples.images);
  return samples;
}

void train_tasks(Bench& bench, int64_t tasks) {
  for (int64_t t = 0; t < tasks; ++t) bench.train(with_features(small_task(t)), 2 * t + 2);
}

TEST(HidePrompt, OldPromptsStandAndANewOneStartsAsACopy) {
  Bench bench(small(), small_weights());
  train_tasks(bench, 2);
  State before(bench);
  bench.train(with_features(small_task(2)), 6);
  State after(bench);
  ASSERT_EQ(after.prompts.size(), 3u);
  for (int64_t t = 0; t < 2; ++t) EXPECT_TRUE(torch::equal(before.prompts[t].pairs, after.prompts[t].pairs));
  EXPECT_FALSE(torch::equal(after.prompts[2].pairs, after.prompts[1].pairs));
  for (const char* name : {"weight", "bias"})
    EXPECT_FALSE(torch::equal(tensors_of(after.head).at(name).narrow(0, 0, 4), tensors_of(before.head).at(name)))
        << "alignment moves all rows";

  // Without an update it is one, but for the share of the older ones.
  Bench still(small({{"epochs", value(int64_t{0})}, {"prompt_momentum", value(0.0)}}), small_weights());
  train_tasks(still, 2);
  State copies(still);
  EXPECT_TRUE(torch::equal(copies.prompts[0].pairs, copies.prompts[1].pairs));
}

TEST(HidePrompt, AlignmentTouchesNoPromptAndHasAnUpdateForEachOldClass) {
  Bench with_alignment(small(), small_weights()), without(small({{"ca_epochs", value(int64_t{0})}}), small_weights());
  train_tasks(with_alignment, 1);
  EXPECT_FALSE(with_alignment.metrics.contains("alignment/updates"));
  EXPECT_FALSE(with_alignment.metrics.contains("inference/alignment/updates"));
  with_alignment.train(with_features(small_task(1)), 4);
  train_tasks(without, 2);
  EXPECT_EQ(with_alignment.metrics.at("alignment/updates")[0].second, 4 * 2);
  EXPECT_EQ(with_alignment.metrics.at("inference/alignment/updates")[0].second, 4 * 2);
  State a(with_alignment), b(without);
  for (size_t t = 0; t < 2; ++t) EXPECT_TRUE(torch::equal(a.prompts[t].pairs, b.prompts[t].pairs));
  EXPECT_TRUE(same(tensors_of(a.tii), tensors_of(b.tii))) << "the task inference has an alignment of its own";
  EXPECT_FALSE(same(tensors_of(a.head), tensors_of(b.head)));
}

TEST(HidePrompt, TasksAreInferredGivenOrAny) {
  Bench bench(small(), small_weights());
  train_tasks(bench, 3);
  State state(bench);
  const std::string bytes = bench.save();
  const Samples test = with_features(small_task(1, 40));
  const auto tasks = [&](const char* task_id) {
    Bench other(small({{"task_id", choice(task_id)}}), small_weights());
    other.load(bytes, 1 << 20, 6);
    Samples given = test;
    given.tasks = torch::arange(40).remainder(3);
    other.predict(given);
    return other.traced.at("task_id");
  };
  EXPECT_TRUE(torch::equal(tasks("oracle"), torch::arange(40).remainder(3)));
  const Tensor want = torch::tensor(state.task_of).index_select(0, state.tii(test.features).argmax(1));
  EXPECT_TRUE(torch::equal(tasks("inferred"), want));
  const Tensor any = tasks("random");
  EXPECT_TRUE((any >= 0).all().item<bool>() && (any < 3).all().item<bool>());
  EXPECT_GT(std::get<0>(at::_unique(any)).numel(), 1);
  EXPECT_TRUE(torch::equal(any, tasks("random"))) << "the same again";
}

TEST(HidePrompt, AnImagesPredictionDependsOnItsBatchInTheReleasedLayoutAlone) {
  const Samples test = with_features(small_task(1));
  for (const bool legacy : {false, true}) {
    Bench bench(small({{"legacy_prefix_reshape", value(legacy)}}), small_weights());
    train_tasks(bench, 2);
    const Tensor together = bench.predict(test);
    double apart = 0;
    for (int64_t k = 0; k < test.count(); ++k) {
      const Tensor alone = bench.predict(test.rows(torch::tensor({k})));
      apart = std::max(apart, (alone - together.narrow(0, k, 1)).abs().max().item<double>());
    }
    EXPECT_EQ(apart > 1e-3, legacy);
    EXPECT_TRUE(legacy || apart <= 1e-5) << apart;
  }
}

TEST(HidePrompt, SavedStatePredictsTheSameAndIsNotChangedByIt) {
  Bench bench(small(), small_weights()), again(small(), small_weights());
  train_tasks(bench, 2);
  const Samples test = with_features(small_task(1));
  const Tensor logits = bench.predict(test);
  again.load(bench.save(), 61, bench.classes_seen());
  EXPECT_TRUE(torch::equal(again.predict(test), logits));
  EXPECT_EQ(again.save(), bench.save());
}

TEST(HidePrompt, TrainedPromptsMoveAndMatter) {
  const Settings strong = small({{"epochs", value(int64_t{20})}, {"lr", value(0.05)}});
  Bench bench(strong, small_weights()), initial(with(strong, {{"test_prompts", choice("initial")}}), small_weights());
  train_tasks(bench, 2);
  EXPECT_GT(bench.metrics.at("prompts/relative_change")[0].second, 0.01);
  initial.load(bench.save(), 1 << 20, bench.classes_seen());
  const Samples test = with_features(small_task(0, 200));
  const Tensor changed = bench.predict(test).argmax(1) != initial.predict(test).argmax(1);
  EXPECT_GE(changed.to(torch::kFloat64).mean().item<double>(), 0.05);
}

TEST(HidePrompt, EveryKindOfStatisticsAlignsAndUsageCountsClusters) {
  for (const char* kind : {"multi_centroid", "variance", "covariance"}) {
    Bench bench(small({{"statistics", choice(kind)}}), small_weights());
    train_tasks(bench, 2);
    State state(bench);
    const bool clusters = std::string_view(kind) == "multi_centroid";
    EXPECT_EQ(state.features.gaussians().size(), clusters ? 8u : 4u) << kind;
    EXPECT_EQ(state.features.gaussians()[0].covariance.dim(), std::string_view(kind) == "covariance" ? 2 : 1);
    double uses = 0;
    for (const auto& [task, count] : bench.metrics.at("usage/prompt/0")) uses += count;
    EXPECT_EQ(uses, static_cast<double>(state.plain.gaussians().size()));
    EXPECT_TRUE(bench.predict(with_features(small_task(0))).isfinite().all().item<bool>());
  }
}

TEST(HidePrompt, WithoutPromptsTheHeadLearnsFromTheQueryAlone) {
  Bench bench(small({{"prompt_length", value(int64_t{0})}}), small_weights());
  train_tasks(bench, 2);
  EXPECT_EQ(bench.metrics.at("updates")[0].second, 9);
  EXPECT_EQ(bench.predict({.features = small_vit().query(small_task(0).images)}).sizes(), torch::IntArrayRef({12, 4}));
}

TEST(HidePrompt, MistakesAreNamed) {
  const auto refused = [](const std::string& words, const auto& call) {
    try {
      call();
      ADD_FAILURE() << words;
    } catch (const clb::PluginError& e) {
      EXPECT_EQ(e.status(), CLB_E_INVALID);
      EXPECT_NE(std::string(e.what()).find(words), std::string::npos) << e.what();
    }
  };
  refused("blocks holds block 2, but the network has 2", [] { Bench bench(small({{"blocks", list(kThird)}}), small_weights()); });
  refused("init_low lies above init_high", [] { Bench bench(small({{"init_low", value(2.0)}}), small_weights()); });
  refused("a class comes in a second task", [] {
    Bench bench(small(), small_weights());
    train_tasks(bench, 1);
    bench.train(with_features(small_task(0)), 2, {0, 1});
  });
}

}  // namespace
