// Which runs share a job, and what a run is expected to take.
#include <gtest/gtest.h>

#include <algorithm>
#include <clb/sweep/estimate.hpp>
#include <clb/sweep/pack.hpp>
#include <map>
#include <numeric>

namespace clb::sweep {
namespace {

std::map<int64_t, double> loads(const std::vector<double>& seconds, const std::vector<int64_t>& slots) {
  std::map<int64_t, double> sums;
  for (size_t i = 0; i < seconds.size(); ++i) sums[slots[i]] += seconds[i];
  return sums;
}

TEST(Pack, NoJobIsMadeForATenSecondRun) {
  const std::vector<double> seconds(60, 10);
  const auto sums = loads(seconds, pack(seconds, {.job_s = 3600, .jobs_max = 50}));
  EXPECT_EQ(sums.size(), 1u);  // ten minutes in all
}

TEST(Pack, LongRunsGetAJobEachAndShortOnesShareTheRest) {
  std::vector<double> seconds(40, 60);
  seconds.insert(seconds.end(), 3, 3000);
  const std::vector<int64_t> slots = pack(seconds, {.job_s = 3600, .jobs_max = 4});
  const auto sums = loads(seconds, slots);
  ASSERT_EQ(sums.size(), 4u);
  for (const auto& [slot, sum] : sums) EXPECT_LE(sum, 3600) << slot;
  EXPECT_NE(slots[40], slots[41]);
}

TEST(Pack, ThereAreNeverMoreJobsThanAllowedAndEachHasARun) {
  for (const int64_t most : {1, 7, 500}) {
    const std::vector<double> seconds(10'000, 1800);
    const auto sums = loads(seconds, pack(seconds, {.job_s = 3600, .jobs_max = most}));
    EXPECT_EQ(static_cast<int64_t>(sums.size()), most);
    EXPECT_EQ(sums.begin()->first, 1);
    EXPECT_EQ(sums.rbegin()->first, most);
  }
  EXPECT_EQ(pack({5, 5}, {.job_s = 1, .jobs_max = 100}), (std::vector<int64_t>{1, 2}));
  EXPECT_TRUE(pack({}, {.job_s = 1, .jobs_max = 100}).empty());
  EXPECT_EQ(loads({0, 0, 0}, pack({0, 0, 0}, {.job_s = 1, .jobs_max = 2})).size(), 1u);
}

TEST(Pack, RunsThatAreOnTogetherNeedFewerJobs) {
  const std::vector<double> seconds(100, 600);
  EXPECT_EQ(loads(seconds, pack(seconds, {.job_s = 6000, .jobs_max = 1000, .job_least_s = 6000})).size(), 10u);
  EXPECT_EQ(loads(seconds, pack(seconds, {.job_s = 6000, .jobs_max = 1000, .job_least_s = 6000, .at_once = 5})).size(), 2u);
}

TEST(Estimate, SaysWhatItRestsOn) {
  EXPECT_EQ(estimate(std::nullopt, 1800).seconds, 1800);
  EXPECT_EQ(estimate(std::nullopt, 1800).basis, "guess: nothing was measured");
  EXPECT_EQ(estimate(Measured{12, true, true}, 1800).basis, "measured");
  EXPECT_EQ(estimate(Measured{12, true, false}, 1800).basis, "measured, with other parameters");
  EXPECT_EQ(estimate(Measured{12, false, true}, 1800).basis, "guess: measured on another class of machine");
  EXPECT_EQ(estimate(Measured{12, false, true}, 1800).seconds, 12);
}

}  // namespace
}  // namespace clb::sweep
