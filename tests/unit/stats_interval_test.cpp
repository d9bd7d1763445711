#include <gtest/gtest.h>

#include <clb/stats/interval.hpp>
#include <stdexcept>
#include <vector>

namespace clb::stats {
namespace {

TEST(Interval, student_95_percent_from_three_values_on) {
  const Summary s = summarise(std::vector<double>{1, 2, 3});
  EXPECT_EQ(s.spread, "t95");
  EXPECT_EQ(s.n, 3);
  EXPECT_DOUBLE_EQ(s.mean, 2);
  EXPECT_NEAR(s.high - s.mean, 4.302652729749464 / 1.7320508075688772, 1e-12);  // t(0.975, 2) / sqrt(3)
  EXPECT_NEAR(s.mean - s.low, s.high - s.mean, 1e-12);
}

TEST(Interval, extremes_below_three_values) {
  const Summary two = summarise(std::vector<double>{0.7, 0.5});
  EXPECT_EQ(two.spread, "min-max");
  EXPECT_DOUBLE_EQ(two.mean, 0.6);
  EXPECT_EQ(two.low, 0.5);
  EXPECT_EQ(two.high, 0.7);
  const Summary one = summarise(std::vector<double>{0.5});
  EXPECT_EQ(one.low, one.high);
}

TEST(Interval, equal_values_have_no_width) {
  const Interval i = t_interval(std::vector<double>{0.25, 0.25, 0.25}, 0.95);
  EXPECT_EQ(i.low, 0.25);
  EXPECT_EQ(i.high, 0.25);
}

TEST(Interval, nothing_to_summarise_is_refused) {
  EXPECT_THROW(summarise({}), std::invalid_argument);
  EXPECT_THROW(t_interval(std::vector<double>{1}, 0.95), std::invalid_argument);
}

}  // namespace
}  // namespace clb::stats
