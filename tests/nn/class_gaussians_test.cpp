// What is kept of classes: variances, clusters, several Gaussians for one class; against their definitions and HiDe-Prompt's released code.
#include <clb/nn/alignment.hpp>
#include <clb/nn/class_statistics.hpp>
#include <clb/nn/error.hpp>
#include <clb/nn/heads.hpp>

#include "golden_modules.hpp"

namespace clb::nn {
namespace {

using golden::any_numbers;
using golden::generator;
using golden::Golden;
using torch::Tensor;

TEST(ClassVariances, EqualTheirDefinitionWhateverTheBatches) {
  const Tensor features = at::randn({40, 5}, generator(1)) + 100, labels = torch::arange(40).remainder(3);
  ClassVariances statistics;
  statistics.grow(4, 5, torch::kCPU);
  for (int64_t i = 0; i < 40; i += 7)
    statistics.add(features.narrow(0, i, std::min<int64_t>(7, 40 - i)), labels.narrow(0, i, std::min<int64_t>(7, 40 - i)));
  for (int64_t c = 0; c < 3; ++c) {
    const Tensor rows = features.index_select(0, (labels == c).nonzero().flatten()).to(torch::kDouble);
    EXPECT_TRUE(torch::allclose(statistics.variances()[c], rows.var(0, true), 1e-9, 1e-9));
    EXPECT_TRUE(torch::allclose(statistics.variances(false)[c], rows.var(0, false), 1e-9, 1e-9));
  }
  EXPECT_TRUE(statistics.variances()[3].eq(0).all().item<bool>()) << "a class without samples";
}

// Three groups far apart: every start finds them, and each centre is the mean of its rows.
TEST(KMeans, FindsGroupsThatLieApart) {
  const Tensor where = torch::arange(60).remainder(3), rows = at::randn({60, 4}, generator(2)) + 50 * where.unsqueeze(1);
  for (uint64_t seed = 0; seed < 20; ++seed) {
    const Clusters found = k_means(rows, {.clusters = 3}, generator(seed));
    ASSERT_EQ(found.centres.size(0), 3);
    double inertia = 0;
    for (int64_t k = 0; k < 3; ++k) {
      const Tensor mine = (found.labels == k).nonzero().flatten();
      ASSERT_EQ(mine.numel(), 20);
      EXPECT_TRUE(where.index_select(0, mine).eq(where[mine[0].item<int64_t>()]).all().item<bool>());
      const Tensor group = rows.index_select(0, mine).to(torch::kDouble);
      EXPECT_TRUE(torch::allclose(found.centres[k], group.mean(0), 1e-9, 1e-9));
      inertia += (group - group.mean(0)).square().sum().item<double>();
    }
    EXPECT_NEAR(found.inertia, inertia, 1e-6 * inertia);
  }
}

TEST(KMeans, RepeatsAndMoreTriesAreNoWorse) {
  const Tensor rows = at::randn({200, 3}, generator(4));
  const Clusters one = k_means(rows, {.clusters = 8}, generator(5)), again = k_means(rows, {.clusters = 8}, generator(5));
  EXPECT_TRUE(torch::equal(one.labels, again.labels));
  EXPECT_TRUE(torch::equal(one.centres, again.centres));
  EXPECT_LE(k_means(rows, {.clusters = 8, .tries = 10}, generator(5)).inertia, one.inertia);
  EXPECT_NEAR(k_means(rows, {.clusters = 1}, generator(1)).inertia, 199 * rows.to(torch::kDouble).var(0).sum().item<double>(), 1e-6);
}

TEST(KMeans, FewRowsGiveFewClustersAndMistakesAreNamed) {
  const Tensor twice = torch::tensor({{1.0, 2.0}, {1.0, 2.0}, {3.0, 4.0}});
  const Clusters found = k_means(twice, {.clusters = 5}, generator(1));
  EXPECT_EQ(found.centres.size(0), 2);
  EXPECT_EQ(found.inertia, 0);
  EXPECT_THROW(k_means(twice, {.clusters = 0}, generator(1)), Error);
  EXPECT_THROW(k_means(torch::zeros({0, 2}), {}, generator(1)), Error);
  EXPECT_THROW(k_means(twice / 0, {}, generator(1)), Error);
}

TEST(ClassGaussians, OneFullOneDiagonalOrSeveral) {
  const Tensor rows = at::randn({30, 4}, generator(3)) + 20 * torch::arange(30).remainder(2).unsqueeze(1);
  const ClassGaussian full = gaussians_of(7, rows, {.ridge = 0.5}, any_numbers()).at(0);
  const ClassGaussian diagonal = gaussians_of(7, rows, {.covariance = "diagonal", .ridge = 0.5}, any_numbers()).at(0);
  EXPECT_EQ(full.label, 7);
  EXPECT_TRUE(torch::allclose(
      full.covariance, (at::cov(rows.to(torch::kDouble).t()) + 0.5 * torch::eye(4, torch::kDouble)).to(torch::kFloat32), 1e-5, 1e-5));
  EXPECT_TRUE(torch::allclose(diagonal.covariance, full.covariance.diagonal(), 1e-5, 1e-5));
  const auto two = gaussians_of(7, rows, {.covariance = "diagonal", .per_class = 2}, any_numbers());
  ASSERT_EQ(two.size(), 2u);
  EXPECT_NEAR((two[0].mean - two[1].mean).abs().mean().item<double>(), 20, 2);
  EXPECT_LT(two[0].covariance.max().item<double>(), 5) << "each is as wide as its cluster";
  EXPECT_THROW(gaussians_of(7, rows, {.covariance = "round"}, any_numbers()), Error);
  EXPECT_THROW(gaussians_of(7, rows.narrow(0, 0, 0), {}, any_numbers()), Error);
}

// Both ways to draw give the same distribution; a diagonal one needs no factor and no jitter, also without any variance.
TEST(ClassGaussians, DrawsFromADiagonal) {
  constexpr int64_t kDraws = 50'000;
  const Tensor mean = torch::tensor({1.0, -2.0, 0.0}, torch::kDouble), variances = torch::tensor({4.0, 0.0, 0.25}, torch::kDouble);
  const DrawnRows drawn = draw_rows({{3, mean, variances}, {4, mean, torch::zeros(3)}}, kDraws, any_numbers());
  EXPECT_EQ(drawn.jitter, 0);
  const Tensor rows = drawn.rows.narrow(0, 0, kDraws).to(torch::kDouble);
  EXPECT_LT((rows.mean(0) - mean).abs().max().item<double>(), 5 * std::sqrt(4.0 / kDraws));
  EXPECT_LT((rows.var(0) - variances).abs().max().item<double>(), 5 * std::sqrt(2.0 / kDraws) * 4);
  EXPECT_TRUE(torch::equal(drawn.rows[kDraws], mean.to(torch::kFloat32)));
  EXPECT_EQ(drawn.labels[kDraws].item<int64_t>(), 4);
}

// The heads' alignment of HiDe-Prompt's second stage, from the fixture's own noise.
void check_alignment(Golden& g) {
  const Tensor noise = g["wtp.align.noise"], permutation = g["wtp.align.permutation"], centroids = g["stat.centroids"],
               vars = g["stat.centroid_vars"];
  const int64_t epochs = noise.size(0), old = noise.size(1), clusters = noise.size(2), each = noise.size(3), per_task = g.config()["cpt"];
  const int64_t seen = 2 * per_task;
  GrowingLinear head({.dim = noise.size(4), .init = HeadInit::zero()}, any_numbers());
  head.grow(g["wtp.align.before.head.weight"].size(0));
  golden::fill(head, g, golden::prefixed("wtp.align.before.head."));
  Trainer trainer({.lr = g.config()["ca_lr2"], .momentum = 0.9, .epochs = epochs, .schedule = "cosine"}, {head}, per_task);
  std::vector<Tensor> losses, rates;
  for (int64_t e = 0; e < epochs; ++e) {
    std::vector<Tensor> rows, labels;
    for (int64_t c = 0; c < old; ++c)
      for (int64_t k = 0; k < clusters; ++k) {
        rows.push_back(diagonal_rows(centroids[c][k], vars[c][k] + 1e-4, noise[e][c][k]));
        labels.push_back(torch::full(each, c, torch::kInt64));
      }
    const Tensor x = at::cat(rows).index_select(0, permutation[e]), y = at::cat(labels).index_select(0, permutation[e]);
    const int64_t size = x.size(0) / (old * clusters);
    for (int64_t i = 0; i < per_task; ++i) {
      rates.push_back(torch::tensor(trainer.rate(), torch::kDouble));
      const Tensor loss = at::cross_entropy_loss(head(x.narrow(0, i * size, size)).narrow(1, 0, seen), y.narrow(0, i * size, size));
      losses.push_back(loss.detach());
      trainer.step(loss);
    }
  }
  g.close("wtp.align.lr", at::stack(rates).to(g["wtp.align.lr"].scalar_type()), 1e-7);
  g.close("wtp.align.loss", at::stack(losses), 1e-5);
  for (auto& [name, t] : golden::parameters_of(head)) g.close("wtp.align.after.head." + name, t, 1e-5);
}

TEST(HideGolden, StatisticsAndAlignment) {
  CLB_GOLDEN(g, "hide");
  const Tensor features = g["stat.features"], means = g["stat.mean"];  // [classes, n, d]
  const int64_t clusters = g.config()["n_cent"];
  std::vector<Tensor> mean, covariance, variance, centroids, centroid_vars;
  for (int64_t c = 0; c < features.size(0); ++c) {
    const auto one = gaussians_of(c, features[c], {.ridge = 1e-4}, any_numbers()).at(0);
    mean.push_back(one.mean.to(torch::kFloat32));
    if (c < g["stat.covariance_plus_1e-4"].size(0)) covariance.push_back(one.covariance);
    variance.push_back(gaussians_of(c, features[c], {.covariance = "diagonal", .ridge = 1e-4}, any_numbers()).at(0).covariance);
    auto several = gaussians_of(c, features[c], {.covariance = "diagonal", .per_class = clusters, .unbiased = false}, any_numbers());
    std::sort(several.begin(), several.end(),
              [](const ClassGaussian& a, const ClassGaussian& b) { return a.mean[0].item<double>() < b.mean[0].item<double>(); });
    std::vector<Tensor> of_means, of_vars;
    for (const auto& each : several) {
      of_means.push_back(each.mean.to(torch::kFloat32));
      of_vars.push_back(each.covariance);
    }
    centroids.push_back(at::stack(of_means));
    centroid_vars.push_back(at::stack(of_vars));
  }
  g.close("stat.mean", at::stack(mean), 1e-5);
  g.close("stat.covariance_plus_1e-4", at::stack(covariance), 1e-5);
  g.close("stat.variance_plus_1e-4", at::stack(variance), 1e-5);
  g.close("stat.centroids", at::stack(centroids), 1e-5);
  g.close("stat.centroid_vars", at::stack(centroid_vars), 1e-5);
  check_alignment(g);
}

}  // namespace
}  // namespace clb::nn
