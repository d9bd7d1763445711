// What tasks leave of their classes' features, what is drawn of it, and groups of a fit with schedules of their own.
#include <clb/nn/error.hpp>
#include <clb/nn/feature_memory.hpp>
#include <clb/nn/heads.hpp>

#include "golden_modules.hpp"

namespace clb::nn {
namespace {

using golden::any_numbers;
using golden::generator;
using torch::Tensor;

constexpr auto kDouble = torch::kFloat64;

// n samples of each of the classes first, first + 1, ..., in turn, far apart.
struct Made {
  Tensor features, labels;
  Made(int64_t first, int64_t classes, int64_t n) : features(), labels(torch::arange(n * classes).remainder(classes) + first) {
    features = at::randn({n * classes, 3}, generator(static_cast<uint64_t>(first))) + 100 * labels.unsqueeze(1);
  }
};

FeatureMemory two_tasks(const GaussianOptions& options, int64_t n = 20) {
  FeatureMemory memory;
  for (int64_t t = 0; t < 2; ++t) {
    const Made made(2 * t, 2, n);
    memory.add(t, made.features, made.labels, options, any_numbers());
  }
  return memory;
}

TEST(FeatureMemory, KeepsEveryClassOfEveryTask) {
  FeatureMemory memory = two_tasks({.covariance = "diagonal", .unbiased = false});
  EXPECT_EQ(memory.tasks(), (std::vector<int64_t>{0, 0, 1, 1}));
  EXPECT_EQ(memory.classes_before(0), 0);
  EXPECT_EQ(memory.classes_before(1), 2);
  EXPECT_EQ(memory.classes_before(2), 4);
  const Made made(2, 2, 20);
  const Tensor rows = made.features.index_select(0, made.labels.eq(3).nonzero().flatten()).to(kDouble);
  EXPECT_TRUE(torch::allclose(memory.gaussians()[3].mean, rows.mean(0)));
  EXPECT_TRUE(torch::allclose(memory.gaussians()[3].covariance, rows.var(0, false).to(torch::kFloat32)));
  EXPECT_EQ(memory.means().sizes(), torch::IntArrayRef({4, 3}));

  // A class that comes again, in another domain, counts again; clusters of a class count once.
  const Made again(0, 2, 20);
  memory.add(2, again.features + 50, again.labels, {.covariance = "diagonal", .per_class = 3}, any_numbers());
  EXPECT_EQ(memory.gaussians().size(), 10u);
  EXPECT_EQ(memory.classes_before(3), 6);
  EXPECT_FALSE(FeatureMemory().means().defined());
  EXPECT_THROW(FeatureMemory().draw({}, any_numbers()), Error);
}

TEST(FeatureMemory, DrawsEveryClassAlikeAndOnlyWhatIsWanted) {
  const FeatureMemory memory = two_tasks({.covariance = "diagonal", .unbiased = false});
  const DrawnRows all = memory.draw({.each = 30, .rows = 1000}, any_numbers());
  ASSERT_EQ(all.rows.sizes(), torch::IntArrayRef({120, 3})) << "there are not more";
  for (int64_t c = 0; c < 4; ++c) EXPECT_EQ(all.labels.eq(c).sum().item<int64_t>(), 30);
  EXPECT_TRUE(((all.rows - 100 * all.labels.unsqueeze(1)).abs() < 10).all().item<bool>()) << "each is of its class";
  EXPECT_FALSE(torch::equal(all.labels, std::get<0>(all.labels.sort()))) << "in random order";
  const DrawnRows some = memory.draw({.each = 30, .rows = 50}, any_numbers());
  EXPECT_EQ(some.rows.size(0), 50);
  EXPECT_TRUE(torch::equal(some.labels, all.labels.narrow(0, 0, 50))) << "the same order, of which a part is used";
}

TEST(FeatureMemory, MomentsOfManyDraws) {
  constexpr int64_t kDraws = 50'000;
  for (const char* covariance : {"diagonal", "full"}) {
    FeatureMemory memory;
    const Made made(1, 1, 40);
    memory.add(0, made.features, made.labels, {.covariance = covariance}, any_numbers());
    const Tensor rows = memory.draw({.each = kDraws, .rows = kDraws, .ridge = 0.5}, any_numbers()).rows.to(kDouble);
    const Tensor kept = memory.gaussians()[0].covariance.to(kDouble);
    const Tensor want = (kept.dim() == 1 ? kept.diag() : kept) + 0.5 * torch::eye(3, kDouble);
    EXPECT_LT((rows.mean(0) - memory.gaussians()[0].mean).abs().max().item<double>(), 5 * std::sqrt(4.0 / kDraws));
    EXPECT_LT((rows.t().cov() - want).abs().max().item<double>(), 5 * std::sqrt(2.0 / kDraws) * 4) << covariance;
  }
}

TEST(FeatureMemory, ClustersWithoutSpreadAreLeftOutUnlessAllAreSuch) {
  FeatureMemory memory;
  memory.add(0, torch::ones({1, 3}), torch::zeros(1, torch::kInt64), {.covariance = "diagonal"}, any_numbers());
  const DrawnRows alone = memory.draw({.each = 4, .rows = 4, .ridge = 0, .spread_only = true}, any_numbers());
  EXPECT_TRUE(torch::equal(alone.rows, torch::ones({4, 3})));
  const Made made(1, 1, 9);
  memory.add(0, made.features, made.labels, {.covariance = "diagonal"}, any_numbers());
  EXPECT_TRUE(memory.draw({.each = 4, .rows = 100, .spread_only = true}, any_numbers()).labels.eq(1).all().item<bool>());
  EXPECT_EQ(memory.draw({.each = 4, .rows = 100}, any_numbers()).labels.eq(0).sum().item<int64_t>(), 4);
}

// Plain SGD moves a tensor by its rate times the gradient, 1.
TEST(FitGroup, AScheduleOfItsOwnTakesThePlaceOfTheFits) {
  struct One final : Module {
    void parts(Parts& p) override { p("t", t); }
    Tensor t = torch::zeros(1).requires_grad_();
  } plain, scaled, own;
  std::vector<FitGroup> groups{plain, {scaled, 2}, own};
  groups[2].schedule = [](double t) { return 5 + t; };
  Trainer trainer({.lr = 1, .momentum = 0, .epochs = 4, .schedule = "linear", .rate_per_iteration = true}, groups, 2);
  std::vector<double> rates[3];
  for (int k = 0; k < 3; ++k) {
    const double before[] = {plain.t.item<double>(), scaled.t.item<double>(), own.t.item<double>()};
    EXPECT_EQ(trainer.time(), 0.5 * k);
    trainer.step(plain.t.sum() + scaled.t.sum() + own.t.sum());
    const double after[] = {plain.t.item<double>(), scaled.t.item<double>(), own.t.item<double>()};
    for (int i = 0; i < 3; ++i) rates[i].push_back(before[i] - after[i]);
  }
  const std::vector<double> want{1, 0.875, 0.75};
  for (size_t k = 0; k < want.size(); ++k) {
    EXPECT_NEAR(rates[0][k], want[k], 1e-6);
    EXPECT_NEAR(rates[1][k], 2 * want[k], 1e-6);
    EXPECT_NEAR(rates[2][k], 5 + 0.5 * static_cast<double>(k), 1e-6);
  }
}

}  // namespace
}  // namespace clb::nn
