// Mixed batches: what holds of every draw, and that all that was asked for happens.
#include <gtest/gtest.h>

#include <clb/nn/loss.hpp>
#include <clb/nn/mixup.hpp>

namespace clb::nn {
namespace {

using torch::Tensor;

constexpr int64_t kMixedClasses = 4;

// Image i has the value i everywhere.
Tensor images(int64_t n) { return torch::arange(n, torch::kFloat32).reshape({n, 1, 1, 1}).expand({n, 3, 9, 8}).contiguous(); }
Tensor labels(int64_t n) { return torch::arange(n).remainder(kMixedClasses); }
MixedBatch mixed(int64_t n, const MixOptions& options, uint64_t seed) {
  return mixed_batch(images(n), labels(n), kMixedClasses, options, at::detail::createCPUGenerator(seed));
}

// The share that an image's own label has, from a batch without smoothing whose first and last labels differ.
double own_share(const MixedBatch& batch) { return batch.targets[0][0].item<double>(); }

TEST(Mixup, WithoutAnyOfItNothingChanges) {
  const MixedBatch plain = mixed(6, {.mixup = 0, .cutmix = 0, .smoothing = 0}, 1);
  EXPECT_TRUE(torch::equal(plain.images, images(6)));
  EXPECT_TRUE(torch::equal(plain.targets, torch::eye(kMixedClasses).index_select(0, labels(6))));
  const MixedBatch smooth = mixed(6, {.mixup = 0, .cutmix = 0, .smoothing = 0.2}, 1);
  EXPECT_NEAR(smooth.targets[1][1].item<double>(), 0.85, 1e-6);
  EXPECT_NEAR(smooth.targets[1][0].item<double>(), 0.05, 1e-6);
}

TEST(Mixup, ImagesAndLabelsHaveTheSameShares) {
  for (const int64_t n : {1, 2, 5, 6}) {
    for (uint64_t seed = 0; seed < 40; ++seed) {
      for (const bool cuts : {false, true}) {
        const MixOptions options{.mixup = cuts ? 0 : 0.8, .cutmix = cuts ? 1.0 : 0, .smoothing = 0};
        const MixedBatch batch = mixed(n, options, seed);
        EXPECT_LE((batch.targets.sum(1) - 1).abs().max().item<double>(), 1e-6);
        // The mean value of an image is that of the two that it is of, by their shares; so is its label.
        const double first = 0, last = static_cast<double>(n - 1), mean = batch.images[0].mean().item<double>();
        if (labels(n)[n - 1].item<int64_t>() != 0) {
          EXPECT_NEAR(mean, own_share(batch) * first + (1 - own_share(batch)) * last, 1e-5) << n << " " << seed << " " << cuts;
        }
        if (cuts) {
          EXPECT_LE(std::get<0>(at::_unique(batch.images[0])).numel(), 2) << "pixels of two images";
        }
      }
    }
  }
}

TEST(Mixup, BothHappenAndRepeat) {
  int64_t cut = 0;
  double lowest = 1, highest = 0;
  for (uint64_t seed = 0; seed < 100; ++seed) {
    const MixedBatch batch = mixed(6, {.smoothing = 0}, seed);
    cut += std::get<0>(at::_unique(batch.images[0])).numel() > 1;
    lowest = std::min(lowest, own_share(batch));
    highest = std::max(highest, own_share(batch));
    EXPECT_TRUE(torch::equal(batch.images, mixed(6, {.smoothing = 0}, seed).images));
  }
  EXPECT_GT(cut, 25);
  EXPECT_LT(cut, 65);
  EXPECT_LT(lowest, 0.1);
  EXPECT_GT(highest, 0.9);
}

TEST(Mixup, SoftCrossEntropyOfHardTargetsIsTheUsualOne) {
  const Tensor logits = at::randn({5, kMixedClasses}, at::detail::createCPUGenerator(3)),
               hard = torch::eye(kMixedClasses).index_select(0, labels(5));
  EXPECT_TRUE(torch::allclose(soft_cross_entropy(logits, hard), at::cross_entropy_loss(logits, labels(5))));
}

}  // namespace
}  // namespace clb::nn
