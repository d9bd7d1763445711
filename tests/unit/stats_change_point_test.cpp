#include <gtest/gtest.h>

#include <clb/stats/change_point.hpp>
#include <random>
#include <vector>

namespace clb::stats {
namespace {

using Points = std::vector<size_t>;

TEST(ChangePoint, a_step_in_noise) {
  EXPECT_EQ(change_points(std::vector<double>{0.801, 0.803, 0.799, 0.802, 0.781, 0.779, 0.780, 0.782}), Points{4});
  EXPECT_EQ(change_points(std::vector<double>{0.801, 0.803, 0.799, 0.760, 0.762, 0.761, 0.80, 0.802, 0.801}), (Points{3, 6}));
}

TEST(ChangePoint, noise_alone_is_no_step) {
  EXPECT_EQ(change_points(std::vector<double>{0.801, 0.803, 0.799, 0.802, 0.800, 0.798, 0.801, 0.802}), Points{});
}

// A noisy segment has two values at least, so the one good commit after it goes with it.
TEST(ChangePoint, one_bad_commit_that_was_mended_is_seen) {
  EXPECT_EQ(change_points(std::vector<double>{0.80, 0.801, 0.802, 0.75, 0.8015, 0.8, 0.799, 0.801}), (Points{3, 5}));
}

// Runs that repeat bit for bit: the line is constant until something changes.
TEST(ChangePoint, a_series_that_repeats_exactly_changes_at_every_step) {
  EXPECT_EQ(change_points(std::vector<double>{0.8, 0.8, 0.8, 0.8, 0.8}), Points{});
  EXPECT_EQ(change_points(std::vector<double>{0.8, 0.8, 0.8, 0.7999}), Points{3});
  EXPECT_EQ(change_points(std::vector<double>{0.8, 0.8, 0.79, 0.79, 0.79, 0.81}), (Points{2, 5}));
}

TEST(ChangePoint, too_few_values_say_nothing) {
  EXPECT_EQ(change_points({}), Points{});
  EXPECT_EQ(change_points(std::vector<double>{0.8, 0.8, 0.2}), Points{});
}

// The rates in the header were simulated with another implementation (NumPy).
TEST(ChangePoint, false_alarms_are_as_rare_as_the_header_says) {
  std::mt19937_64 engine(1);
  std::normal_distribution<double> normal;
  int alarms = 0, seen = 0;
  for (int series = 0; series < 1000; ++series) {
    std::vector<double> noise, step;
    for (int i = 0; i < 20; ++i) {
      noise.push_back(normal(engine));
      step.push_back(normal(engine) + (i < 10 ? 0 : 3));
    }
    alarms += !change_points(noise).empty();
    seen += !change_points(step).empty();
  }
  EXPECT_LT(alarms, 75);  // 5 %, and 3.6 standard errors
  EXPECT_GT(seen, 940);   // 97 %
}

}  // namespace
}  // namespace clb::stats
