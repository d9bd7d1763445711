#include <gtest/gtest.h>

#include <clb/launch/watch.hpp>

namespace clb::launch {
namespace {

using namespace clb::base;
using std::chrono::seconds;

class WatchTest : public ::testing::Test {
 protected:
  void say(const Event& event) { raw(encode(event) + "\n"); }
  void raw(const std::string& bytes) {
    watch_.take(bytes, now_, [this](const Event& event) { events_.push_back(event); });
  }
  Action after(int64_t wait, uint64_t memory = 0) {
    now_ += seconds(wait);
    return watch_.check(now_, memory);
  }
  Outcome outcome(int code, int signal = 0) { return judge(watch_.facts({code, signal, 0}, false, "")); }

  Limits limits_{.wall_s = 100, .silence_s = 30, .memory_bytes = 1000, .grace_s = 5};
  Clock::time_point now_{};
  Watch watch_{limits_, now_};
  std::vector<Event> events_;
};

TEST_F(WatchTest, ACompleteRunIsOk) {
  say(Hello{});
  say(Progress{"train_task", 0, 1, 2, ""});
  say(Done{});
  EXPECT_EQ(events_.size(), 3u);
  EXPECT_EQ(outcome(0).status, "ok");
  EXPECT_EQ(outcome(0).reason, "");
}

TEST_F(WatchTest, SilenceAsksThenKills) {
  say(Hello{});
  say(Progress{"train_task", 2, 1, 2, ""});
  EXPECT_EQ(after(29), Action::kNone);
  say(Progress{"train_task", 2, 2, 2, ""});
  EXPECT_EQ(after(30), Action::kNone);
  EXPECT_EQ(after(1), Action::kAskToStop);
  EXPECT_EQ(after(4), Action::kNone);
  EXPECT_EQ(after(1), Action::kKill);
  EXPECT_EQ(after(100), Action::kNone);
  EXPECT_EQ(outcome(-1, SIGKILL).status, "timeout");
  EXPECT_EQ(outcome(-1, SIGKILL).reason, "silent for 30 s in train_task, task 3");
}

TEST_F(WatchTest, WallTimeEndsAlsoARunThatTalks) {
  say(Hello{});
  for (int i = 0; i < 10; ++i) {
    say(Progress{"features", -1, i, 0, ""});
    EXPECT_EQ(after(10), Action::kNone);
  }
  EXPECT_EQ(after(1), Action::kAskToStop);
  say(Failed{"cancelled", "asked to stop", "", 0, 0, "evaluate"});
  EXPECT_EQ(outcome(1).status, "timeout");
  EXPECT_EQ(outcome(1).reason, "1 min 40 s of --max-time used up in features");
}

TEST_F(WatchTest, MemoryKillsAtOnce) {
  say(Hello{});
  EXPECT_EQ(after(1, 1000), Action::kNone);
  EXPECT_EQ(after(1, 3100), Action::kKill);
  EXPECT_EQ(outcome(-1, SIGKILL).status, "killed");
  EXPECT_EQ(outcome(-1, SIGKILL).reason, "peak memory 3.1 kB of 1.0 kB, probably out of memory (limit: --max-memory) while starting");
}

TEST_F(WatchTest, NoLimitIsNoLimit) {
  watch_ = Watch({.wall_s = 0, .silence_s = 0, .memory_bytes = 0, .grace_s = 0}, now_);
  EXPECT_EQ(after(1'000'000, UINT64_MAX), Action::kNone);
}

TEST_F(WatchTest, AMalformedLineStopsTheRunAndNothingAfterItCounts) {
  say(Hello{});
  raw("{\"v\":1,\"t\":\"prog");
  raw("ress\"}\n");
  say(Done{});
  EXPECT_EQ(events_.size(), 1u);
  EXPECT_EQ(after(0), Action::kAskToStop);
  EXPECT_EQ(after(6), Action::kKill);
  EXPECT_EQ(outcome(0).status, "failed");
  EXPECT_NE(outcome(0).reason.find("event line 2 is malformed: "), std::string::npos) << outcome(0).reason;
}

TEST_F(WatchTest, TheOrderOfEventsIsChecked) {
  const auto reason = [this](const std::vector<Event>& events) {
    watch_ = Watch(limits_, now_);
    for (const Event& event : events) say(event);
    return outcome(0).reason;
  };
  EXPECT_NE(reason({Progress{}}).find("hello must come first"), std::string::npos);
  EXPECT_NE(reason({Hello{}, Hello{}}).find("a second hello"), std::string::npos);
  EXPECT_NE(reason({Hello{}, Done{}, Progress{}}).find("after the last event"), std::string::npos);
  EXPECT_EQ(reason({base::Log{"info", "early"}, Hello{}, Done{}}), "");
}

TEST_F(WatchTest, ACutOffLastLineFails) {
  say(Hello{});
  say(Done{});
  raw("{\"v\":1");
  EXPECT_EQ(outcome(0).reason, "the last event line is cut off while starting");
}

TEST_F(WatchTest, CancelIsNoLimit) {
  say(Hello{});
  watch_.cancel(false);
  EXPECT_EQ(after(1), Action::kNone);
  say(Failed{"cancelled", "asked to stop", "", 0, 1, "train_task"});
  EXPECT_EQ(outcome(1).status, "cancelled");
  watch_.cancel(true);
  EXPECT_EQ(outcome(-1, SIGKILL).reason, "killed at the second request to stop while starting");
}

TEST_F(WatchTest, ACancelledRunThatHangsStillMeetsItsLimits) {
  watch_.cancel(false);
  EXPECT_EQ(after(31), Action::kAskToStop);
  EXPECT_EQ(after(5), Action::kKill);
  EXPECT_EQ(outcome(-1, SIGKILL).status, "timeout");
}

}  // namespace
}  // namespace clb::launch
