#include <gtest/gtest.h>
#include <signal.h>

#include <clb/launch/outcome.hpp>
#include <fstream>

#include "temp_folder.hpp"

namespace clb::launch {
namespace {

Facts in_task_three() {
  Facts facts;
  facts.position = {"train_task", 2, false};
  facts.memory_limit = 3'000'000'000;
  return facts;
}

std::string words(const Facts& facts) {
  const Outcome outcome = judge(facts);
  return outcome.reason.empty() ? outcome.status : outcome.status + ": " + outcome.reason;
}

TEST(Outcome, ACrashNamesSignalPhaseAndTask) {
  Facts facts = in_task_three();
  facts.exit = {-1, SIGSEGV, 0};
  EXPECT_EQ(words(facts), "crashed: SIGSEGV in train_task, task 3");
  facts.position = {};
  EXPECT_EQ(words(facts), "crashed: SIGSEGV while starting");
  facts.position = {"evaluate", 1, true};
  EXPECT_EQ(words(facts), "crashed: SIGSEGV after evaluate, task 2");
  facts.done = true;  // everything was said, yet the process did not end as it should
  EXPECT_EQ(judge(facts).status, "crashed");
}

TEST(Outcome, TheKernelsKillerIsRecognised) {
  Facts facts = in_task_three();
  facts.exit = {-1, SIGKILL, 0};
  facts.peak_memory = 2'900'000'000;
  EXPECT_EQ(words(facts), "killed: peak memory 2.9 GB of 3.0 GB, probably out of memory in train_task, task 3");
  facts.peak_memory = 5'000'000;
  EXPECT_EQ(words(facts), "killed: SIGKILL from outside in train_task, task 3 (peak memory 5.0 MB of 3.0 GB)");
  facts.oom_killer_struck = true;
  EXPECT_EQ(words(facts), "killed: peak memory 5.0 MB of 3.0 GB, probably out of memory in train_task, task 3");
}

TEST(Outcome, WhatTheRunnerSaidComesBeforeItsExitCode) {
  Facts facts = in_task_three();
  facts.exit.code = 1;
  facts.failed = base::Failed{"numeric", "the loss is not finite", "l2p.cpp", 88, 2, "train_task"};
  EXPECT_EQ(words(facts), "failed: numeric: the loss is not finite (in train_task, task 3; l2p.cpp:88)");
  facts.failed->status = "cancelled";
  EXPECT_EQ(words(facts), "cancelled: stopped on request in train_task, task 3");
}

// What a method refuses is the user's mistake wherever that shows; what the host found wrong with a method is not, but in its set-up.
TEST(Outcome, WhatWasAskedForWronglyIsOfTheUser) {
  Facts facts = in_task_three();
  facts.exit.code = 1;
  facts.failed = base::Failed{"invalid", "a setting", "", 0, 2, "train_task", true};
  EXPECT_TRUE(judge(facts).of_user);
  EXPECT_FALSE(judge(facts).of_setting);
  facts.failed->of_user = false;
  EXPECT_FALSE(judge(facts).of_user);
  facts.failed->phase = "load";
  EXPECT_TRUE(judge(facts).of_user);
  facts.failed = base::Failed{"numeric", "the loss is not finite", "", 0, 2, "train_task"};
  EXPECT_FALSE(judge(facts).of_user);
}

TEST(Outcome, WithoutEventsTheLogsLastLineSpeaks) {
  Facts facts;
  facts.exit.code = 127;
  facts.last_log_line = "libtorch_cpu.so: cannot open shared object file";
  EXPECT_EQ(words(facts), "failed: exit code 127 while starting: libtorch_cpu.so: cannot open shared object file");
  facts.exit.code = 0;
  EXPECT_EQ(words(facts), "failed: ended without its last event while starting");
}

TEST(Outcome, ALimitHitTooLateChangesNothing) {
  Facts facts = in_task_three();
  facts.exit.code = 0;
  facts.done = true;
  facts.stop = StopCause::kTime;
  EXPECT_EQ(words(facts), "ok");
  facts.stop = StopCause::kCancelled;
  EXPECT_EQ(words(facts), "ok");
}

TEST(Outcome, ACrashWhileStoppingIsACrash) {
  Facts facts = in_task_three();
  facts.stop = StopCause::kCancelled;
  facts.exit = {-1, SIGABRT, 0};
  EXPECT_EQ(judge(facts).status, "crashed");
  facts.exit = {-1, SIGTERM, 0};
  EXPECT_EQ(judge(facts).status, "cancelled");
}

TEST(LogTail, LastLines) {
  clb::testing::TempFolder folder;
  const auto log = folder.path() / "log.txt";
  EXPECT_EQ(log_tail(log), "");
  std::ofstream(log) << "one line";
  EXPECT_EQ(log_tail(log), "one line");
  std::ofstream out(log);
  for (int i = 1; i <= 30; ++i) out << "line " << i << "\n";
  out.close();
  EXPECT_EQ(log_tail(log, 2), "line 29\nline 30");
  EXPECT_TRUE(log_tail(log).starts_with("line 11\n"));
  std::ofstream(log) << std::string(1 << 20, 'x') << "end\n";
  EXPECT_LE(log_tail(log).size(), 65536u);
  EXPECT_TRUE(log_tail(log).ends_with("xend"));
}

}  // namespace
}  // namespace clb::launch
