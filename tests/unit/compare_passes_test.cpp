// Passes that alternate in time, and what is none.
#include <gtest/gtest.h>

#include "gate_parts.hpp"
#include "passes.hpp"

namespace clb::results_test {
namespace {

using compare::PassPair;
using compare::RunId;
using compare::Timed;

// Runs one after the other, five seconds each.
struct Diary {
  std::vector<Timed> runs;
  int now = 100;  // three digits, so that texts sort like numbers
  Diary& pass(bool head, std::vector<int64_t> seeds, double seconds = 1, int length = 5) {
    for (const int64_t seed : seeds) {
      runs.push_back({head, RunId{seed, 0, ""}, std::to_string(now), std::to_string(now + length), seconds});
      now += 5;
    }
    return *this;
  }
  size_t pairs() const { return compare::alternating_passes(runs).size(); }
};

TEST(Passes, a_pass_of_many_runs_is_one_measurement) {
  Diary d;
  for (int i = 0; i < 3; ++i) d.pass(false, {0, 1, 2}, 2).pass(true, {0, 1, 2}, 3);
  const std::vector<PassPair> pairs = compare::alternating_passes(d.runs);
  ASSERT_EQ(pairs.size(), 3u);
  EXPECT_EQ(pairs[0].base, 6);
  EXPECT_EQ(pairs[0].head, 9);
}

TEST(Passes, the_order_may_turn) {
  Diary d;
  d.pass(false, {0, 1}).pass(true, {0, 1}).pass(true, {0, 1}).pass(false, {0, 1}).pass(false, {0, 1}).pass(true, {0, 1});
  EXPECT_EQ(d.pairs(), 3u);
}

TEST(Passes, overlapping_ranges_are_not_enough) {
  Diary d;
  for (int i = 0; i < 5; ++i) d.pass(false, {0, 1});
  d.pass(true, {0, 1}).pass(false, {0, 1});
  for (int i = 0; i < 5; ++i) d.pass(true, {0, 1});
  EXPECT_EQ(d.pairs(), 2u);  // the last but one of the base with the first of the head, and their neighbours
}

TEST(Passes, what_runs_at_the_same_time_is_no_pair) {
  Diary d;
  for (int i = 0; i < 3; ++i) d.pass(false, {0}, 1, 8).pass(true, {0}, 1, 5);
  EXPECT_EQ(d.pairs(), 0u) << "each pass of the base ends after the head's has begun";
}

TEST(Passes, on_a_busy_machine_three_ratios_that_agree_are_no_regression) {
  compare::Gauge gauge = compare::time_gauge({{10, 11.0}, {10, 11.1}, {10, 11.2}}, 0.05);
  gauge.p_holm = gauge.p;
  ASSERT_GT(*gauge.p, 0.001);
  compare::decide_cost(gauge);
  EXPECT_EQ(gauge.verdict, compare::Verdict::kRegression);
  gauge.alpha = compare::kBusyAlpha;
  compare::decide_cost(gauge);
  EXPECT_EQ(gauge.verdict, compare::Verdict::kCannotTell);
}

TEST(Passes, only_runs_of_both_count) {
  Diary d;
  d.pass(false, {0, 1, 2}).pass(true, {1, 2, 3}).pass(false, {4}).pass(true, {5});
  const std::vector<PassPair> pairs = compare::alternating_passes(d.runs);
  ASSERT_EQ(pairs.size(), 1u);
  EXPECT_EQ(pairs[0].base, 2);
}

}  // namespace
}  // namespace clb::results_test
