#include <gtest/gtest.h>
#include <sched.h>
#include <unistd.h>

#include <clb/launch/load.hpp>
#include <ctime>
#include <fstream>

#include "temp_folder.hpp"

namespace clb::launch {
namespace {

using clb::testing::TempFolder;

// The first processor that this process may use.
int usable() {
  cpu_set_t set;
  sched_getaffinity(0, sizeof set, &set);
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu)
    if (CPU_ISSET(cpu, &set)) return cpu;
  return 0;
}

TEST(Load, BusyIsEverythingButIdleAndWaitingForDisks) {
  const TempFolder folder;
  std::ofstream(folder.path() / "stat") << "cpu  9 9 9 9 9 9 9 9 9 9\ncpu" << usable() << " 100 20 30 5000 700 4 6 40 100 0\nintr 5\n";
  const auto seen = busy(folder.path());
  ASSERT_TRUE(seen);
  EXPECT_EQ(seen->processors, 1);
  EXPECT_DOUBLE_EQ(seen->seconds, 200.0 / static_cast<double>(sysconf(_SC_CLK_TCK)));
  EXPECT_FALSE(load_average(folder.path())) << "there is no such file";
}

TEST(Load, WhatIsNoTableOfProcessorsTellsNothing) {
  const TempFolder folder;
  EXPECT_FALSE(busy(folder.path()));
  std::ofstream(folder.path() / "stat") << "cpu" << usable() << " 1 2 three\n";
  EXPECT_FALSE(busy(folder.path()));
}

// What this process does itself is not the others'.
TEST(Load, OwnWorkIsTakenOff) {
  const LoadMeter meter;
  const auto own = [] { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; };
  const double before = own();
  while (own() - before < 0.3) {
  }
  const auto with = meter.resources(own() - before), without = meter.resources(0);
  if (!with.contains("others_share")) GTEST_SKIP() << "/proc/stat tells nothing here";
  EXPECT_GE(with.at("others_share"), 0);
  EXPECT_LE(with.at("others_share"), without.at("others_share"));
  EXPECT_LE(without.at("others_share"), 1);
}

}  // namespace
}  // namespace clb::launch
