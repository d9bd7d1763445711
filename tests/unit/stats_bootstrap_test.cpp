#include <gtest/gtest.h>

#include <clb/stats/aggregate.hpp>
#include <clb/stats/bootstrap.hpp>
#include <cmath>
#include <numeric>
#include <stdexcept>
#include <vector>

namespace clb::stats {
namespace {

template <class Statistic>
Interval bootstrap(size_t runs, size_t images, double level, Statistic statistic) {
  return bootstrap_runs_images(
             runs, images, level, 1,
             [&](size_t run, std::span<const uint32_t> counts, std::span<double> values) { values[0] = statistic(run, counts); })
      .front();
}

TEST(Bootstrap, quantiles_between_order_statistics) {  // numpy.quantile
  EXPECT_DOUBLE_EQ(quantile({3, 1, 2, 4}, 0.5), 2.5);
  EXPECT_NEAR(quantile({3, 1, 2, 4}, 0.1), 1.3, 1e-15);
  EXPECT_EQ(quantile({7}, 0.9), 7);
  EXPECT_THROW(quantile({}, 0.5), std::invalid_argument);
}

// With one run only images vary: the interval is that of a binomial share, 0.8 -+ 1.96 sqrt(0.8 * 0.2 / 2000) = 0.8 -+ 0.01753.
TEST(Bootstrap, images_of_one_run_vary_like_a_binomial_share) {
  std::vector<uint8_t> right(2500, 1);
  std::fill(right.begin(), right.begin() + 400, uint8_t{0});
  std::fill(right.begin() + 2000, right.end(), kNotEvaluated);
  const Interval i = bootstrap(1, right.size(), 0.95, [&](size_t, auto counts) { return counted_accuracy(right, counts); });
  EXPECT_NEAR(i.low, 0.8 - 0.01753, 0.002);
  EXPECT_NEAR(i.high, 0.8 + 0.01753, 0.002);
}

// When every image counts the same, only runs vary: a NumPy bootstrap of Darwin's maize with 200,000 resamples gave 1.40 to 38.13.
TEST(Bootstrap, runs_vary_like_a_bootstrap_of_the_mean) {
  const std::vector<double> maize{49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48};
  const Interval i = bootstrap(maize.size(), 10, 0.95, [&](size_t run, auto) { return maize[run]; });
  EXPECT_NEAR(i.low, 1.40, 2.5);
  EXPECT_NEAR(i.high, 38.13, 2.5);
}

// Two runs that are right on the same images: with the images drawn once for all runs the interval is that of one run; drawn for each run
// on its own it would be sqrt(2) narrower.
TEST(Bootstrap, images_are_shared_by_the_runs) {
  std::vector<uint8_t> right(1000, 1);
  std::fill(right.begin(), right.begin() + 500, uint8_t{0});
  auto accuracy = [&](size_t, std::span<const uint32_t> counts) { return counted_accuracy(right, counts); };
  const Interval one = bootstrap(1, 1000, 0.95, accuracy), two = bootstrap(2, 1000, 0.95, accuracy);
  EXPECT_NEAR(two.high - two.low, one.high - one.low, 0.006);
  EXPECT_NEAR(one.high - one.low, 2 * 1.96 * std::sqrt(0.25 / 1000), 0.006);
}

TEST(Bootstrap, the_same_data_give_the_same_interval) {
  auto some = [](size_t run, std::span<const uint32_t> counts) { return static_cast<double>(counts[run]); };
  const Interval first = bootstrap(5, 20, 0.9, some), second = bootstrap(5, 20, 0.9, some);
  EXPECT_EQ(first.low, second.low);
  EXPECT_EQ(first.high, second.high);
  EXPECT_THROW(bootstrap(0, 20, 0.9, some), std::invalid_argument);
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
