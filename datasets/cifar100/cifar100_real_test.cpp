// The whole of CIFAR-100 as it lies in ../shared, against the published statistics.
#include <gtest/gtest.h>

#include <array>
#include <clb/sdk/call_dataset.hpp>
#include <cmath>

#include "cifar100.cpp"

namespace {

TEST(Cifar100, RealDataHasThePublishedStatistics) {
  const clb::Path root = clb::Path(CLB_SOURCE_DIR) / "../shared/data/cifar-100-binary";
  if (!std::filesystem::exists(root)) GTEST_SKIP() << root << " is not there";
  const clb_host host = clb::ErrorSink::minimal_host();
  clb::DatasetPlugin plugin(clb_dataset_v0(), &host);
  plugin.open(root.string());
  EXPECT_STREQ(plugin.describe().class_names[99], "worm");

  for (const auto& [split, count] : {std::pair(CLB_SPLIT_TRAIN, 50'000), std::pair(CLB_SPLIT_TEST, 10'000)}) {
    const clb_index index = plugin.index(split);
    ASSERT_EQ(index.count, count);
    for (int64_t i = 0; i < count; ++i) ASSERT_EQ(index.labels[i], i % 100);
  }

  std::vector<int64_t> ids(50'000);
  for (size_t i = 0; i < ids.size(); ++i) ids[i] = static_cast<int64_t>(i);
  std::array<double, 3> sum{}, squares{};
  for (const clb_sample& sample : plugin.read(CLB_SPLIT_TRAIN, ids)) {
    for (size_t k = 0; k < sample.size; ++k) {
      const double value = sample.bytes[k] / 255.0;
      sum[k % 3] += value;
      squares[k % 3] += value * value;
    }
  }
  constexpr double kPixels = 50'000.0 * 1024;
  constexpr std::array<double, 3> kMean{0.5071, 0.4865, 0.4409}, kDeviation{0.2673, 0.2564, 0.2762};
  for (size_t c = 0; c < 3; ++c) {
    const double mean = sum[c] / kPixels;
    EXPECT_NEAR(mean, kMean[c], 5e-5);
    EXPECT_NEAR(std::sqrt(squares[c] / kPixels - mean * mean), kDeviation[c], 5e-5);
  }
}

}  // namespace
