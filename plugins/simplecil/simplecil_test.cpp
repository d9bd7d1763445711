// SimpleCIL against LAMDA-PILOT (fixture "simplecil"), and the properties of its chapter: order, batch size, scale, saved state.
#include "simplecil.cpp"

#include "golden/golden.hpp"
#include "support/method_bench.hpp"

namespace {

using clb::golden::Golden;
using Bench = clb::testing::MethodBench<SimpleCil>;

struct FixtureTask {
  torch::Tensor features, labels;
  int64_t classes_seen;
  clb::testing::Samples samples() const { return {.features = features, .labels = labels}; }
};

std::vector<FixtureTask> tasks_of(const Golden& golden) {
  std::vector<FixtureTask> tasks;
  int64_t seen = 0;
  for (const int64_t classes : golden.config()["tasks"].get<std::vector<int64_t>>()) {
    const std::string task = "task" + std::to_string(tasks.size()) + ".";
    tasks.push_back({golden[task + "features"], golden[task + "labels"], seen += classes});
  }
  return tasks;
}

TEST(SimpleCil, EqualsTheReferenceAfterEveryTask) {
  CLB_GOLDEN(golden, "simplecil");
  Bench bench;
  const auto tasks = tasks_of(golden);
  std::vector<std::string> inputs{"test_features", "sigma", "task0.singleton_class"};
  for (size_t t = 0; t < tasks.size(); ++t) {
    const std::string task = "task" + std::to_string(t) + ".";
    inputs.insert(inputs.end(), {task + "features", task + "labels"});
    if (t > 0) {  // the grown head before it has seen a sample: zero rows, cosine 0
      bench.train({.features = tasks[t].features.narrow(0, 0, 0), .labels = tasks[t].labels.narrow(0, 0, 0)}, tasks[t].classes_seen);
      golden.close(task + "logits_before", bench.predict({golden["test_features"]}), 3e-6);
    }
    bench.train(tasks[t].samples(), tasks[t].classes_seen);
    golden.close(task + "W", bench.traced.at("prototypes"), 2e-5);
    golden.close(task + "logits", bench.predict({golden["test_features"]}), 3e-6);
  }
  golden.expect_all_compared(inputs);
}

TEST(SimpleCil, PrototypesDoNotDependOnBatchSizeOrSampleOrder) {
  CLB_GOLDEN(golden, "simplecil");
  const auto task = tasks_of(golden)[0];
  const auto prototypes = [&](int64_t batch_size, const torch::Tensor& order) {
    Bench bench({{"batch_size", clb::testing::value(batch_size)}});
    bench.train({.features = task.features.index_select(0, order), .labels = task.labels.index_select(0, order)}, task.classes_seen);
    return bench.traced.at("prototypes");
  };
  const auto in_order = torch::arange(task.labels.size(0));
  const auto expected = prototypes(1024, in_order);
  EXPECT_TRUE(torch::equal(prototypes(1, in_order), expected));
  EXPECT_TRUE(torch::equal(prototypes(7, in_order.flip(0)), expected));
}

TEST(SimpleCil, ScaleChangesLogitsAndNotTheRanking) {
  CLB_GOLDEN(golden, "simplecil");
  const auto task = tasks_of(golden)[0];
  Bench plain, scaled({{"scale", clb::testing::value(10.0)}});
  plain.train(task.samples(), task.classes_seen);
  scaled.train(task.samples(), task.classes_seen);
  const clb::testing::Samples features{golden["test_features"]};
  EXPECT_TRUE(torch::allclose(scaled.predict(features), 10 * plain.predict(features)));
  EXPECT_TRUE(torch::equal(scaled.predict(features).argmax(1), plain.predict(features).argmax(1)));
}

TEST(SimpleCil, EuclideanDistanceIsTheNearestMean) {
  CLB_GOLDEN(golden, "simplecil");
  const auto task = tasks_of(golden)[0];
  Bench bench({{"distance", clb::testing::choice("euclidean")}}), cosine;
  bench.train(task.samples(), task.classes_seen);
  const torch::Tensor test = golden["test_features"], means = bench.traced.at("prototypes");
  const torch::Tensor squares = (test.unsqueeze(1) - means.unsqueeze(0)).square().sum(2);  // |f - mu|^2 = |f|^2 - 2 logit
  const torch::Tensor logits = bench.predict({.features = test});
  EXPECT_TRUE(torch::allclose(test.square().sum(1, true) - 2 * logits, squares, 1e-4, 1e-4));
  EXPECT_TRUE(torch::equal(logits.argmax(1), squares.argmin(1)));
  cosine.train(task.samples(), task.classes_seen);
  EXPECT_FALSE(torch::allclose(cosine.predict({.features = test}), logits));
}

TEST(SimpleCil, SavedStateGivesTheSameLogitsWhateverTheReaderDelivers) {
  CLB_GOLDEN(golden, "simplecil");
  const auto tasks = tasks_of(golden);
  Bench trained;
  trained.train(tasks[0].samples(), tasks[0].classes_seen);
  const auto logits = trained.predict({golden["test_features"]});
  const std::string state = trained.save();
  EXPECT_EQ(trained.save(), state) << "predict changed the state";
  for (const uint64_t step : {uint64_t{1}, uint64_t{3}, uint64_t{1} << 20}) {
    Bench fresh;
    fresh.load(state, step, trained.classes_seen());
    EXPECT_TRUE(torch::equal(fresh.predict({golden["test_features"]}), logits));
  }
  for (size_t cut = 0; cut < state.size(); cut += 7) EXPECT_THROW(Bench().load(state.substr(0, cut), 64, 1), clb::PluginError) << cut;
}

}  // namespace
