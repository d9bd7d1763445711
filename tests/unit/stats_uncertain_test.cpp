#include <gtest/gtest.h>

#include <clb/stats/moderated.hpp>
#include <clb/stats/paired.hpp>
#include <clb/stats/ranking.hpp>
#include <clb/stats/units.hpp>
#include <cmath>
#include <random>
#include <stdexcept>

#include "stats_maize.hpp"

namespace clb::stats {
namespace {

TEST(Units, an_order_is_one_where_several_were_run) {
  const Units units = units_of(std::vector<DrawnRun>{{0, 7, 0}, {1, 7, 1}, {0, 8, 2}, {1, 8, 3}, {2, 8, 4}});
  EXPECT_TRUE(units.of_orders());
  EXPECT_EQ(units.members, (std::vector<std::vector<size_t>>{{0, 1}, {2, 3, 4}}));
  EXPECT_EQ(unit_means(units, std::vector<double>{1, 3, 4, 5, 9}), (std::vector<double>{2, 6}));
}

TEST(Units, a_run_is_one_where_one_order_was_run_and_equal_results_count_once) {
  const Units units = units_of(std::vector<DrawnRun>{{0, 7, 0}, {1, 7, 0}, {2, 7, 5}});
  EXPECT_FALSE(units.of_orders());
  EXPECT_EQ(units.members, (std::vector<std::vector<size_t>>{{0}, {2}}));
  EXPECT_EQ(units.distinct, 2u);
  EXPECT_EQ(units.runs, 3u);
  const Units copies = units_of(std::vector<DrawnRun>{{0, 7, 0}, {1, 7, 0}, {0, 8, 0}, {1, 8, 0}});
  EXPECT_EQ(copies.distinct, 2u) << "each order for itself";
}

// Mean squares of y = 1 0 / 1 1, worked out by hand: units, images and rest all have 1/4.
TEST(Uncertain, mean_squares_by_hand) {
  const Uncertain u = over_units_and_images({2, 2, {1, 0, 1, 1}});
  EXPECT_DOUBLE_EQ(u.mean, 0.75);
  EXPECT_DOUBLE_EQ(u.units.variance, 1.0 / 16);
  EXPECT_DOUBLE_EQ(u.images.variance, 0);
  EXPECT_DOUBLE_EQ(u.df(), 1);
}

TEST(Uncertain, equal_units_leave_the_images) {  // of 1 0 1: s^2 / m = (1/3) / 3
  for (const Crossed& y : {Crossed{3, 3, {1, 0, 1, 1, 0, 1, 1, 0, 1}}, Crossed{1, 3, {1, 0, 1}}}) {
    const Uncertain u = over_units_and_images(y);
    EXPECT_NEAR(u.variance(), 1.0 / 9, 1e-12);
    EXPECT_NEAR(u.df(), 2, 1e-9);
  }
  EXPECT_THROW(over_units_and_images({1, 1, {1}}), std::invalid_argument);
}

TEST(Uncertain, images_that_do_not_vary_leave_students_t) {
  Crossed y{kMaize.size(), 2, {}};
  for (const double value : kMaize) y.values.insert(y.values.end(), 2, static_cast<float>(value));
  const Interval crossed = interval(over_units_and_images(y), 0.95), t = t_interval(kMaize, 0.95);
  EXPECT_NEAR(crossed.low, t.low, 1e-4);
  EXPECT_NEAR(crossed.high, t.high, 1e-4);
  EXPECT_NEAR(p_value(over_units(kMaize)), t_test(kMaize), 1e-12);
  EXPECT_NEAR(probability_above_zero(over_units(kMaize)), 1 - t_test(kMaize) / 2, 1e-12);
}

TEST(Uncertain, a_difference_is_that_of_each_place) {
  const Crossed a{2, 3, {1, 0, 1, 1, 1, 0}}, b{2, 3, {0, 0, 1, 1, 0, 0}};
  const Uncertain one = difference(a, b), same = over_units_and_images({2, 3, {1, 0, 0, 0, 1, 0}});
  EXPECT_DOUBLE_EQ(one.mean, same.mean);
  EXPECT_DOUBLE_EQ(one.variance(), same.variance());
  EXPECT_THROW(difference(a, {1, 3, {1, 1, 1}}), std::invalid_argument);
}

// With one part the careful comparison is Student's; with both it asks for more than any single t distribution.
TEST(Uncertain, far_out_each_part_keeps_its_quantile) {
  EXPECT_NEAR(careful_p(over_units(kMaize)), t_test(kMaize), 1e-6);
  const Uncertain both{5, {1, 2}, {1, 1000}};
  EXPECT_GT(careful_p(both), p_value(both));
  EXPECT_TRUE(told_from_zero(both, careful_p(both) * 1.001));
  EXPECT_FALSE(told_from_zero(both, careful_p(both) * 0.999));
}

std::vector<std::vector<double>> normal_rows(size_t rows, double every_other) {
  std::mt19937_64 random(7);
  std::normal_distribution<double> normal;
  const double shared[] = {0, 5, -3};  // what the units do to all
  std::vector<std::vector<double>> table(rows);
  for (size_t r = 0; r < rows; ++r)
    for (const double unit : shared) table[r].push_back(unit + (r % 2 ? every_other : 1) * normal(random));
  return table;
}

TEST(Moderated, rows_that_vary_alike_tell_of_each_other_and_others_less) {
  const Prior alike = prior_of(normal_rows(400, 1)), apart = prior_of(normal_rows(400, 100));
  // Of a difference of two means of three, and worth 2 degrees of freedom alone: the mean of its logarithm is what is kept,
  // exp(digamma(1)).
  EXPECT_NEAR(alike.variance, 2.0 / 3 * std::exp(-0.5772156649), 0.1);
  EXPECT_DOUBLE_EQ(alike.df, 2) << "never more than a row's own";
  EXPECT_LT(apart.df, 1);
  EXPECT_EQ(prior_of(normal_rows(3, 1)).df, 0) << "too few rows";
  const Part seen{0.1, 2}, both = moderated(seen, {0.7, 2}), alone = moderated(seen, {0.7, 0});
  EXPECT_DOUBLE_EQ(both.variance, 0.4);
  EXPECT_DOUBLE_EQ(both.df, 4);
  EXPECT_DOUBLE_EQ(alone.variance, 0.1);
}

// Rows 0 1 2 | 3 4, but 1 and 4 are not told apart: then no row above 4 is worse than 1, nor one below 1 better than 4.
TEST(Ranking, only_what_stands_below_all_others_is_worse) {
  std::vector<double> levels;
  const auto told = [&](size_t a, size_t b, double alpha) {
    levels.push_back(alpha);
    return a < 3 && b >= 3 && !(a == 1 && b == 4);
  };
  const std::vector<size_t> first = first_worse(5, 0.05, told);
  EXPECT_EQ(first, (std::vector<size_t>{3, 5, 5, 5, 5}));
  for (const double level : levels) EXPECT_DOUBLE_EQ(level, 0.005) << "ten pairs";
  const Rank best = rank_of(0, first), last = rank_of(4, first), second = rank_of(1, first);
  EXPECT_EQ(std::pair(best.low, best.high), std::pair(size_t{1}, size_t{3}));
  EXPECT_EQ(std::pair(last.low, last.high), std::pair(size_t{2}, size_t{5}));
  EXPECT_EQ(std::pair(second.low, second.high), std::pair(size_t{1}, size_t{5}));
  EXPECT_EQ(best.groups, (std::vector<size_t>{1}));
  EXPECT_EQ(second.groups, (std::vector<size_t>{1, 2}));
  EXPECT_EQ(last.groups, (std::vector<size_t>{2}));
}

TEST(Ranking, rows_that_are_all_told_apart_have_one_rank_each) {
  const std::vector<size_t> first = first_worse(3, 0.05, [](size_t, size_t, double) { return true; });
  for (size_t r = 0; r < 3; ++r) {
    EXPECT_EQ(rank_of(r, first).low, r + 1);
    EXPECT_EQ(rank_of(r, first).high, r + 1);
    EXPECT_EQ(rank_of(r, first).groups, (std::vector<size_t>{r + 1}));
  }
}

}  // namespace
}  // namespace clb::stats
