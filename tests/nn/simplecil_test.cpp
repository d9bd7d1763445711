// SimpleCIL's arithmetic on given features: float64 class sums, prototypes, cosine logits.
#include <clb/nn/tensors.hpp>

#include "golden/golden.hpp"

namespace clb::nn {
namespace {

using torch::Tensor;

struct Prototypes {
  Tensor sums, counts;  // [c, d], [c, 1], float64

  void add(const Tensor& features, const Tensor& labels, int64_t classes) {
    sums = grow_rows(sums, classes, features.size(1));
    counts = grow_rows(counts, classes, 1);
    sums.index_add_(0, labels, features.to(torch::kFloat64));
    counts.index_add_(0, labels, torch::ones({features.size(0), 1}, torch::kFloat64));
  }
  Tensor means() const { return (sums / counts.clamp_min(1)).to(torch::kFloat32); }
  Tensor logits(const Tensor& features, double scale) const { return scale * unit_rows(features).matmul(unit_rows(means()).t()); }
};

TEST(SimpleCilGolden, PrototypesAndLogits) {
  CLB_GOLDEN(golden, "simplecil");
  const Tensor test = golden["test_features"];
  const double sigma = golden["sigma"].item<double>();
  Prototypes prototypes;
  for (int64_t task = 0; golden.has("task" + std::to_string(task) + ".W"); ++task) {
    const std::string at = "task" + std::to_string(task);
    const int64_t classes = golden[at + ".W"].size(0);
    if (golden.has(at + ".logits_before")) {
      prototypes.add(torch::zeros({0, test.size(1)}), torch::zeros({0}, torch::kInt64), classes);
      golden.close(at + ".logits_before", prototypes.logits(test, sigma));
    }
    const Tensor features = golden[at + ".features"], labels = golden[at + ".labels"];
    // Two batches in the other order: float64 sums make that irrelevant at float32's precision.
    const int64_t half = features.size(0) / 2;
    prototypes.add(features.slice(0, half), labels.slice(0, half), classes);
    prototypes.add(features.slice(0, 0, half), labels.slice(0, 0, half), classes);
    golden.close(at + ".W", prototypes.means(), 2e-5);
    golden.close(at + ".logits", prototypes.logits(test, sigma), 3e-6);
  }
  if (golden.has("task0.singleton_class")) {
    const int64_t singleton = golden["task0.singleton_class"].item<int64_t>();
    EXPECT_EQ(prototypes.counts[singleton].item<double>(), 1);
  }
  golden.expect_all_compared({"test_features", "sigma", "task0.features", "task1.features", "task2.features", "task0.labels",
                              "task1.labels", "task2.labels", "task0.singleton_class"});
}

TEST(Tensors, UnitRowsKeepsZeroRows) {
  const Tensor x = torch::tensor({{3.0F, 4.0F}, {0.0F, 0.0F}, {1e-13F, 0.0F}});
  const Tensor want = torch::tensor({{0.6F, 0.8F}, {0.0F, 0.0F}, {0.1F, 0.0F}});
  EXPECT_LT((unit_rows(x) - want).abs().max().item<double>(), 1e-6);
}

TEST(Tensors, GrowRowsPadsWithZeros) {
  const Tensor grown = grow_rows(torch::ones({1, 2}, torch::kFloat32), 3, 4);
  EXPECT_EQ(grown.scalar_type(), torch::kFloat64);
  EXPECT_EQ(grown.sum().item<double>(), 2);
  EXPECT_EQ(grown[0][1].item<double>(), 1);
  EXPECT_EQ(grow_rows({}, 2, 3).sizes(), torch::IntArrayRef({2, 3}));
  EXPECT_THROW(grow_rows(grown, 2, 4), std::exception);
}

}  // namespace
}  // namespace clb::nn
