// Ridge regression from running sums: the batch solution whatever the pieces, one factorisation for all ridges, triangles.
#include <clb/base/error.hpp>
#include <clb/nn/ridge.hpp>
#include <clb/nn/triangle.hpp>
#include <limits>

#include "golden_modules.hpp"

namespace clb::nn {
namespace {

using torch::Tensor;

constexpr int64_t kClasses = 4;

struct Data {
  Tensor rows, labels;  // [n, m] float64, [n]
};

Data data(int64_t n, int64_t m, uint64_t seed = 1) {
  const auto generator = at::detail::createCPUGenerator(seed);
  return {at::randn({n, m}, generator, torch::kFloat64).relu(), torch::arange(n).remainder(kClasses)};
}

RidgeStatistics statistics_of(const Data& d, torch::ScalarType type = torch::kFloat64) {
  RidgeStatistics sums(d.rows.size(1), type, torch::kCPU);
  sums.grow(kClasses);
  sums.add(d.rows.to(type), d.labels);
  return sums;
}

// (H^T H + ridge I)^-1 H^T Y by LU.
Tensor closed_form(const Data& d, double ridge) {
  const Tensor gram = at::mm(d.rows.t(), d.rows) + ridge * at::eye(d.rows.size(1), torch::kFloat64);
  return at::linalg_solve(gram, at::mm(d.rows.t(), one_hot(d.labels, kClasses, torch::kFloat64))).t();  // [c, m]
}

TEST(Ridge, EqualsTheClosedFormInPiecesAndInAnyOrder) {
  const Data all = data(90, 30);
  RidgeStatistics sums(30, torch::kFloat64, torch::kCPU);
  for (int64_t i = 0; i < 90; i += 18) {
    sums.grow(kClasses);
    sums.add(all.rows.narrow(0, i, 18), all.labels.narrow(0, i, 18));
  }
  const Tensor order = at::randperm(90);
  const RidgeStatistics permuted = statistics_of({all.rows.index_select(0, order), all.labels.index_select(0, order)});
  EXPECT_TRUE(torch::allclose(sums.gram(), at::mm(all.rows.t(), all.rows), 1e-12, 1e-12));
  EXPECT_TRUE(torch::allclose(sums.gram(), permuted.gram(), 1e-12, 1e-12));
  EXPECT_NEAR(sums.gram().trace().item<double>(), all.rows.square().sum().item<double>(), 1e-9);
  for (const double ridge : {1e-3, 1.0, 1e4}) EXPECT_TRUE(torch::allclose(sums.weights(ridge), closed_form(all, ridge), 1e-9, 1e-12));
  EXPECT_TRUE(torch::allclose(sums.gram(), permuted.gram(), 1e-12, 1e-12)) << "solving left the ridge in the matrix";
}

TEST(Ridge, StripsCoverAWideMatrix) {
  const Data wide = data(12, 2500);
  EXPECT_TRUE(torch::allclose(statistics_of(wide).gram(), at::mm(wide.rows.t(), wide.rows), 1e-12, 1e-12));
}

TEST(Ridge, SumsAreTheClassesSums) {
  const Data all = data(40, 7);
  const RidgeStatistics sums = statistics_of(all);
  for (int64_t c = 0; c < kClasses; ++c) {
    const Tensor of_class = all.rows.index_select(0, (all.labels == c).nonzero().flatten());
    EXPECT_TRUE(torch::allclose(sums.sums()[c], of_class.sum(0), 1e-12, 1e-12));
  }
}

TEST(Ridge, ClassesWithoutSamplesHaveRowsOfZeros) {
  RidgeStatistics sums = statistics_of(data(40, 7));
  const Tensor before = sums.weights(1);
  sums.grow(kClasses + 2);
  EXPECT_TRUE(torch::equal(sums.weights(1).narrow(0, 0, kClasses), before));
  EXPECT_TRUE(sums.weights(1).narrow(0, kClasses, 2).eq(0).all().item<bool>());
  EXPECT_THROW(sums.grow(1), base::Error);
}

TEST(Ridge, EverythingTwiceIsHalfTheRidge) {
  const Data all = data(40, 9);
  RidgeStatistics twice = statistics_of(all);
  twice.add(all.rows, all.labels);
  EXPECT_TRUE(torch::allclose(twice.weights(3), statistics_of(all).weights(1.5), 1e-10, 1e-13));
}

TEST(Ridge, ALargeRidgeLeavesTheSums) {
  const RidgeStatistics sums = statistics_of(data(40, 9));
  EXPECT_TRUE(torch::allclose(sums.weights(1e12) * 1e12, sums.sums(), 1e-6, 1e-6));
}

TEST(Ridge, ColumnsMayBePermuted) {
  const Data all = data(40, 9);
  const Tensor order = at::randperm(9);
  const Tensor permuted = statistics_of({all.rows.index_select(1, order), all.labels}).weights(2);
  EXPECT_TRUE(torch::allclose(permuted, statistics_of(all).weights(2).index_select(1, order), 1e-10, 1e-13));
}

TEST(Ridge, SinglePrecisionStaysSingleAndCloses) {
  const Data all = data(200, 30);
  const RidgeStatistics sums = statistics_of(all, torch::kFloat32);
  EXPECT_EQ(sums.weights(1).scalar_type(), torch::kFloat32);
  EXPECT_TRUE(torch::allclose(sums.weights(1).to(torch::kFloat64), closed_form(all, 1), 1e-3, 1e-5));
}

// A tiny ridge is lost in a float32 matrix of rank 12: Cholesky fails, LU in float64 does not.
TEST(Ridge, WhatIsNotPositiveDefiniteGoesThroughLu) {
  const Data few = data(12, 40);
  RidgeStatistics sums = statistics_of(few, torch::kFloat32);
  EXPECT_TRUE(sums.weights(1e-4).isfinite().all().item<bool>());
  Data infinite = few;
  infinite.rows[0][0] = std::numeric_limits<double>::infinity();
  EXPECT_THROW(statistics_of(infinite).weights(1), base::Error);
}

TEST(Ridge, OnePathServesAllRidges) {
  const Data held_out = data(10, 30, 2);
  for (const int64_t n : {12, 30, 90}) {  // fewer rows than columns, as many, more
    const Data fit = data(n, 30);
    const RidgePath by_rows = RidgePath::of_rows(fit.rows, fit.labels, kClasses, held_out.rows);
    const RidgePath by_sums = RidgePath::of_sums(statistics_of(fit), held_out.rows);
    for (const double ridge : {1e-4, 1.0, 100.0, 1e8}) {
      const Tensor expected = at::mm(held_out.rows, closed_form(fit, ridge).t());
      EXPECT_TRUE(torch::allclose(by_rows.predict(ridge), expected, 1e-7, 1e-9)) << n << " rows, ridge " << ridge;
      EXPECT_TRUE(torch::allclose(by_sums.predict(ridge), expected, 1e-7, 1e-9)) << n << " rows, ridge " << ridge;
    }
  }
}

TEST(Ridge, FoldsArePredictedByEverythingElse) {
  const Data earlier = data(50, 24, 3), now = data(40, 24, 4);
  RidgeStatistics all = statistics_of(earlier);
  all.add(now.rows, now.labels);
  RidgeFolds folds(all);
  const std::vector<double> ridges{1e-4, 1.0, 1e3};
  for (const int64_t size : {1, 6, 30}) {  // the last is too large to share the decomposition
    const Tensor rest_rows = at::cat({earlier.rows, now.rows.narrow(0, size, 40 - size)});
    const Data rest{rest_rows, at::cat({earlier.labels, now.labels.narrow(0, size, 40 - size)})};
    const auto predictions = folds.predict(now.rows.narrow(0, 0, size), now.labels.narrow(0, 0, size), ridges);
    for (size_t k = 0; k < ridges.size(); ++k) {
      const Tensor expected = at::mm(now.rows.narrow(0, 0, size), closed_form(rest, ridges[k]).t());
      EXPECT_TRUE(torch::allclose(predictions[k], expected, 1e-8, 1e-9)) << size << " rows, ridge " << ridges[k];
    }
  }
}

TEST(Ridge, NoRowsPredictZeros) {
  const RidgePath path = RidgePath::of_rows(torch::zeros({0, 5}), torch::zeros({0}, torch::kInt64), kClasses, at::ones({3, 5}));
  EXPECT_TRUE(torch::equal(path.predict(1), torch::zeros({3, kClasses}, torch::kFloat64)));
}

TEST(Ridge, TheFirstFiniteMinimumWins) {
  constexpr double nan = std::numeric_limits<double>::quiet_NaN(), inf = std::numeric_limits<double>::infinity();
  EXPECT_EQ(first_minimum({nan, 3, 2, inf, 2, -inf}), 2U);
  EXPECT_EQ(first_minimum({inf, 7}), 1U);
  EXPECT_THROW(first_minimum({nan, inf}), base::Error);
  EXPECT_THROW(first_minimum({}), base::Error);
  EXPECT_EQ(powers_of_ten(-8, 8).size(), 17U);
  EXPECT_EQ(powers_of_ten(2, 3), (std::vector<double>{100, 1000}));
}

TEST(Ridge, ParametersAreATriangleAndTheSums) {
  RidgeStatistics sums = statistics_of(data(40, 9)), copy;
  std::map<std::string, Tensor> kept;
  sums.parameters([&](const std::string& name, Tensor& t) { kept[name] = t.clone(); });
  EXPECT_EQ(kept.at("gram").numel(), 45);
  copy.parameters([&](const std::string& name, Tensor& t) { t = kept.at(name); });
  EXPECT_TRUE(torch::equal(copy.gram(), sums.gram()));
  EXPECT_TRUE(torch::equal(copy.weights(1), sums.weights(1)));
  kept["gram"] = torch::zeros({44}, torch::kFloat64);
  EXPECT_THROW(copy.parameters([&](const std::string& name, Tensor& t) { t = kept.at(name); }), base::Error);
}

TEST(Triangle, PacksAndUnpacks) {
  const Tensor square = torch::arange(18, torch::kFloat64).reshape({2, 3, 3});
  const Tensor packed = pack_triangle(square);
  EXPECT_TRUE(torch::equal(packed, torch::tensor({{0., 1., 2., 4., 5., 8.}, {9., 10., 11., 13., 14., 17.}})));
  EXPECT_TRUE(torch::equal(unpack_triangle(packed, 3), square.triu()));
  EXPECT_TRUE(torch::equal(mirrored(square)[0], torch::tensor({{0., 1., 2.}, {1., 4., 5.}, {2., 5., 8.}})));
  EXPECT_THROW(unpack_triangle(packed, 4), base::Error);
}

}  // namespace
}  // namespace clb::nn
