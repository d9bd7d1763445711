// Domain identification against S-Prompts' released code (fixture "siprompts"), and what must hold of any centroids.
#include <clb/nn/domain_centroids.hpp>
#include <clb/nn/error.hpp>
#include <clb/nn/k_means.hpp>
#include <clb/nn/tensors.hpp>

#include "golden/golden.hpp"
#include "golden_modules.hpp"

namespace clb::nn {
namespace {

using golden::generator;
using torch::Tensor;

// Three domains whose features point in directions of their own.
DomainCentroids three_domains(int64_t clusters) {
  DomainCentroids known;
  for (int64_t domain = 0; domain < 3; ++domain) {
    const Tensor noise = 0.1 * at::randn({20, 6}, generator(static_cast<uint64_t>(domain)));
    known.learn(domain, noise + torch::eye(6)[domain], clusters, generator(9));
  }
  return known;
}

TEST(DomainCentroids, EqualTheReference) {
  CLB_GOLDEN(g, "siprompts");
  const Clusters found = k_means_from(g["cluster.features"][0], g["lloyd.init"], {.tolerance = 0});
  g.near("lloyd.centers", found.centres);
  g.equal("lloyd.labels", found.labels);
  g.near("lloyd.inertia", torch::tensor(found.inertia, torch::kFloat64));

  DomainCentroids known;
  std::vector<Tensor> each;
  for (int64_t s = 0; s < g["cluster.centroids"].size(0); ++s) {
    known.all().push_back(g["cluster.centroids"][s]);
    each.push_back(distances(g["test.feature_normed"], g["cluster.centroids"][s], "l1"));
  }
  g.near("test.l1_distance_to_centroids", at::stack(each, 1));
  g.near("test.session_distance", known.distances_of(g["test.feature_normed"], "l1"));
  g.equal("test.session", known.nearest(g["test.feature_normed"], "l1"));
  g.equal("test.session_if_l2", known.nearest(g["test.feature_normed"], "l2"));
}

// Started anywhere, k-means of the reference's features is no better than what the reference found by much, nor much worse.
TEST(DomainCentroids, FindWhatTheReferenceFound) {
  CLB_GOLDEN(g, "siprompts");
  for (int64_t s = 0; s < g["cluster.features"].size(0); ++s) {
    const Tensor features = g["cluster.features"][s];
    const auto inertia = [&](const Tensor& centres) {
      return std::get<0>(distances(features, centres, "l2").min(1)).square().sum().item<double>();
    };
    const double theirs = inertia(g["cluster.centroids"][s]);
    const Clusters ours = k_means(features, {.clusters = g["cluster.centroids"].size(1), .tries = 20}, generator(1));
    std::printf("  inertia of session %d: %.6f, the reference's %.6f\n", static_cast<int>(s), inertia(ours.centres), theirs);
    EXPECT_LE(inertia(ours.centres), theirs * 1.05);
  }
}

TEST(DomainCentroids, ACentroidIsOfItsOwnDomainAtAnyScale) {
  for (const int64_t clusters : {1, 4, 50}) {
    const DomainCentroids known = three_domains(clusters);
    for (const char* by : {"l1", "l2"}) {
      for (int64_t domain = 0; domain < 3; ++domain) {
        const Tensor& centroids = known.centroids(domain);
        EXPECT_LE(centroids.size(0), std::min<int64_t>(clusters, 20));
        const Tensor of = known.nearest(centroids, by);
        EXPECT_TRUE(of.eq(domain).all().item<bool>()) << by;
        EXPECT_TRUE(torch::equal(known.nearest(1000 * centroids, by), of)) << by;
        EXPECT_TRUE(torch::equal(known.nearest(1e-3 * centroids, by), of)) << by;
        EXPECT_EQ(std::get<0>(distances(centroids, centroids, by).min(1)).max().item<double>(), 0) << by;
      }
    }
  }
}

TEST(DomainCentroids, AreNearestOfEachRowAlone) {
  const DomainCentroids known = three_domains(3);
  const Tensor rows = at::randn({65, 6}, generator(7)), together = known.distances_of(rows, "l1");
  for (int64_t k = 0; k < rows.size(0); ++k)
    EXPECT_TRUE(torch::equal(known.distances_of(rows.narrow(0, k, 1), "l1"), together.narrow(0, k, 1))) << k;
}

TEST(DomainCentroids, LearnAgainAndRefuse) {
  DomainCentroids known = three_domains(2);
  const Tensor first = known.centroids(0), last = known.centroids(2);
  known.learn(1, torch::ones({1, 6}), 5, generator(1));  // one image: one centroid
  EXPECT_EQ(known.centroids(1).size(0), 1);
  EXPECT_EQ(known.domains(), 3);
  EXPECT_TRUE(torch::equal(known.centroids(0), first));
  EXPECT_TRUE(torch::equal(known.centroids(2), last));
  EXPECT_THROW(known.learn(5, torch::ones({1, 6}), 5, generator(1)), Error);
  EXPECT_THROW(known.learn(3, torch::ones({0, 6}), 5, generator(1)), Error);
  EXPECT_EQ(known.domains(), 3) << "a domain that could not be learned is not known";
  EXPECT_THROW(known.nearest(torch::ones({1, 6}), "cosine"), Error);
  EXPECT_THROW(DomainCentroids().nearest(torch::ones({1, 6}), "l1"), Error);
  EXPECT_THROW(k_means_from(torch::ones({3, 6}), torch::ones({2, 5}), {}), Error);
  EXPECT_THROW(k_means_from(torch::ones({3, 6}), torch::ones({0, 6}), {}), Error);
}

}  // namespace
}  // namespace clb::nn
