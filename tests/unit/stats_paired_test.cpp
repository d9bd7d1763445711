// Against published numbers, and values computed once with SciPy 1.17 (binomtest, ttest_1samp, permutation_test).
#include <gtest/gtest.h>

#include <clb/stats/paired.hpp>
#include <stdexcept>
#include <vector>

#include "stats_maize.hpp"

namespace clb::stats {
namespace {

TEST(Paired, mcnemar_is_the_exact_binomial_test) {
  EXPECT_NEAR(mcnemar_exact(150, 86), 3.7159361395713866e-05, 1e-15);  // Agresti 2002, table 10.1: approval of the prime minister
  EXPECT_NEAR(mcnemar_exact(12, 5), 0.143463134765625, 1e-14);
  EXPECT_NEAR(mcnemar_exact(30, 59), 0.002785268996304216, 1e-14);
  EXPECT_NEAR(mcnemar_exact(1000, 1100), 0.03072070786424249, 1e-12);
  EXPECT_EQ(mcnemar_exact(1, 0), 1);
  EXPECT_EQ(mcnemar_exact(7, 7), 1);
  EXPECT_EQ(mcnemar_exact(0, 0), 1);
  EXPECT_NEAR(mcnemar_exact(6, 0), 2.0 / 64, 1e-15);
  EXPECT_THROW(mcnemar_exact(-1, 3), std::invalid_argument);
}

TEST(Paired, sign_flip_enumerates_all_patterns) {
  const SignFlip maize = sign_flip(kMaize);
  EXPECT_DOUBLE_EQ(maize.p, 1726.0 / 32768);  // Fisher: 863 of 32768 to each side
  EXPECT_TRUE(maize.exact);
  EXPECT_DOUBLE_EQ(sign_flip(std::vector<double>{0.5, 1.2, -0.3, 0.8, 0.9, 1.1}).p, 0.0625);
  EXPECT_DOUBLE_EQ(sign_flip(std::vector<double>{0.1, 0.2, 0.3}).p, 0.25);  // three pairs can never say more
  EXPECT_DOUBLE_EQ(sign_flip(std::vector<double>{0, 0, 0, 0}).p, 1);
  EXPECT_DOUBLE_EQ(sign_flip(std::vector<double>{0.3}).p, 1);
  EXPECT_THROW(sign_flip({}), std::invalid_argument);
}

// 0.1 + 0.2 is not 0.3: patterns that tie with the one seen count nevertheless.
TEST(Paired, sign_flip_counts_ties_in_spite_of_rounding) {
  EXPECT_DOUBLE_EQ(sign_flip(std::vector<double>{0.1, 0.2, -0.3}).p, 1);
  EXPECT_DOUBLE_EQ(sign_flip(std::vector<double>{0.3, 0.1, 0.2, 0.4, -0.2}).p, 0.25);  // of 32 sums 8 reach 0.8
}

TEST(Paired, beyond_twenty_values_patterns_are_drawn_and_the_same_each_time) {
  const std::vector<double> twenty(20, 1.0);
  EXPECT_TRUE(sign_flip(twenty).exact);
  EXPECT_DOUBLE_EQ(sign_flip(twenty).p, 2.0 / 1048576);
  std::vector<double> balanced;  // |sum| >= 4 of 24 fair signs: 1 - P(|X - 12| <= 1) = 0.5411935
  for (int i = 0; i < 24; ++i) balanced.push_back(i < 14 ? 1.0 : -1.0);
  const SignFlip drawn = sign_flip(balanced);
  EXPECT_FALSE(drawn.exact);
  EXPECT_NEAR(drawn.p, 0.5411935, 0.006);  // four standard errors of 100,000 draws
  EXPECT_EQ(drawn.p, sign_flip(balanced).p);
}

TEST(Paired, t_test_of_mean_zero) {
  EXPECT_NEAR(t_test(kMaize), 0.049702944021800866, 1e-14);  // t = 2.148 with 14 degrees of freedom
  EXPECT_EQ(t_test(std::vector<double>{0, 0, 0}), 1);
  EXPECT_EQ(t_test(std::vector<double>{-0.5, -0.5, -0.5}), 0);
  EXPECT_THROW(t_test(std::vector<double>{1}), std::invalid_argument);
}

TEST(Paired, holm_in_the_order_given) {
  const std::vector<double> adjusted = holm(std::vector<double>{0.01, 0.04, 0.03, 0.005});  // R: p.adjust(p, "holm")
  const std::vector<double> wanted{0.03, 0.06, 0.06, 0.02};
  ASSERT_EQ(adjusted.size(), wanted.size());
  for (size_t i = 0; i < wanted.size(); ++i) EXPECT_NEAR(adjusted[i], wanted[i], 1e-15);
  EXPECT_EQ(holm(std::vector<double>{0.7, 0.9}), (std::vector<double>{1, 1}));
  EXPECT_TRUE(holm({}).empty());
}

}  // namespace
}  // namespace clb::stats
