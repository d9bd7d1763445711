// Drawing features from a class's normal distribution, and training heads on them.
#include <clb/base/error.hpp>
#include <clb/nn/alignment.hpp>
#include <clb/nn/heads.hpp>

#include "golden_modules.hpp"

namespace clb::nn {
namespace {

using golden::any_numbers;
using torch::Tensor;

Tensor some_covariance(int64_t d) {
  const Tensor a = at::randn({d, d}, at::detail::createCPUGenerator(3), torch::dtype(torch::kDouble));
  return a.matmul(a.t()) / d + 0.1 * torch::eye(d, torch::kDouble);
}

TEST(Gaussian, MomentsOfManyDraws) {
  constexpr int64_t kDraws = 100'000, kDim = 4;
  const Tensor mean = torch::tensor({1.0, -2.0, 0.0, 5.0}, torch::kDouble), covariance = some_covariance(kDim);
  const DrawnRows drawn = draw_rows({{7, mean, covariance}}, kDraws, any_numbers());
  EXPECT_EQ(drawn.jitter, 0);
  EXPECT_TRUE(torch::equal(drawn.labels, torch::full(kDraws, 7, torch::kInt64)));
  const Tensor rows = drawn.rows.to(torch::kDouble);
  // Standard errors: sqrt(S_ii / n) of a mean, below sqrt(2) max S_ii / sqrt(n) of a covariance; five of them.
  const double n = kDraws, largest = covariance.diagonal().max().item<double>();
  EXPECT_LT((rows.mean(0) - mean).abs().max().item<double>(), 5 * std::sqrt(largest / n));
  EXPECT_LT((rows.t().cov() - covariance).abs().max().item<double>(), 5 * std::sqrt(2 / n) * largest);
}

TEST(Gaussian, WhatIsNotPositiveDefiniteGetsJitterAndWhatCannotBeIsNamed) {
  EXPECT_EQ(lower_factor(some_covariance(5)).jitter, 0);
  const Tensor rank_one = torch::ones({5, 5}, torch::kDouble);
  for (const double below : {0.0, 2e-3, 0.3}) {  // the smallest eigenvalue is -below
    const LowerFactor factor = lower_factor(rank_one - below * torch::eye(5, torch::kDouble));
    EXPECT_GT(factor.jitter, below);
    EXPECT_LE(factor.jitter, std::max(1e-4, 10 * below));
    const Tensor want = rank_one + (factor.jitter - below) * torch::eye(5, torch::kDouble);
    EXPECT_TRUE(torch::allclose(factor.lower.matmul(factor.lower.t()), want, 1e-9, 1e-9));
    EXPECT_EQ(factor.lower.triu(1).abs().max().item<double>(), 0);
  }
  EXPECT_THROW(lower_factor(-2 * torch::eye(3)), base::Error);
  EXPECT_THROW(lower_factor(torch::full({3, 3}, std::numeric_limits<float>::quiet_NaN())), base::Error);
}

TEST(Gaussian, RowsComeClassByClassAndShufflingKeepsTheirLabels) {
  std::vector<ClassGaussian> classes;
  for (int64_t c = 0; c < 3; ++c) classes.push_back({c, torch::full(2, 100.0 * static_cast<double>(c)), torch::eye(2)});
  const DrawnRows drawn = draw_rows(classes, 4, any_numbers());
  EXPECT_TRUE(torch::equal(drawn.labels, torch::arange(12).floor_divide(4)));
  const auto belong = [](const DrawnRows& d) { return ((d.rows - 100 * d.labels.unsqueeze(1)).abs() < 10).all().item<bool>(); };
  EXPECT_TRUE(belong(drawn));
  const DrawnRows mixed = shuffled(drawn, at::detail::createCPUGenerator(1));
  EXPECT_TRUE(belong(mixed));
  EXPECT_FALSE(torch::equal(mixed.labels, drawn.labels));
  EXPECT_TRUE(torch::equal(std::get<0>(mixed.labels.sort()), drawn.labels));
}

TEST(Alignment, NormalisedLogitsForgetTheirScale) {
  const Tensor z = at::randn({5, 7}, at::detail::createCPUGenerator(2));
  const Tensor one = normalized_logits(z, {3, 4}, 0.1);
  EXPECT_TRUE(torch::allclose(normalized_logits(50 * z, {3, 4}, 0.1), one, 1e-5, 1e-5));
  const Tensor mean_norm = (z.narrow(1, 0, 3).norm(2, 1) + z.narrow(1, 3, 4).norm(2, 1)) / 2;
  EXPECT_TRUE(torch::allclose(one, 10 * z / mean_norm.unsqueeze(1), 1e-5, 1e-5));
  EXPECT_TRUE(torch::equal(one.argmax(1), z.argmax(1)));
  EXPECT_TRUE(normalized_logits(torch::zeros({2, 4}), {2, 2}, 0.1).isfinite().all().item<bool>());
}

TEST(Alignment, TrainsOnEveryRowOnceAndLearns) {
  std::vector<ClassGaussian> classes;
  for (int64_t c = 0; c < 3; ++c) classes.push_back({c, 3 * torch::eye(3)[c], 0.1 * torch::eye(3)});
  const DrawnRows drawn = shuffled(draw_rows(classes, 50, any_numbers()), at::detail::createCPUGenerator(1));
  GrowingLinear head({.dim = 3, .init = HeadInit::zero()}, any_numbers());
  head.grow(3);
  Trainer trainer({.lr = 0.1, .epochs = 1}, {head}, 4);
  int64_t rows = 0;
  align(trainer, drawn, 40, [&](const Tensor& x) {
    rows += x.size(0);
    return head(x);
  });
  EXPECT_EQ(rows, 150);
  EXPECT_EQ(trainer.updates(), 4);
  EXPECT_GT((head(drawn.rows).argmax(1) == drawn.labels).to(torch::kDouble).mean().item<double>(), 0.95);
}

}  // namespace
}  // namespace clb::nn
