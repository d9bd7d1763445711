// RanPAC against its released code (fixture "ranpac"), through the plugin's own table, and the invariants of its chapter.
#include "ranpac.cpp"

#include <limits>

#include "golden/golden.hpp"
#include "support/adaptation.hpp"
#include "support/method_bench.hpp"

namespace {

using clb::golden::Golden;
using clb::testing::choice;
using clb::testing::Samples;
using clb::testing::Settings;
using clb::testing::value;
using torch::Tensor;
using Bench = clb::testing::MethodBench<RanPac>;

// What the plugin's state holds.
struct State {
  clb::Task task;
  clb::AdaptedFeatures tuned;  // nothing
  clb::nn::RidgeStatistics statistics;
  Tensor weights;

  explicit State(Bench& bench) { clb::testing::load(*this, bench.save(), uint64_t{1} << 20); }
  void state(clb::Archive& a) {
    task.state(a);
    a("tuned", tuned)("statistics", statistics);
    a("weights", weights);
  }
};

// Features are given: no network, no tuner.
Settings frozen(Settings more = {}) {
  more.insert({"tuner", choice("none")});
  return more;
}

// The plugin draws its own projection. Features of 25 M numbers that it maps to what the fixture's projection makes of the fixture's
// features: f' P = f R with f' = f R (P^T P)^-1 P^T.
class Disguise {
 public:
  explicit Disguise(const Tensor& given) : given_(given.to(torch::kFloat64)) {
    Bench bench(frozen({{"projection", value(given.size(1))}}));
    bench.train({.features = at::ones({2, 25 * given.size(1)}), .labels = torch::tensor({0, 1})}, 2);
    const Tensor own = bench.traced.at("projection").to(torch::kFloat64);  // [25 M, M]
    inverse_ = at::linalg_solve(at::mm(own.t(), own), own.t());            // [M, 25 M]
  }
  Tensor operator()(const Tensor& features) const { return at::mm(at::mm(features.to(torch::kFloat64), given_), inverse_); }

 private:
  Tensor given_, inverse_;
};

Tensor undisguised(const Tensor& features) { return features.to(torch::kFloat64); }

using Features = std::function<Tensor(const Tensor&)>;

Tensor with_unseen_columns(const Tensor& t, int64_t classes) {  // [., c] -> [., classes]
  return at::cat({t, torch::zeros({t.size(0), classes - t.size(1)}, t.options())}, 1);
}

// One stream of tasks. `at`: before the names of the tasks' results; in single precision the tensors of the float64 twin are left out.
void check_stream(Golden& g, const std::string& at, const Settings& settings, const Features& features, bool twin) {
  Bench bench(settings);
  const auto sizes = g.config()["tasks"].get<std::vector<int64_t>>();
  const int64_t all = g.config()["C_tot"];
  int64_t seen = 0;
  for (size_t t = 0; t < sizes.size(); ++t) {
    const std::string data = "task" + std::to_string(t) + ".", task = at + data;
    bench.train({.features = features(g[data + "features"]), .labels = g[data + "labels"]}, seen += sizes[t]);
    bench.predict({.features = features(g["test_features"])});
    State state(bench);
    // The reference has columns of all classes from the start: zeros in prediction and target, which the mean runs over as well.
    const Tensor losses = bench.traced.at("losses") * seen / all, logits = bench.traced.at("logits");
    g.close(task + "losses", losses, 2e-5);
    g.close(task + "ridge", torch::tensor({bench.metrics.at("ridge")[0].second}, torch::kFloat64));
    g.close(task + "W", state.weights, 6e-6);
    g.close(task + "logits", logits, 3e-5);
    if (g.has(task + "G")) {
      g.close(task + "G", state.statistics.gram(), 3e-2);
      g.close(task + "Q", with_unseen_columns(state.statistics.sums().t(), all), 9e-4);
    }
    if (twin) {
      g.close_to(task + "losses_f64", g[task + "losses_f64"], losses, 2e-10);
      g.close_to(task + "W_f64", g[task + "W_f64"], state.weights, 2e-10);
      g.close_to(task + "logits_f64", g[task + "logits_f64"], logits, 2e-9);
    }
    if (g.has(task + "H")) g.close(task + "H", bench.traced.at("rows"), 6e-5);
    if (at.empty()) {
      for (const char* part : {"fit", "holdout"}) {
        const Tensor chosen = bench.traced.at(part == std::string("fit") ? "fit_labels" : "held_out_labels");
        g.close_to(data + part + "_idx", g[data + "labels"].index_select(0, g[data + part + "_idx"]), chosen, 0);
      }
    }
  }
}

void check_pilot_head(Golden& g, const Settings& settings, const Features& features) {
  Bench bench(settings);
  int64_t seen = 0, t = 0;
  for (const int64_t classes : g.config()["tasks"].get<std::vector<int64_t>>()) {
    const std::string task = "task" + std::to_string(t++) + ".";
    bench.train({.features = features(g[task + "features"]), .labels = g[task + "labels"]}, seen += classes);
    g.close(task + "logits_pilot", bench.predict({.features = features(g["test_features"])}), 9e-6);
  }
}

// One task with fewer samples than columns.
void check_singular(Golden& g, const Settings& settings, const Features& features) {
  Bench bench(settings);
  bench.train({.features = features(g["sing.features"]), .labels = g["sing.labels"]}, g["sing.W_f64"].size(0));
  bench.predict({.features = features(g["test_features"])});
  State state(bench);
  // The reference solves the singular system by LU, which leaves an error of the order of eps |G| / ridge in float64 as well: repeated with
  // other rounding, its own loss at 10^-8 moves by 4e-7.
  const Tensor losses = bench.traced.at("losses"), expected = g["sing.losses_f64"];
  const Tensor rounding = std::numeric_limits<double>::epsilon() * g["sing.G_f64"].trace() / g["ridges"];
  g.close_to("sing.losses_f64", expected, at::where((losses - expected).abs() <= rounding, expected, losses), 4e-10);
  g.close("sing.ridge", torch::tensor({bench.metrics.at("ridge")[0].second}, torch::kFloat64));
  g.close_to("sing.G_f64", g["sing.G_f64"], state.statistics.gram(), 8e-7);
  g.close_to("sing.W_f64", g["sing.W_f64"], state.weights, 5e-11);
  g.close_to("sing.logits_f64", g["sing.logits_f64"], bench.traced.at("logits"), 2e-9);
}

TEST(RanPac, EqualsTheReference) {
  CLB_GOLDEN(g, "ranpac");
  const Settings projected = frozen({{"projection", value(g["R"].size(1))}}), plain = frozen({{"projection", value(int64_t{0})}});
  const Disguise disguise(g["R"]);
  const auto single = [](Settings settings) {
    settings["solve"] = choice("fp32");
    return settings;
  };
  check_stream(g, "", projected, disguise, true);
  check_stream(g, "m0.", plain, undisguised, true);
  check_stream(g, "", single(projected), disguise, false);
  check_stream(g, "m0.", single(plain), undisguised, false);
  Settings pilot = projected;
  pilot["head"] = choice("cosine");
  check_pilot_head(g, pilot, disguise);
  check_singular(g, projected, disguise);
  g.close_to("ridges", g["ridges"].log10(), torch::tensor(clb::nn::powers_of_ten(-8, 8), torch::kFloat64).log10(), 1e-12);
  g.expect_all_compared({"R", "test_features", "test_labels", "task0.features", "task1.features", "task2.features", "task0.labels",
                         "task1.labels", "task2.labels", "sing.features", "sing.labels", "sing.losses_f32_reference",
                         "sing.ridge_f32_reference"});
}

// Three classes of 20 samples each, in turn.
Samples samples(int64_t first_class, uint64_t seed) {
  const auto generator = at::detail::createCPUGenerator(seed);
  const Tensor labels = torch::arange(60).remainder(3) + first_class;
  return {.features = at::randn({60, 6}, generator) + at::one_hot(labels % 6, 6), .labels = labels};
}

Settings small(Settings more = {}) {
  more.insert({"projection", value(int64_t{50})});
  return frozen(more);
}

TEST(RanPac, WithoutProjectionItIsRidgeRegressionOnEverythingSeen) {
  Bench bench(frozen({{"projection", value(int64_t{0})}}));
  const Samples first = samples(0, 1), second = samples(3, 2);
  bench.train(first, 3);
  bench.train(second, 6);
  const Tensor f = at::cat({first.features, second.features}).to(torch::kFloat64), y = at::cat({first.labels, second.labels});
  const Tensor regularised = at::mm(f.t(), f) + bench.metrics.at("ridge")[0].second * at::eye(6, torch::kFloat64);
  const Tensor expected = at::linalg_solve(regularised, at::mm(f.t(), at::one_hot(y, 6).to(torch::kFloat64)));
  EXPECT_TRUE(torch::allclose(State(bench).weights.t(), expected, 1e-10, 1e-12));

  Bench projected(small({{"relu", value(false)}, {"projection", value(int64_t{6})}}));
  const Disguise disguise(at::eye(6));
  projected.train({.features = disguise(first.features), .labels = first.labels}, 3);
  projected.train({.features = disguise(second.features), .labels = second.labels}, 6);
  EXPECT_TRUE(torch::allclose(State(projected).weights.t(), expected, 1e-9, 1e-11)) << "the identity without relu is no projection";
}

TEST(RanPac, SumsDoNotDependOnBatchesAndTheOrderOfTasks) {
  const auto gram = [](const std::vector<int64_t>& order, int64_t batch_size) {
    Bench bench(small({{"feature_batch", value(batch_size)}}));
    int64_t seen = 0;
    for (const int64_t k : order) bench.train(samples(3 * k, static_cast<uint64_t>(k)), seen = std::max(seen, 3 * k + 3));
    return State(bench).statistics.gram();
  };
  const Tensor expected = gram({0, 1}, 1024);
  EXPECT_TRUE(torch::allclose(gram({0, 1}, 7), expected, 1e-10, 0));
  EXPECT_TRUE(torch::allclose(gram({1, 0}, 1024), expected, 1e-10, 0));
}

TEST(RanPac, OneClassIsAlwaysPredicted) {
  Bench bench(small());
  Samples data = samples(0, 3);
  data.labels.zero_();
  bench.train(data, 1);
  EXPECT_TRUE(bench.predict(data).argmax(1).eq(0).all().item<bool>());
}

TEST(RanPac, StateGrowsWithClassesAloneAndHoldsNoProjection) {
  const auto bytes = [](int64_t dim, int64_t tasks) {
    Bench bench(small());
    for (int64_t t = 0; t < tasks; ++t) {
      Samples data = samples(0, static_cast<uint64_t>(t));
      data.features = data.features.repeat({1, dim / 6});
      bench.train(data, 3, {0, 1, 2});
    }
    return bench.save().size();
  };
  EXPECT_EQ(bytes(6, 1), bytes(6, 4));
  EXPECT_EQ(bytes(6, 1), bytes(600, 1));
  EXPECT_LT(bytes(6, 1), (50 * 51 / 2 + 2 * 3 * 50) * sizeof(double) + 600) << "the Gram matrix is not kept as a triangle";
}

TEST(RanPac, SavedStateGivesTheSameLogitsAndGoesOn) {
  for (const char* solve : {"fp64", "fp32"}) {
    Bench trained(small({{"solve", choice(solve)}}));
    trained.train(samples(0, 1), 3);
    const std::string state = trained.save();
    const Tensor logits = trained.predict(samples(0, 9));
    EXPECT_EQ(trained.save(), state) << "predict changed the state";
    Bench fresh(small({{"solve", choice(solve)}}));
    fresh.load(state, 3, 3);
    EXPECT_TRUE(torch::equal(fresh.predict(samples(0, 9)), logits));
    for (Bench* bench : {&trained, &fresh}) bench->train(samples(3, 2), 6);
    EXPECT_TRUE(torch::equal(fresh.predict(samples(0, 9)), trained.predict(samples(0, 9))));
    for (size_t cut = 0; cut < state.size(); cut += 997) EXPECT_THROW(Bench(small()).load(state.substr(0, cut), 64, 3), clb::PluginError);
  }
}

TEST(RanPac, PredictionsDoNotDependOnTheBatch) {
  Bench bench(small());
  bench.train(samples(0, 1), 3);
  const Tensor features = samples(0, 9).features, together = bench.predict({.features = features});
  for (int64_t k = 0; k < features.size(0); ++k)
    EXPECT_TRUE(torch::allclose(bench.predict({.features = features.narrow(0, k, 1)})[0], together[k], 1e-5, 1e-6));
}

TEST(RanPac, RefusesWhatItCannotDo) {
  EXPECT_THROW(Bench(frozen({{"ridge_low", value(int64_t{3})}, {"ridge_high", value(int64_t{2})}})), clb::PluginError);
  Bench bench(small());
  Samples data = samples(0, 1);
  data.features = data.features / 0;
  EXPECT_THROW(bench.train(data, 3), clb::PluginError);
}

TEST(RanPac, ATunerLearnsInTheFirstTaskAlone) {
  const Settings settings{{"projection", value(int64_t{30})}, {"ridge_low", value(int64_t{0})}};
  clb::testing::expect_adaptation_in_the_first_task<RanPac>(settings, 0);
  clb::testing::expect_no_change_from_an_untrained_adapter<RanPac>(settings, 0);
}

}  // namespace
