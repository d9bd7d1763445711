// SLCA against the released code (fixture "slca"): both stages, statistics and drawn features; and the invariants of its chapter.
#include "slca.cpp"

#include "golden/golden.hpp"
#include "support/small_vit.hpp"

namespace {

using clb::golden::Golden;
using clb::nn::classes_of;
using clb::nn::FreshNorm;
using clb::nn::GrowingLinear;
using clb::nn::joined_logits;
using clb::testing::choice;
using clb::testing::kSmallVit;
using clb::testing::Samples;
using clb::testing::Settings;
using clb::testing::small_task;
using clb::testing::small_vit;
using clb::testing::small_weights;
using clb::testing::value;
using torch::Tensor;
using Bench = clb::testing::MethodBench<Slca>;

// The fixture's network: a linear map with a fresh norm behind it.
struct StandIn final : clb::nn::Module {
  explicit StandIn(const Golden& g) : weight(g["backbone.weight"]), bias(g["backbone.bias"]), norm(weight.size(0)) {
    clb::nn::unfreeze(*this);
  }
  Tensor operator()(const Tensor& x) const { return norm.at(clb::nn::Site::kNorm, -1, at::linear(x, weight, bias), {}); }
  void parts(clb::nn::Parts& p) override { p("weight", weight)("bias", bias)("norm", norm); }
  Tensor weight, bias;
  FreshNorm norm;
};

GrowingLinear head_of(const Tensor& weight, const Tensor& bias) {
  GrowingLinear head({.dim = weight.size(1)}, [](const std::string&) { return at::detail::createCPUGenerator(); });
  head.grow(weight.size(0));
  head.parameters([&](const std::string& name, Tensor& t) { t = (name == "weight" ? weight : bias).clone().requires_grad_(); });
  return head;
}

// One tensor of features for each class, [n, d].
clb::nn::ClassCovariances statistics_of(const std::vector<Tensor>& features) {
  clb::nn::ClassCovariances classes;
  classes.grow(static_cast<int64_t>(features.size()), features[0].size(1), torch::kCPU);
  for (size_t k = 0; k < features.size(); ++k)
    classes.add(features[k], torch::full(features[k].size(0), static_cast<int64_t>(k), torch::kInt64));
  return classes;
}

void close_heads(Golden& g, const std::string& at, Heads& heads, double tolerance) {
  for (int64_t k = 0; k < heads.size(); ++k)
    heads[k].parameters([&](const std::string& name, Tensor& t) { g.close(at + std::to_string(k) + "." + name, t, tolerance); });
}

class SlcaGolden {
 public:
  explicit SlcaGolden(Golden& golden) : g(golden), network(golden) {}

  void learn(int64_t task) {
    const std::string at = "task" + std::to_string(task) + ".s1.";
    clb::nn::freeze(heads);
    const Tensor start = g["task" + std::to_string(task) + ".head_init.weight"];
    heads.add(head_of(start, torch::zeros(start.size(0))));
    std::vector<int64_t> labels;
    for (int64_t c = 0; c < classes(); ++c) labels.push_back(task * classes() + c);

    const auto& c = g.config();
    const clb::nn::FitOptions options{
        .lr = c["lr"], .weight_decay = c["wd"], .epochs = c["epochs"], .schedule = "multistep", .milestones = c["milestones"]};
    rates(at, options);
    clb::nn::Trainer trainer(options, {{network, 0.01}, heads.back()}, c["steps"]);
    const Tensor x = g[at + "x"], y = g[at + "y"];
    std::vector<double> losses;
    for (int64_t k = 0; k < x.size(0); ++k) {
      trainer.step(slow_loss(heads, network(x[k]), y[k], labels));
      losses.push_back(trainer.take_mean_loss());
      if (k == 0) first_step(at);
    }
    g.close(at + "losses", torch::tensor(losses), 6e-6);
    network.parameters([&](const std::string& name, Tensor& t) { g.close(at + "backbone_after." + name, t, 4e-6); });
    close_heads(g, at + "heads_after.", heads, 3e-6);
  }

  void statistics(int64_t task) {
    const torch::NoGradGuard no_grad;
    const std::string at = "task" + std::to_string(task) + ".stats.";
    std::vector<Tensor> features;
    std::vector<int64_t> labels;
    for (int64_t c = 0; c < classes(); ++c) {
      labels.push_back(task * classes() + c);
      features.push_back(network(g["class" + std::to_string(labels.back()) + ".x"]));
    }
    gaussians.add(statistics_of(features), labels, task, 1e-4);
    const auto last = [&](const std::vector<Tensor>& list) { return at::stack(std::vector<Tensor>(list.end() - classes(), list.end())); };
    g.close(at + "features", last(features), 7e-6);
    g.close(at + "mean", last(gaussians.means), 5e-6);
    g.close(at + "cov", last(gaussians.covariances), 6e-6);
  }

  void align(int64_t task) {
    const std::string at = "task" + std::to_string(task) + ".ca.";
    const double tau = g.config()["tau"];
    const clb::nn::DrawnRows rows = drawn(at, task);
    const int64_t all = static_cast<int64_t>(gaussians.labels.size()), per_class = g[at + "eps"].size(1);
    Heads aligned = clb::nn::copy_of(heads);
    clb::nn::unfreeze(aligned);
    const Tensor z = joined_logits(aligned, rows.rows.narrow(0, 0, 16));
    g.close(at + "decoupled0_first16", clb::nn::normalized_logits(z, classes_of(aligned), tau), 5e-4);

    const clb::nn::FitOptions options{
        .lr = g.config()["lr"], .weight_decay = g.config()["wd"], .epochs = g.config()["ca_epochs"], .schedule = "cosine"};
    clb::nn::Trainer trainer(options, {aligned}, all);
    std::vector<double> losses;
    for (int64_t k = 0; k < all; ++k) {
      const clb::nn::DrawnRows batch{rows.rows.narrow(0, k * per_class, per_class), rows.labels.narrow(0, k * per_class, per_class)};
      align_heads(trainer, aligned, batch, per_class, tau);
      losses.push_back(trainer.take_mean_loss());
      if (k > 0) continue;
      for (int64_t h = 0; h < aligned.size(); ++h)
        aligned[h].parameters(
            [&](const std::string& name, Tensor& t) { g.close(at + "grad0." + std::to_string(h) + "." + name, t.grad(), 3e-5); });
      close_heads(g, at + "heads_iter1.", aligned, 3e-6);
    }
    g.close(at + "losses", torch::tensor(losses), 2e-5);
    close_heads(g, at + "heads_after.", aligned, 5e-6);
    close_heads(g, "task" + std::to_string(task) + ".s1.heads_after.", heads, 3e-6);  // the next task goes on from these
  }

 private:
  int64_t classes() const { return g.config()["nt"]; }

  void rates(const std::string& at, const clb::nn::FitOptions& options) {
    std::vector<Tensor> rows;
    for (int64_t e = 0; e < options.epochs; ++e) {
      const double rate = clb::nn::learning_rate(options, static_cast<double>(e), static_cast<double>(options.epochs));
      rows.push_back(torch::tensor({0.01 * rate, rate}, torch::kFloat64));
    }
    g.close(at + "lrs", at::stack(rows), 1e-11);
  }

  void first_step(const std::string& at) {
    const auto check = [&](const std::string& name, const Tensor& t) {
      if (t.grad().defined()) g.close(at + "first_grad." + name, t.grad(), 2e-6);
      g.close(at + "first_after." + name, t, 4e-6);
    };
    network.parameters([&](const std::string& name, Tensor& t) { check("backbone." + name, t); });
    for (int64_t k = 0; k < heads.size(); ++k)
      heads[k].parameters([&](const std::string& name, Tensor& t) { check("head" + std::to_string(k) + "." + name, t); });
  }

  // As Slca::drawn, from the fixture's noise and order.
  clb::nn::DrawnRows drawn(const std::string& at, int64_t task) {
    const Tensor noise = g[at + "eps"];
    std::vector<Tensor> means, factors, rows, labels;
    for (int64_t k = 0; k < noise.size(0); ++k) {
      means.push_back((gaussians.means[k] * mean_factor(0.1, gaussians.tasks[k], task)).to(torch::kFloat32));
      const auto factor = clb::nn::lower_factor(gaussians.covariances[k]);
      EXPECT_EQ(factor.jitter, 0);
      factors.push_back(factor.lower);
      rows.push_back(clb::nn::gaussian_rows(means.back(), factors.back(), noise[k]));
      labels.push_back(torch::full(noise.size(1), gaussians.labels[k], torch::kInt64));
    }
    g.close(at + "scaled_means", at::stack(means), 5e-6);
    g.close(at + "chol", at::stack(factors), 1e-4);
    g.close(at + "samples_first16", at::stack(rows).narrow(1, 0, 16), 2e-4);
    const Tensor order = g[at + "perm"].to(torch::kInt64);
    return {at::cat(rows).index_select(0, order), at::cat(labels).index_select(0, order)};
  }

  Golden& g;
  StandIn network;
  Heads heads;
  Gaussians gaussians;
};

TEST(Slca, EqualsTheReference) {
  CLB_GOLDEN(g, "slca");
  SlcaGolden run(g);
  const int64_t tasks = g.config()["T"];
  for (int64_t t = 0; t < tasks; ++t) {
    run.learn(t);
    run.statistics(t);
    if (t > 0) run.align(t);
  }
  Tensor factors = torch::zeros({tasks, tasks}, torch::kFloat64);
  for (int64_t t = 0; t < tasks; ++t)
    for (int64_t of = 0; of <= t; ++of) factors[t][of] = mean_factor(0.1, of, t);
  g.close("mean_factors", factors, 1e-9);
  std::vector<std::string> inputs{"backbone.", "class"};
  for (int64_t t = 0; t < tasks; ++t) {
    const std::string at = "task" + std::to_string(t) + ".";
    for (const char* name : {"head_init.", "s1.x", "s1.y", "ca.eps", "ca.perm"}) inputs.push_back(at + name);
  }
  g.expect_all_compared(inputs);
}

TEST(Slca, MeansOfOldClassesShrink) {
  EXPECT_NEAR(mean_factor(0.1, 0, 2), 0.93333333, 1e-8);
  EXPECT_NEAR(mean_factor(0.1, 1, 2), 0.96666667, 1e-8);
  EXPECT_EQ(mean_factor(0.1, 2, 2), 1.0);
}

Settings settings(const Settings& changes = {}) {
  Settings all{{"epochs", value(int64_t{2})}, {"batch_size", value(int64_t{4})}, {"lr", value(0.05)}, {"ca_samples", value(int64_t{8})}};
  for (const auto& [name, v] : changes) all[name] = v;
  return all;
}

// The state's members, read back through the archive.
struct State {
  clb::nn::Vit vit = small_vit();
  clb::nn::Part slow;
  FreshNorm norm{kSmallVit.dim};
  Heads heads, aligned;
  Gaussians gaussians;
  clb::Task task;

  State(Bench& bench, const std::vector<std::string>& trained = {"cls_token", "pos_embed", "patch_embed.", "blocks."})
      : slow(vit, trained) {
    clb::testing::load(*this, bench.save());
  }
  void state(clb::Archive& a) {
    const auto make = [] { return head_of(torch::zeros({0, kSmallVit.dim}), torch::zeros(0)); };
    task.state(a);
    a("network", slow)("norm", norm)("heads", heads.items(), make)("aligned", aligned.items(), make);
    gaussians.state(a);
  }
};

std::map<std::string, Tensor> tensors(clb::nn::Module& module) {
  std::map<std::string, Tensor> found;
  module.parameters([&](const std::string& name, Tensor& t) { found[name] = t.detach().clone(); });
  return found;
}

bool equal(clb::nn::Module& a, clb::nn::Module& b) {
  const auto left = tensors(a), right = tensors(b);
  return std::equal(left.begin(), left.end(), right.begin(), right.end(),
                    [](const auto& l, const auto& r) { return l.first == r.first && torch::equal(l.second, r.second); });
}

TEST(Slca, TheNetworkLearnsInEveryTaskUnlessItsRateIsZero) {
  for (const bool slow : {true, false}) {
    for (const char* norm : {"fresh", "pretrained"}) {
      std::vector<std::string> trained{"cls_token", "pos_embed", "patch_embed.", "blocks."};
      if (std::string_view(norm) == "pretrained") trained = {""};
      if (!slow) trained = {};
      Bench bench(settings({{"bcb_lrscale", value(slow ? 0.01 : 0.0)}, {"final_norm", choice(norm)}}), small_weights());
      State before(bench, trained);
      for (int64_t t = 0; t < 3; ++t) {
        const auto norm_before = tensors(before.norm);
        bench.train(small_task(t), 2 * t + 2);
        State after(bench, trained);
        EXPECT_EQ(slow, !equal(before.vit, after.vit)) << norm << ", task " << t;
        EXPECT_EQ(slow && std::string_view(norm) == "fresh", !equal(before.norm, after.norm)) << norm << ", task " << t;
        before = std::move(after);
      }
    }
  }
}

TEST(Slca, OldHeadsStayInStageOneAndAlignmentTouchesCopiesOnly) {
  Bench bench(settings(), small_weights());
  bench.train(small_task(0), 2);
  State first(bench);
  EXPECT_TRUE(equal(first.heads[0], first.aligned[0])) << "there is no alignment in the first task";
  EXPECT_FALSE(bench.metrics.contains("alignment/updates"));
  bench.train(small_task(1), 4);
  State second(bench);
  EXPECT_TRUE(equal(first.heads[0], second.heads[0]));
  for (int k = 0; k < 2; ++k) EXPECT_FALSE(equal(second.heads[k], second.aligned[k])) << k;
  // Two epochs of three batches; five epochs of 4 classes.
  EXPECT_EQ(bench.metrics.at("updates")[0].second, 6);
  EXPECT_EQ(bench.metrics.at("alignment/updates")[0].second, 20);
  EXPECT_EQ(bench.metrics.at("alignment/loss").size(), 5u);
  // What was kept of old classes is not renewed.
  EXPECT_EQ(second.gaussians.labels, (std::vector<int64_t>{0, 1, 2, 3}));
  for (int k = 0; k < 2; ++k) EXPECT_TRUE(torch::equal(first.gaussians.covariances[k], second.gaussians.covariances[k]));

  // Without alignment stage 1 is the same, and its heads predict.
  Bench without(settings({{"ca_epochs", value(int64_t{0})}}), small_weights());
  for (int64_t t = 0; t < 2; ++t) without.train(small_task(t), 2 * t + 2);
  State slow_only(without);
  EXPECT_TRUE(equal(slow_only.vit, second.vit));
  for (int k = 0; k < 2; ++k) EXPECT_TRUE(equal(slow_only.heads[k], second.heads[k]) && equal(slow_only.heads[k], slow_only.aligned[k]));
  EXPECT_FALSE(torch::equal(without.predict(small_task(0)), bench.predict(small_task(0))));
}

TEST(Slca, SavedStatePredictsTheSame) {
  Bench bench(settings(), small_weights()), again(settings(), small_weights());
  for (int64_t t = 0; t < 2; ++t) bench.train(small_task(t), 2 * t + 2);
  const Tensor logits = bench.predict(small_task(0));
  again.load(bench.save(), 64, bench.classes_seen());
  EXPECT_TRUE(torch::equal(again.predict(small_task(0)), logits));
  EXPECT_EQ(again.save(), bench.save()) << "predict changed the state";
}

TEST(Slca, AClassOfOneImageHasNoSpreadButTheRidge) {
  Gaussians gaussians;
  gaussians.add(statistics_of({torch::ones({1, 4}), torch::ones({0, 4})}), {3, 4}, 0, 0.5);
  EXPECT_EQ(gaussians.labels, std::vector<int64_t>{3}) << "a class without samples has no distribution";
  EXPECT_TRUE(torch::equal(gaussians.covariances[0], 0.5 * torch::eye(4)));
  EXPECT_EQ(clb::nn::lower_factor(gaussians.covariances[0]).jitter, 0);
}

TEST(Slca, TheReleasedTaskIndexAndOtherOptionsChangeAlignmentAlone) {
  const auto train = [&](const Settings& changes) {
    Bench bench(settings(changes), small_weights());
    bench.train({.features = {},
                 .images = at::cat({small_task(0).images, small_task(1).images}),
                 .labels = at::cat({small_task(0).labels, small_task(1).labels})},
                4);
    bench.train(small_task(2), 6);
    return State(bench);
  };
  State plain = train({});
  for (const Settings& changes : {Settings{{"official_task_index", value(true)}}, Settings{{"ca_temperature", value(0.0)}},
                                  Settings{{"mean_shrink", value(0.0)}}, Settings{{"ca_lr", value(0.1)}}}) {
    State other = train(changes);
    EXPECT_TRUE(equal(plain.vit, other.vit) && equal(plain.heads[1], other.heads[1])) << changes.begin()->first;
    EXPECT_FALSE(equal(plain.aligned[0], other.aligned[0])) << changes.begin()->first;
  }
}

}  // namespace
