// 200,000 metrics in one task kept the launcher busy for 78 s: JSON was read in a time that grew with the square of a list's length.
#include <gtest/gtest.h>

#include <chrono>
#include <clb/base/event.hpp>

namespace clb::base {
namespace {

TEST(ManyMetrics, AreReadInATimeThatGrowsWithTheirNumber) {
  TaskDone task;
  task.logit_hash = "none";
  for (int64_t i = 0; i < 100'000; ++i) task.metrics.push_back({"a_metric_of_mine", 0, i, 0.5 * static_cast<double>(i)});
  const std::string line = encode(task);

  const auto start = std::chrono::steady_clock::now();
  const Event event = decode(line);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  EXPECT_LT(seconds, 4);  // it takes 0.2 s; it took 20 s
  ASSERT_EQ(std::get<TaskDone>(event).metrics.size(), task.metrics.size());
  EXPECT_EQ(std::get<TaskDone>(event).metrics.back().step, 99'999);
}

}  // namespace
}  // namespace clb::base
