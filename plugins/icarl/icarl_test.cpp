// iCaRL: which exemplars are kept and in what order (Rebuffi et al., algorithms 4 and 5), what the loss is, who classifies.
#include "icarl.cpp"

#include <gtest/gtest.h>

#include "support/small_vit.hpp"

namespace {

using clb::nn::unit_rows;
using clb::nn::Vit;
using clb::testing::choice;
using clb::testing::kSmallVit;
using clb::testing::Samples;
using clb::testing::Settings;
using clb::testing::small_task;
using clb::testing::small_vit;
using clb::testing::small_weights;
using clb::testing::value;
using Bench = clb::testing::MethodBench<Icarl>;

Samples task(int64_t index) { return small_task(index, 20); }

Settings settings(const Settings& changes = {}) {
  Settings all{{"epochs", value(int64_t{2})}, {"batch_size", value(int64_t{5})}, {"lr", value(0.02)}, {"memory_size", value(int64_t{12})}};
  for (const auto& [name, v] : changes) all[name] = v;
  return all;
}

// The state's members, read back through the archive.
struct State {
  Vit vit = small_vit();
  clb::nn::GrowingLinear head{{.dim = kSmallVit.dim}, [](const std::string&) { return at::detail::createCPUGenerator(); }};
  Tensor means;
  clb::Task task;

  explicit State(Bench& bench) { clb::testing::load(*this, bench.save()); }
  void state(clb::Archive& a) {
    task.state(a);
    a("network", vit)("head", head)("means", means);
  }
};

std::vector<int64_t> ids_of(const Bench& bench, int64_t label) {
  std::vector<int64_t> ids;
  for (int64_t k = 0; k < bench.memory.labels.size(0); ++k)
    if (bench.memory.labels[k].item<int64_t>() == label) ids.push_back(bench.memory.ids[k].item<int64_t>());
  return ids;
}

// Features as herding sees them, by definition: both directions of length 1, their sum of length 1, in doubles.
std::vector<std::vector<double>> features_by_hand(const Vit& vit, const Tensor& images, bool flip) {
  std::vector<std::vector<double>> rows;
  const auto unit = [](std::vector<double> x) {
    double squares = 0;
    for (const double v : x) squares += v * v;
    for (double& v : x) v /= std::sqrt(squares);
    return x;
  };
  const Tensor there = vit.query(images), mirrored = vit.query(images.flip(3));
  for (int64_t k = 0; k < images.size(0); ++k) {
    std::vector<double> a, b;
    for (int64_t i = 0; i < kSmallVit.dim; ++i) {
      a.push_back(there[k][i].item<double>());
      b.push_back(mirrored[k][i].item<double>());
    }
    a = unit(a);
    b = unit(b);
    for (size_t i = 0; flip && i < a.size(); ++i) a[i] += b[i];
    rows.push_back(unit(a));
  }
  return rows;
}

// Rebuffi et al., algorithm 4: the p-th exemplar brings the mean of the first p nearest to the mean of all.
std::vector<int64_t> herding_by_hand(const std::vector<std::vector<double>>& rows, size_t count) {
  const size_t d = rows[0].size();
  std::vector<double> mean(d), sum(d);
  for (const auto& row : rows)
    for (size_t i = 0; i < d; ++i) mean[i] += row[i] / static_cast<double>(rows.size());
  std::vector<int64_t> chosen;
  while (chosen.size() < count) {
    int64_t best = -1;
    double least = 0;
    for (size_t k = 0; k < rows.size(); ++k) {
      if (std::find(chosen.begin(), chosen.end(), k) != chosen.end()) continue;
      double distance = 0;
      for (size_t i = 0; i < d; ++i) distance += std::pow(mean[i] - (sum[i] + rows[k][i]) / static_cast<double>(chosen.size() + 1), 2);
      if (best < 0 || distance < least) {
        best = static_cast<int64_t>(k);
        least = distance;
      }
    }
    chosen.push_back(best);
    for (size_t i = 0; i < d; ++i) sum[i] += rows[best][i];
  }
  return chosen;
}

TEST(Icarl, HerdsNewClassesAndKeepsTheFirstOfOldOnes) {
  for (const bool flip : {true, false}) {
    Bench bench(settings({{"flip_average", value(flip)}}), small_weights());
    std::map<int64_t, std::vector<int64_t>> before;
    for (int64_t t = 0; t < 3; ++t) {
      const Samples samples = task(t);
      bench.train(samples, 2 * t + 2);
      const size_t quota = 12 / (2 * t + 2);
      EXPECT_EQ(bench.memory.ids.size(0), 12);
      const State state(bench);
      for (int64_t c = 0; c < 2 * t; ++c)
        EXPECT_EQ(ids_of(bench, c), std::vector<int64_t>(before[c].begin(), before[c].begin() + static_cast<int64_t>(quota))) << c;
      for (int64_t c = 2 * t; c < 2 * t + 2; ++c) {
        const Tensor rows = (samples.labels == c).nonzero().squeeze(1);
        std::vector<int64_t> want;
        for (const int64_t k : herding_by_hand(features_by_hand(state.vit, samples.images.index_select(0, rows), flip), quota))
          want.push_back(20 * t + rows[k].item<int64_t>());
        EXPECT_EQ(ids_of(bench, c), want) << c << (flip ? " with" : " without") << " mirrored images";
      }
      for (int64_t c = 0; c < 2 * t + 2; ++c) before[c] = ids_of(bench, c);
    }
  }
}

TEST(Icarl, NearestMeanOfExemplarsUnderTheNetworkAsItIsNow) {
  Bench bench(settings(), small_weights());
  for (int64_t t = 0; t < 2; ++t) bench.train(task(t), 2 * t + 2);
  const State state(bench);
  const Tensor test = task(7).images, feature = unit_rows(state.vit.query(test)), logits = bench.predict({.images = test});
  std::vector<Tensor> distances;
  for (int64_t c = 0; c < 4; ++c) {
    const Tensor own = bench.memory.images.index_select(0, (bench.memory.labels == c).nonzero().squeeze(1));
    std::vector<Tensor> rows;
    for (const auto& row : features_by_hand(state.vit, own, true)) rows.push_back(torch::tensor(row, torch::kFloat64));
    distances.push_back((feature - unit_rows(at::stack(rows).mean(0))).norm(2, 1));
  }
  EXPECT_TRUE(torch::allclose(2 - 2 * logits.to(torch::kFloat64), at::stack(distances, 1).square(), 1e-4, 1e-5));

  Bench by_head(settings({{"predict_by", choice("head")}}), small_weights());
  by_head.load(bench.save(), 64, bench.classes_seen());
  EXPECT_TRUE(torch::allclose(by_head.predict({.images = test}), state.head(state.vit.query(test)), 1e-4, 1e-5));
}

TEST(Icarl, DistillationHoldsThePupilAtTheTeacher) {
  const Tensor teacher = at::randn({4, 3}, at::detail::createCPUGenerator(1)), more = at::randn({4, 5}, at::detail::createCPUGenerator(2));
  Tensor same = at::cat({teacher, more.narrow(1, 3, 2)}, 1).requires_grad_();
  const Tensor loss = distillation(same, teacher, 2);
  const Tensor p = at::softmax(teacher / 2, 1);
  EXPECT_NEAR(loss.item<double>(), -(p * p.log()).sum().item<double>() / 4, 1e-6);
  loss.backward();
  EXPECT_LE(same.grad().abs().max().item<double>(), 1e-7);
  EXPECT_GT(distillation(more, teacher, 2).item<double>(), loss.item<double>());
}

// One update on everything: before it the pupil is the teacher, so distillation adds the entropy of the softened old logits.
TEST(Icarl, TheLossIsCrossEntropyPlusWeightedDistillationOnTaskAndMemory) {
  const auto first_loss = [](double weight) {
    Bench bench(settings({{"distillation_weight", value(weight)}, {"epochs", value(int64_t{1})}, {"batch_size", value(int64_t{100})}}),
                small_weights());
    bench.train(task(0), 2);
    const State state(bench);
    const Tensor images = at::cat({task(1).images, bench.memory.images});
    const Tensor p = at::softmax(state.head(state.vit.query(images)) / 2, 1);
    bench.train(task(1), 4);
    EXPECT_EQ(bench.metrics.at("images_x_epochs")[0].second, 20 + 12);
    EXPECT_EQ(bench.memory.ids.size(0), 12);
    return std::pair{bench.traced.at("loss").item<double>(), -(p * p.log()).sum(1).mean().item<double>()};
  };
  const auto [without, entropy] = first_loss(0);
  EXPECT_NEAR(first_loss(1).first - without, entropy, 1e-4);
  EXPECT_NEAR(first_loss(3).first - without, 3 * entropy, 1e-4);
}

TEST(Icarl, AFixedNumberPerClassGrowsTheMemory) {
  Bench bench(settings({{"memory_per_class", value(int64_t{3})}}), small_weights());
  for (int64_t t = 0; t < 3; ++t) {
    bench.train(task(t), 2 * t + 2);
    EXPECT_EQ(bench.memory.ids.size(0), 3 * (2 * t + 2));
  }
  Bench all(settings({{"memory_per_class", value(int64_t{1000})}}), small_weights());
  all.train(task(0), 2);
  EXPECT_EQ(all.memory.ids.size(0), 20) << "no more than there are";
}

TEST(Icarl, WithoutExemplarsOnlyTheHeadCanClassify) {
  Bench head(settings({{"memory_size", value(int64_t{0})}, {"predict_by", choice("head")}}), small_weights());
  head.train(task(0), 2);
  head.train(task(1), 4);
  EXPECT_EQ(head.predict(task(0)).size(1), 4);
  Bench mean(settings({{"memory_size", value(int64_t{3})}}), small_weights());
  mean.train(task(0), 2);
  try {
    mean.train(task(1), 4);
    ADD_FAILURE();
  } catch (const clb::PluginError& e) {
    EXPECT_NE(std::string(e.what()).find("memory_size is 3, but 4 classes"), std::string::npos) << e.what();
  }
}

TEST(Icarl, SavedStatePredictsTheSame) {
  Bench bench(settings(), small_weights()), again(settings(), small_weights());
  for (int64_t t = 0; t < 2; ++t) bench.train(task(t), 2 * t + 2);
  const Tensor logits = bench.predict(task(0));
  again.load(bench.save(), 64, bench.classes_seen());
  EXPECT_TRUE(torch::equal(again.predict(task(0)), logits));
  EXPECT_EQ(again.save(), bench.save()) << "predict changed the state";
}

}  // namespace
