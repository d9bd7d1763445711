// LayUP against its released code (fixture "layup"), through the plugin's own table, and the invariants of its chapter.
#include "layup.cpp"

#include <clb/nn/vit.hpp>
#include <numeric>

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
using Bench = clb::testing::MethodBench<LayUp>;

constexpr const char* kKind = "main:cls@last6";

std::vector<int64_t> list_of(const Tensor& t) { return {t.data_ptr<int64_t>(), t.data_ptr<int64_t>() + t.numel()}; }

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

// The class tokens of the last blocks; ours lie in ascending order, the reference's in that of its modules' names.
void check_features(Golden& g) {
  const clb::nn::Vit vit(g.with_prefix("vit.param."), {.heads = g.config()["heads"]});
  const int64_t first = g.config()["depth"].get<int64_t>() - g.config()["k"].get<int64_t>();
  const Tensor ours = vit.cls_of_blocks(g["vit.input"], first);  // [n, k, d]
  g.close("vit.features", ours.index_select(1, g["vit.order"] - first).flatten(1), 3e-5);
}

void check_folds(Golden& g) {
  for (int64_t k = 0; g.has("folds." + std::to_string(k) + ".labels"); ++k) {
    const std::string at = "folds." + std::to_string(k) + ".";
    g.equal(at + "fold_of_row", torch::tensor(stratified_folds(list_of(g[at + "labels"]), 4)));
  }
}

Tensor with_unseen_columns(const Tensor& t, int64_t classes) {  // [., c] -> [., classes]
  return at::cat({t, torch::zeros({t.size(0), classes - t.size(1)}, t.options())}, 1);
}

void check_regression(Golden& g, const char* solve) {
  const auto sizes = g.config()["tasks"].get<std::vector<int64_t>>();
  const int64_t all = std::accumulate(sizes.begin(), sizes.end(), int64_t{0});
  Bench bench({{"allocated_classes", value(all)}, {"solve", choice(solve)}});
  int64_t seen = 0;
  for (size_t t = 0; t < sizes.size(); ++t) {
    const std::string task = "task" + std::to_string(t) + ".";
    bench.train({.features = g[task + "features"], .labels = g[task + "labels"], .kind = kKind}, seen += sizes[t]);
    bench.predict({.features = g["test_features"], .kind = kKind});
    State state(bench);
    const Tensor weights = with_unseen_columns(state.weights.t(), all), logits = with_unseen_columns(bench.traced.at("logits"), all);
    g.equal(task + "fold_of_row", bench.traced.at("fold"));
    g.close(task + "acc", bench.traced.at("accuracies"));
    g.close(task + "mean_acc", bench.traced.at("mean_accuracies"));
    g.close(task + "ridge", torch::tensor({bench.metrics.at("ridge")[0].second}, torch::kFloat64));
    g.close(task + "G", state.statistics.gram(), 1e-3);
    g.close(task + "c", with_unseen_columns(state.statistics.sums().t(), all), 9e-5);
    g.close(task + "W", weights, 6e-7);
    g.close(task + "logits", logits, 4e-6);
    if (solve != std::string("fp64")) continue;
    g.close_to(task + "W_f64", g[task + "W_f64"], weights, 2e-10);
    g.close_to(task + "logits_f64", g[task + "logits_f64"], logits, 2e-9);
  }
}

TEST(LayUp, EqualsTheReference) {
  CLB_GOLDEN(g, "layup");
  check_features(g);
  check_folds(g);
  check_regression(g, "fp64");
  check_regression(g, "fp32");
  const auto ridges = released_ridges();
  g.close_to("ridges", g["ridges"].log10(), torch::tensor(ridges, torch::kFloat64).log10(), 1e-12);
  std::vector<std::string> inputs{"vit.param.", "vit.input", "vit.order", "test_features", "test_labels"};
  for (const auto& [name, t] : g.tensors())
    if (name.ends_with(".labels") || (name.starts_with("task") && name.ends_with(".features"))) inputs.push_back(name);
  g.expect_all_compared(inputs);
}

TEST(LayUp, FoldsHoldEveryClassAsEvenlyAsItGoes) {
  const std::vector<int64_t> labels{7, 7, 2, 7, 2, 2, 7, 7, 9, 2, 7, 9, 7, 2, 9, 7, 7, 2, 9};
  const auto folds = stratified_folds(labels, 4);
  EXPECT_EQ(folds, stratified_folds(labels, 4));
  for (const int64_t c : {7, 2, 9}) {
    const auto n = std::count(labels.begin(), labels.end(), c);
    for (int64_t i = 0; i < 4; ++i) {
      int64_t here = 0;
      for (size_t k = 0; k < labels.size(); ++k) here += labels[k] == c && folds[k] == i;
      EXPECT_GE(here, n / 4);
      EXPECT_LE(here, (n + 3) / 4);
    }
  }
  EXPECT_EQ(stratified_folds({5}, 4), std::vector<int64_t>{0});
}

// Three classes, 20 samples each, of 8 features.
Samples samples(int64_t first_class, uint64_t seed, const char* kind = kKind) {
  const auto generator = at::detail::createCPUGenerator(seed);
  const Tensor labels = torch::arange(60).remainder(3) + first_class;
  return {.features = at::randn({60, 8}, generator) + 2 * at::one_hot(labels % 8, 8), .labels = labels, .kind = kind};
}

TEST(LayUp, SumsDoNotDependOnBatchesOrTheOrderOfTasks) {
  const auto gram = [](const std::vector<int64_t>& order, int64_t batch_size) {
    Bench bench({{"feature_batch", value(batch_size)}});
    int64_t seen = 0;
    for (const int64_t k : order) bench.train(samples(3 * k, static_cast<uint64_t>(k)), seen = std::max(seen, 3 * k + 3));
    return State(bench).statistics.gram();
  };
  const Tensor expected = gram({0, 1}, 1024);
  EXPECT_TRUE(torch::allclose(gram({0, 1}, 7), expected, 1e-10, 0));
  EXPECT_TRUE(torch::allclose(gram({1, 0}, 1024), expected, 1e-10, 0));
}

TEST(LayUp, TheOrderOfTheBlocksDoesNotMatter) {
  Bench ascending, permuted;
  const Tensor order = torch::tensor({4, 5, 6, 7, 0, 1, 2, 3});
  Samples data = samples(0, 1), test = samples(0, 2);
  ascending.train(data, 3);
  const Tensor logits = ascending.predict(test);
  data.features = data.features.index_select(1, order);
  test.features = test.features.index_select(1, order);
  permuted.train(data, 3);
  EXPECT_TRUE(torch::allclose(permuted.predict(test), logits, 1e-4, 1e-5));
}

// a times the features and a^2 times every candidate: the same choice and the same predictions.
TEST(LayUp, TheScaleOfFeaturesShiftsTheRidgesAlone) {
  Bench plain({{"allocated_classes", value(int64_t{9})}});
  auto ridges = released_ridges();
  for (double& ridge : ridges) ridge *= 9;
  clb_value list{CLB_TYPE_FLOAT_LIST, static_cast<uint32_t>(ridges.size()), {.floats = ridges.data()}};
  Bench scaled({{"ridges", list}, {"allocated_classes", value(int64_t{9})}});
  Samples data = samples(0, 1), test = samples(0, 2);
  plain.train(data, 3);
  const Tensor logits = plain.predict(test);
  data.features = 3 * data.features;
  test.features = 3 * test.features;
  scaled.train(data, 3);
  EXPECT_NEAR(scaled.metrics.at("ridge")[0].second, 9 * plain.metrics.at("ridge")[0].second, 1e-9);
  EXPECT_TRUE(torch::allclose(scaled.predict(test), logits, 1e-4, 1e-5));
}

TEST(LayUp, AsksForTheBlocksItIsToldTo) {
  Bench bench({{"blocks", value(int64_t{2})}});
  EXPECT_THROW(bench.train(samples(0, 1), 3), clb::PluginError) << "six blocks were served and two asked for";
  bench.train(samples(0, 1, "main:cls@last2"), 3);
}

TEST(LayUp, FewSamplesAndOneClassAreNoError) {
  Bench single;
  Samples data = samples(0, 1);
  single.train({.features = data.features.narrow(0, 0, 3), .labels = data.labels.narrow(0, 0, 3), .kind = kKind}, 3);
  EXPECT_TRUE(single.predict(data).isfinite().all().item<bool>());
  Bench one_class;
  data.labels.zero_();
  one_class.train(data, 1);
  EXPECT_TRUE(one_class.predict(data).argmax(1).eq(0).all().item<bool>());
}

TEST(LayUp, SavedStateGivesTheSameLogitsAndGoesOn) {
  Bench trained, fresh;
  trained.train(samples(0, 1), 3);
  const std::string state = trained.save();
  const Tensor logits = trained.predict(samples(0, 9));
  EXPECT_EQ(trained.save(), state) << "predict changed the state";
  fresh.load(state, 3, 3);
  EXPECT_TRUE(torch::equal(fresh.predict(samples(0, 9)), logits));
  for (Bench* bench : {&trained, &fresh}) bench->train(samples(3, 2), 6, {3, 4, 5});
  EXPECT_TRUE(torch::equal(fresh.predict(samples(0, 9)), trained.predict(samples(0, 9))));
  EXPECT_LT(state.size(), (8 * 9 / 2 + 2 * 3 * 8) * sizeof(double) + 600) << "the Gram matrix is not kept as a triangle";
}

TEST(LayUp, PredictionsDoNotDependOnTheBatch) {
  Bench bench;
  bench.train(samples(0, 1), 3);
  const Tensor features = samples(0, 9).features, together = bench.predict({.features = features, .kind = kKind});
  for (int64_t k = 0; k < features.size(0); ++k)
    EXPECT_TRUE(torch::allclose(bench.predict({.features = features.narrow(0, k, 1), .kind = kKind})[0], together[k], 1e-5, 1e-6));
}

TEST(LayUp, ATunerLearnsInTheFirstTaskAlone) {
  const double ridge = 1;
  const clb_value list{CLB_TYPE_FLOAT_LIST, 1, {.floats = &ridge}};
  const Settings settings{{"blocks", value(int64_t{2})}, {"ridges", list}};
  clb::testing::expect_adaptation_in_the_first_task<LayUp>(settings, 2);
  clb::testing::expect_no_change_from_an_untrained_adapter<LayUp>(settings, 2);
}

}  // namespace
