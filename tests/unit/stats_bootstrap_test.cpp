#include <gtest/gtest.h>

#include <clb/stats/aggregate.hpp>
#include <clb/stats/bootstrap.hpp>
#include <cmath>
#include <numeric>
#include <stdexcept>
#include <vector>

namespace clb::stats {
namespace {

TEST(Bootstrap, quantiles_between_order_statistics) {  // numpy.quantile
  EXPECT_DOUBLE_EQ(quantile({3, 1, 2, 4}, 0.5), 2.5);
  EXPECT_NEAR(quantile({3, 1, 2, 4}, 0.1), 1.3, 1e-15);
  EXPECT_EQ(quantile({7}, 0.9), 7);
  EXPECT_THROW(quantile({}, 0.5), std::invalid_argument);
}

TEST(Aggregate, interquartile_mean_is_scipys_trim_mean) {  // scipy.stats.trim_mean(x, 0.25)
  EXPECT_NEAR(interquartile_mean({0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 5.0}), 0.55, 1e-15);
  EXPECT_NEAR(interquartile_mean({0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1}), 0.4, 1e-15);
  EXPECT_NEAR(interquartile_mean({0.1, 0.2, 0.3, 0.4}), 0.25, 1e-15);
  EXPECT_EQ(interquartile_mean({3}), 3);
  EXPECT_THROW(interquartile_mean({}), std::invalid_argument);
}

// Mann and Whitney's U of {1, 2, 3, 4} against {2, 2, 5} is 5 (scipy.stats.mannwhitneyu): P = 5 / 12.
TEST(Aggregate, probability_of_improvement_is_u_over_pairs) {
  EXPECT_NEAR(probability_of_improvement({{{1, 2, 3, 4}, {2, 2, 5}}}).value, 5.0 / 12, 1e-15);
  const Estimate two = probability_of_improvement({{{1, 2, 3, 4}, {2, 2, 5}}, {{1, 1}, {0, 0, 0}}});
  EXPECT_NEAR(two.value, (5.0 / 12 + 1) / 2, 1e-15);  // strata count alike, however many runs they have
  EXPECT_LT(two.interval.low, two.value);
  EXPECT_GT(two.interval.high, two.value);
  EXPECT_GE(two.interval.low, 0.5);
  const Estimate certain = probability_of_improvement({{{3, 4}, {1, 2}}});
  EXPECT_EQ(certain.interval.low, 1);
  EXPECT_EQ(certain.interval.high, 1);
  EXPECT_THROW(probability_of_improvement({{{1}, {}}}), std::invalid_argument);
}

TEST(Aggregate, interquartile_means_resample_pairs_inside_strata) {
  const std::vector<Stratum> strata{{{0.51, 0.52, 0.53}, {0.41, 0.42, 0.43}}, {{0.91, 0.92, 0.93}, {0.81, 0.82, 0.83}}};
  const InterquartileMeans means = interquartile_means(strata);
  EXPECT_NEAR(means.a.value, 0.72, 1e-15);  // of the six values one is cut from each end
  EXPECT_NEAR(means.difference.value, 0.1, 1e-15);
  EXPECT_NEAR(means.difference.interval.low, 0.1, 1e-12) << "pairs were torn apart";
  EXPECT_NEAR(means.difference.interval.high, 0.1, 1e-12);
  EXPECT_LT(means.a.interval.high - means.a.interval.low, 0.02) << "runs wandered between the strata";
  EXPECT_THROW(interquartile_means({{{1, 2}, {1}}}), std::invalid_argument);
}

}  // namespace
}  // namespace clb::stats
