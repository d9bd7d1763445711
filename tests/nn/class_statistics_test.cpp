// Class means and covariances against the same computed in one go, and FeCAM's shrinkage.
#include <clb/nn/class_statistics.hpp>

#include "golden_modules.hpp"

namespace clb::nn {
namespace {

using torch::Tensor;

TEST(ClassStatistics, EqualTheirDefinitionWhateverTheBatches) {
  constexpr int64_t kClasses = 3, kDim = 5;
  const Tensor labels = torch::arange(40).remainder(kClasses), features = at::randn({40, kDim}) + labels.unsqueeze(1);
  for (const int64_t batch : {1, 7, 40}) {
    ClassCovariances statistics;
    statistics.grow(kClasses, kDim, torch::kCPU);
    for (int64_t i = 0; i < 40; i += batch) {
      const int64_t n = std::min(batch, 40 - i);
      statistics.add(features.narrow(0, i, n), labels.narrow(0, i, n));
    }
    for (int64_t c = 0; c < kClasses; ++c) {
      const Tensor rows = features.index_select(0, (labels == c).nonzero().flatten()).to(torch::kFloat64);
      EXPECT_EQ(statistics.counts()[c].item<double>(), rows.size(0));
      EXPECT_TRUE(torch::allclose(statistics.means()[c], rows.mean(0), 1e-12, 1e-12));
      EXPECT_TRUE(torch::allclose(statistics.covariance(c), at::cov(rows.t()), 1e-11, 1e-11));
    }
  }
}

TEST(ClassStatistics, GrowKeepsAndFewSamplesHaveNoCovariance) {
  ClassCovariances statistics;
  EXPECT_EQ(statistics.classes(), 0);
  statistics.grow(1, 4, torch::kCPU);
  const Tensor rows = at::randn({6, 4});
  statistics.add(rows, torch::zeros({6}, torch::kInt64));
  const Tensor covariance = statistics.covariance(0);
  statistics.grow(3, 4, torch::kCPU);
  statistics.add(rows.narrow(0, 0, 1), torch::ones({1}, torch::kInt64));
  EXPECT_TRUE(torch::equal(statistics.covariance(0), covariance));
  EXPECT_TRUE(statistics.covariance(1).eq(0).all().item<bool>());
  EXPECT_TRUE(torch::equal(statistics.means()[1], rows[0].to(torch::kFloat64)));
  EXPECT_TRUE(statistics.means()[2].eq(0).all().item<bool>());

  std::map<std::string, Tensor> kept;
  statistics.parameters([&](const std::string& name, Tensor& t) { kept[name] = t; });
  EXPECT_EQ(kept.at("products").sizes(), torch::IntArrayRef({3, 10}));
}

TEST(ClassStatistics, ShrinkageAndCorrelation) {
  const Tensor s = torch::tensor({{4., 1., 0.}, {1., 9., -2.}, {0., -2., 1.}});
  // Mean variance 14/3; mean of the off-diagonal entries that are not 0: -1/2.
  const Tensor expected = s + 3 * 14. / 3 * at::eye(3) + 2 * -0.5 * (1 - at::eye(3));
  EXPECT_TRUE(torch::allclose(shrunk(s, 3, 2), expected));
  EXPECT_TRUE(torch::equal(shrunk(at::stack({s, 2 * s}), 3, 2)[0], shrunk(s, 3, 2)));
  const Tensor n = correlation(s);
  EXPECT_TRUE(torch::allclose(n, torch::tensor({{1., 1. / 6, 0.}, {1. / 6, 1., -2. / 3}, {0., -2. / 3, 1.}})));
  EXPECT_TRUE(torch::allclose(correlation(7 * s), n));
  EXPECT_TRUE(torch::equal(correlation(torch::zeros({2, 3, 3})), at::eye(3).expand({2, 3, 3}))) << "no variance at all";
}

}  // namespace
}  // namespace clb::nn
