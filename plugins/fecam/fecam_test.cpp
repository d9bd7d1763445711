// FeCAM against its released code and LAMDA-PILOT's (fixture "fecam"), and the invariants of its chapter.
#include "fecam.cpp"

#include <clb/nn/triangle.hpp>

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
using Bench = clb::testing::MethodBench<FeCam>;

// Classes of features [C, n, d], one task each.
struct Classes {
  Tensor features;

  Samples samples(int64_t c) const { return {.features = features[c], .labels = torch::full({features.size(1)}, c, torch::kInt64)}; }
  Samples all() const {
    const Tensor labels = torch::arange(features.size(0)).repeat_interleave(features.size(1));
    return {.features = features.flatten(0, 1), .labels = labels};
  }
};

// What is traced of each class, as the tasks of one class go by.
std::map<std::string, Tensor> train_one_by_one(Bench& bench, const Classes& classes) {
  std::map<std::string, std::vector<Tensor>> each;
  for (int64_t c = 0; c < classes.features.size(0); ++c) {
    bench.train(classes.samples(c), c + 1);
    for (const auto& [name, t] : bench.traced) each[name].push_back(t);
  }
  std::map<std::string, Tensor> stacked;
  for (const auto& [name, list] : each)
    if (name != "logits") stacked[name] = at::stack(list);
  return stacked;
}

// The plugin's state with the reference's means, which it computes in float32, and its covariances.
struct ReferenceState {
  clb::Task task;
  clb::AdaptedFeatures tuned;  // nothing
  clb::nn::ClassCovariances statistics;

  explicit ReferenceState(const Golden& g) {
    const Tensor means = g["mean"].to(torch::kFloat64), sums = means * g["features"].size(1);
    const auto n = static_cast<double>(g["features"].size(1));
    task.classes_seen = means.size(0);
    statistics.grow(means.size(0), means.size(1), torch::kCPU);
    const Tensor products = g["cov"] * (n - 1) + sums.unsqueeze(2) * means.unsqueeze(1);
    statistics.parameters([&](const std::string& name, Tensor& t) {
      t = name == "sums" ? sums : name == "counts" ? torch::full({means.size(0), 1}, n, torch::kFloat64) : clb::nn::pack_triangle(products);
    });
  }
  void state(clb::Archive& a) {
    task.state(a);
    a("tuned", tuned)("statistics", statistics);
  }
};

// distance: the fixture's bound, for what follows from the reference's own means.
void check(Golden& g, const std::string& at, const Settings& settings, double shrunk, double distance) {
  Bench bench(settings);
  const auto traced = train_one_by_one(bench, {g["features"]});
  const Tensor logits = bench.predict({.features = g["test"]});
  g.equal(at + "pred", logits.argmax(1));
  g.close(at + "dist", -bench.traced.at("logits"));
  if (g.has(at + "shrunk")) {
    ReferenceState reference(g);
    Bench given(settings);
    given.load(clb::testing::saved(reference), 1 << 20, bench.classes_seen());
    given.predict({.features = g["test"]});
    g.close_to(at + "dist", g[at + "dist"], -given.traced.at("logits"), distance);
    g.close_to("cov", g["cov"], traced.at("covariance"), 9e-11);
    g.close_to(at + "shrunk", g[at + "shrunk"], traced.at("shrunk"), shrunk);
    g.close_to(at + "normalised", g[at + "normalised"], traced.at("normalised"), 1e-9);
  } else {
    g.close(at + "corr", traced.at("normalised"));
  }
}

TEST(FeCam, EqualsTheReferences) {
  CLB_GOLDEN(g, "fecam");
  const Settings imagenetr{{"shrink_diagonal", value(10.0)}, {"shrink_off_diagonal", value(10.0)}};
  check(g, "cifar.", {}, 2e-10, 5e-9);
  check(g, "imagenetr.", imagenetr, 5e-10, 4e-9);
  check(g, "pilot.", {{"variant", choice("pilot")}}, 0, 0);
  clb::nn::ClassMeans means;
  const Samples all = Classes{g["features"]}.all();
  means.grow(g["features"].size(0), g["features"].size(2), torch::kCPU);
  means.add(clb::nn::unit_rows(all.features), all.labels);
  g.close("mean", means.means());
  g.expect_all_compared({"features", "test"});
}

Classes made() {
  const auto generator = at::detail::createCPUGenerator(5);
  return {at::randn({4, 12, 6}, generator) + at::randn({4, 1, 6}, generator)};
}

Tensor test_rows() { return at::randn({9, 6}, at::detail::createCPUGenerator(6)); }

TEST(FeCam, ManySamplesAtOnceAreTheSameAsClassByClass) {
  Bench one_by_one, at_once;
  train_one_by_one(one_by_one, made());
  at_once.train(made().all(), 4);
  EXPECT_TRUE(torch::equal(one_by_one.predict({.features = test_rows()}), at_once.predict({.features = test_rows()})));
}

TEST(FeCam, NewClassesChangeNoDistanceToOldOnes) {
  Bench bench;
  bench.train(made().samples(0), 1);
  bench.train(made().samples(1), 2);
  const Tensor before = bench.predict({.features = test_rows()});
  bench.train(made().samples(2), 3);
  EXPECT_TRUE(torch::equal(bench.predict({.features = test_rows()}).narrow(1, 0, 2), before));
}

TEST(FeCam, StrongShrinkageIsTheEuclideanDistance) {
  Bench bench({{"shrink_diagonal", value(1e6)}});
  bench.train(made().all(), 4);
  const Tensor x = clb::nn::unit_rows(test_rows()), means = clb::nn::unit_rows(made().features).mean(1);
  const Tensor squares = (x.unsqueeze(1) - means.unsqueeze(0)).square().sum(2);
  EXPECT_TRUE(torch::allclose(-bench.predict({.features = test_rows()}), squares, 1e-4, 1e-5));
}

TEST(FeCam, MatricesHaveUnitDiagonalsAndForgetTheScale) {
  Bench bench, raw({{"unit_variance", value(false)}});
  bench.train(made().all(), 4);
  const Tensor normalised = bench.traced.at("normalised");
  EXPECT_TRUE(torch::allclose(normalised.diagonal(), at::ones({6}, torch::kFloat64)));
  EXPECT_TRUE(torch::allclose(normalised, normalised.t(), 1e-12, 1e-12));
  EXPECT_TRUE(torch::allclose(clb::nn::correlation(bench.traced.at("shrunk") * 3), normalised, 1e-12, 1e-12));
  raw.train(made().all(), 4);
  EXPECT_FALSE(raw.traced.contains("normalised"));
}

TEST(FeCam, ACommonCovarianceIsTheMeanOfAll) {
  Bench common({{"covariance", choice("common")}}), own;
  const Tensor each = train_one_by_one(own, made()).at("covariance");
  train_one_by_one(common, made());
  EXPECT_TRUE(torch::allclose(common.traced.at("covariance"), each.mean(0), 1e-12, 1e-14));
}

TEST(FeCam, WithoutShrinkageThePseudoInverseStandsIn) {
  Bench bench({{"shrink_diagonal", value(0.0)}});
  const Classes few{made().features.narrow(1, 0, 3)};  // covariances of rank 2
  bench.train(few.all(), 4);
  const Tensor inverse = at::linalg_pinv(bench.traced.at("normalised"), std::optional<double>(), std::optional<double>(), true);
  const Tensor difference = (clb::nn::unit_rows(test_rows()) - clb::nn::unit_rows(few.features)[3].mean(0)).to(torch::kFloat64);
  const Tensor expected = (at::mm(difference, inverse) * difference).sum(1);
  EXPECT_TRUE(torch::allclose(-bench.predict({.features = test_rows()}).select(1, 3).to(torch::kFloat64), expected, 1e-4, 1e-4));
}

TEST(FeCam, OneSamplePerClassIsTheNearestSample) {
  Bench bench;
  const Classes single{made().features.narrow(1, 0, 1)};
  bench.train(single.all(), 4);
  EXPECT_TRUE(torch::equal(bench.predict({.features = single.features.squeeze(1)}).argmax(1), torch::arange(4)));
}

TEST(FeCam, TukeyTakesPowersOfFeaturesThatAreNotNegative) {
  Bench bench({{"tukey", value(0.5)}}), plain;
  const Classes positive{made().features.abs()};
  bench.train(positive.all(), 4);
  plain.train(Classes{positive.features.sqrt()}.all(), 4);
  const Tensor rows = test_rows().abs();
  EXPECT_TRUE(torch::allclose(bench.predict({.features = rows}), plain.predict({.features = rows.sqrt()}), 1e-5, 1e-6));
  EXPECT_THROW(bench.train(made().all(), 4), clb::PluginError);
}

TEST(FeCam, SavedStateGivesTheSameLogitsAndGoesOn) {
  Bench trained;
  trained.train(made().samples(0), 1);
  trained.train(made().samples(1), 2);
  const std::string state = trained.save();
  const Tensor logits = trained.predict({.features = test_rows()});
  EXPECT_EQ(trained.save(), state) << "predict changed the state";
  Bench fresh;
  fresh.load(state, 3, 2);
  EXPECT_TRUE(torch::equal(fresh.predict({.features = test_rows()}), logits));
  for (Bench* bench : {&trained, &fresh}) bench->train(made().samples(2), 3, {2});
  EXPECT_TRUE(torch::equal(fresh.predict({.features = test_rows()}), trained.predict({.features = test_rows()})));
}

TEST(FeCam, ATunerLearnsInTheFirstTaskAlone) {
  const Settings settings{};
  clb::testing::expect_adaptation_in_the_first_task<FeCam>(settings, 0);
  clb::testing::expect_no_change_from_an_untrained_adapter<FeCam>(settings, 0);
}

}  // namespace
