#include <gtest/gtest.h>

#include <clb/stats/sample_size.hpp>

namespace clb::stats {
namespace {

TEST(SampleSize, smallest_n_by_scipys_t_quantiles) {
  EXPECT_EQ(pairs_needed(1, 1), 10);
  EXPECT_EQ(pairs_needed(0.5, 1), 5);
  EXPECT_EQ(pairs_needed(2, 1), 34);
  EXPECT_EQ(pairs_needed(0.3, 0.1), 73);
}

TEST(SampleSize, three_at_least_and_not_without_end) {
  EXPECT_EQ(pairs_needed(0.1, 1), 3);
  EXPECT_EQ(pairs_needed(0, 0.1), 3);
  EXPECT_EQ(pairs_needed(10, 0.1), std::nullopt);
}

}  // namespace
}  // namespace clb::stats
