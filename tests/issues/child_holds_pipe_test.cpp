// A program that ended but whose child held its pipes open made `clbench validate` wait for the child.
#include <gtest/gtest.h>

#include <signal.h>

#include <chrono>
#include <clb/launch/spawn.hpp>

namespace {

using namespace clb;
using Clock = std::chrono::steady_clock;

launch::Captured shell(const std::string& script, double timeout_s = 60) {
  return launch::capture({.program = "/bin/sh", .arguments = {"-c", script}, .own_group = true}, timeout_s);
}

TEST(Capture, DoesNotWaitForAChildThatHoldsThePipes) {
  const auto start = Clock::now();
  const launch::Captured ended = shell("sleep 30 & echo said; exit 3");
  EXPECT_LT(Clock::now() - start, std::chrono::seconds(10));
  EXPECT_EQ(ended.out, "said\n");
  EXPECT_EQ(ended.exit_code, 3);
  EXPECT_FALSE(ended.timed_out);
}

TEST(Capture, DoesNotWaitForAProgramThatClosedItsPipes) {
  const launch::Captured ended = shell("exec >&- 2>&-; sleep 30", 0.3);
  EXPECT_TRUE(ended.timed_out);
  EXPECT_EQ(ended.signal, SIGKILL);
}

}  // namespace
