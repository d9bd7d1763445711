// Real processes: every way in which a runner can go wrong becomes an outcome, and the next run goes on.
#include "schedule_fixture.hpp"

namespace clb::launch {
namespace {

TEST_F(Schedule, AGoodRun) {
  EXPECT_TRUE(run({spec("ok")}));
  EXPECT_EQ(log_.outcomes[0].status, "ok");
  EXPECT_EQ(log_.tasks, 5);
  EXPECT_TRUE(contains(base::read_file(folder_.path() / "0/log.txt"), "fake runner"));
  EXPECT_TRUE(fs::exists(folder_.path() / "0/run.json"));
}

std::string said(const fs::path& folder, int run) { return base::read_file(folder / std::to_string(run) / "log.txt"); }

TEST_F(Schedule, ARunnerThatIsLoadedForksForEachRunAndACrashCostsOneRun) {
  EXPECT_TRUE(run({spec("ok"), spec("crash"), spec("ok")}));
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(contains(said(folder_.path(), i), "forked: yes")) << said(folder_.path(), i);
  EXPECT_EQ(log_.outcomes[1].status, "crashed");
  EXPECT_EQ(log_.outcomes[2].status, "ok");
  EXPECT_GT(log_.outcomes[2].resources.at("processor_seconds"), 0);
}

TEST_F(Schedule, WhatWasLoadedAheadForksTheRuns) {
  setenv("FAKE_RUNNER_LOG", (folder_.path() / "asked").c_str(), 1);
  options_.second_look = false;  // which has an environment of its own, and so a process of its own to fork from
  options_.servers = load_ahead(options_.runner);
  EXPECT_TRUE(run({spec("ok"), spec("ok")}));
  unsetenv("FAKE_RUNNER_LOG");
  for (int i = 0; i < 2; ++i) EXPECT_TRUE(contains(said(folder_.path(), i), "forked: yes")) << said(folder_.path(), i);
  EXPECT_EQ(base::read_file(folder_.path() / "asked"), "serve\n") << "one, not a second for the runs";
}

TEST_F(Schedule, WhereNoneForksEachRunIsStarted) {
  setenv("FAKE_RUNNER_SERVES_NOT", "1", 1);
  EXPECT_TRUE(run({spec("ok"), spec("ok")}));
  unsetenv("FAKE_RUNNER_SERVES_NOT");
  for (int i = 0; i < 2; ++i) EXPECT_TRUE(contains(said(folder_.path(), i), "forked: unset,")) << said(folder_.path(), i);
  EXPECT_EQ(log_.looks.size(), 2u);
}

TEST_F(Schedule, ARunWhoseCheckpointIsOfNoUseStartsOverOnce) {
  run({spec("checkpoint"), spec("ok")});
  EXPECT_EQ(log_.order, (std::vector<std::string>{"start 0", "end 0", "start 0", "end 0", "start 1", "look 1", "end 1"}));
  EXPECT_TRUE(log_.outcomes[0].bad_checkpoint);
  EXPECT_EQ(log_.outcomes[0].reason, "the checkpoint is of no use");
}

TEST_F(Schedule, EveryEndHasItsStatusAndTheNextRunGoesOn) {
  const std::vector<std::pair<std::string, std::string>> cases{
      {"crash", "crashed: SIGSEGV in train_task, task 3"},
      {"abort", "crashed: SIGABRT in train_task, task 3"},
      {"early", "crashed: SIGBUS while starting"},
      {"killed", "killed: SIGKILL from outside in train_task, task 3"},
      {"garbage", "failed: event line 16 is malformed"},
      {"malformed", "failed: event line 16 is malformed"},
      {"version", "failed: event line 16 is malformed"},
      {"truncated", "failed: the last event line is cut off in train_task, task 3"},
      {"huge", "failed: event line 16 is longer than 64 MiB in train_task, task 3"},
      {"no_done", "failed: ended without its last event in train_task, task 3"},
      {"no_hello", "failed: event line 1 is malformed: hello must come first"},
      {"twice_done", "failed: event line 35 is malformed: it comes after the last event"},
      {"after_done", "crashed: SIGSEGV after load"},
      {"exit7", "failed: exit code 7 in train_task, task 3: the disk is on fire"},
      {"numeric", "failed: numeric: the loss is not finite (in train_task, task 3; fake.cpp:88)"},
      {"ok", "ok"},
  };
  std::vector<base::RunSpec> specs;
  for (const auto& [behave, expected] : cases) specs.push_back(spec(behave));
  EXPECT_TRUE(run(specs));
  for (size_t i = 0; i < cases.size(); ++i) {
    const Outcome& outcome = log_.outcomes[i];
    const std::string words = outcome.status + (outcome.reason.empty() ? "" : ": " + outcome.reason);
    EXPECT_TRUE(words.starts_with(cases[i].second)) << cases[i].first << " ended as\n  " << words << "\nnot\n  " << cases[i].second;
    EXPECT_EQ(outcome.log_tail.empty(), outcome.status == "ok") << cases[i].first;
  }
  EXPECT_TRUE(contains(log_.outcomes[13].log_tail, "first line\nthe disk is on fire"));
}

TEST_F(Schedule, SilenceEndsARunThatIgnoresTheRequest) {
  options_.limits.silence_s = 0.5;
  EXPECT_EQ(one("hang"), "timeout: silent for 0.5 s in train_task, task 3");
}

TEST_F(Schedule, WallTimeEndsARunThatNeverStopsTalking) {
  options_.limits.wall_s = 0.5;
  EXPECT_EQ(one("spin"), "timeout: 0.5 s of --max-time used up in train_task, task 3");
}

TEST_F(Schedule, MemoryEndsARunThatEats) {
  options_.limits.memory_bytes = 100'000'000;
  const std::string words = one("eat");
  EXPECT_TRUE(words.starts_with("killed: peak memory 1")) << words;
  EXPECT_TRUE(contains(words, " of 100.0 MB, probably out of memory (limit: --max-memory) in train_task, task 3")) << words;
}

TEST_F(Schedule, WhatARunnerStartedEndsWithIt) {
  EXPECT_EQ(one("child"), "ok: ");
  const auto child = static_cast<pid_t>(std::stol(base::read_file(folder_.path() / "0/child.pid")));
  for (int i = 0; i < 100 && kill(child, 0) == 0; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(20));
  // Reaped by init where there is one; a zombie is dead as well.
  std::ifstream stat("/proc/" + std::to_string(child) + "/stat");
  std::string pid, name, state = "gone";
  stat >> pid >> name >> state;
  EXPECT_TRUE(state == "gone" || state == "Z" || state == "X") << state;
}

TEST_F(Schedule, TheSecondLookComesBetweenTheRunAndItsEnd) {
  setenv("SECRET", "of the user", 1);
  EXPECT_TRUE(run({spec("ok"), spec("crash")}));
  unsetenv("SECRET");
  EXPECT_EQ(log_.order, (std::vector<std::string>{"start 0", "look 0", "end 0", "start 1", "end 1"}));
  EXPECT_EQ(log_.looks[0].outcome, "same") << log_.looks[0].reason;
  EXPECT_EQ(log_.looks[0].samples, 80);
  EXPECT_TRUE(log_.looks[0].confined);
  EXPECT_EQ(log_.tasks, 7);  // of the look nothing counts for the run
  const std::string said = base::read_file(folder_.path() / "0/look.txt");
  EXPECT_TRUE(contains(said, "fake look in home, HOME=" + (folder_.path() / "0/look/home").string() + ", SECRET=unset")) << said;
  EXPECT_FALSE(fs::exists(folder_.path() / "0/look"));
}

TEST_F(Schedule, EveryEndOfASecondLookHasItsOutcome) {
  struct Case {
    const char *behave, *outcome, *reason;
    int64_t differing, near_ties;
  };
  const std::vector<Case> cases{
      {"look_differs", "differs", "its saved state predicts otherwise in a fresh process for 2 of 80 test samples", 2, 0},
      {"look_ties", "same", "", 0, 1},
      {"look_cache", "differs",
       "the features in the cache /cache/features/key are others than a fresh process computes, for 7 of 80 test samples; remove that "
       "folder "
       "and repeat the run with `clbench run --again`",
       7, 0},
      {"look_crash", "failed", "its saved state cannot be used in a fresh process: SIGSEGV in second look", 0, 0},
      {"look_fails", "failed", "its saved state cannot be used in a fresh process: state: load left 8 bytes unread", 0, 0},
      {"look_few", "failed", "the looking process ended without the answers", 0, 0},
      {"look_early", "not_made", "io: the data are gone", 0, 0},
  };
  std::vector<base::RunSpec> specs;
  for (const Case& c : cases) specs.push_back(spec(c.behave));
  EXPECT_TRUE(run(specs));
  for (size_t i = 0; i < cases.size(); ++i) {
    EXPECT_EQ(log_.outcomes[i].status, "ok") << cases[i].behave;
    EXPECT_EQ(log_.looks[i].outcome, cases[i].outcome) << cases[i].behave << ": " << log_.looks[i].reason;
    EXPECT_TRUE(log_.looks[i].reason.starts_with(cases[i].reason)) << log_.looks[i].reason;
    EXPECT_EQ(log_.looks[i].differing, cases[i].differing) << cases[i].behave;
    EXPECT_EQ(log_.looks[i].near_ties, cases[i].near_ties) << cases[i].behave;
  }
}

TEST_F(Schedule, WhatALookHasProvenTheLaterOnesOfTheCommandAreTold) {
  const auto said = [&](int run) { return base::read_file(folder_.path() / std::to_string(run) / "look.txt"); };
  EXPECT_TRUE(run({spec("look_proves"), spec("ok"), spec("look_proves")}));
  EXPECT_TRUE(contains(said(0), ", proven []\n")) << said(0);
  for (const int later : {1, 2}) EXPECT_TRUE(contains(said(later), ", proven [\"key/sum\"]\n")) << said(later);
  EXPECT_TRUE(run({spec("ok")}));
  EXPECT_TRUE(contains(said(0), ", proven []\n")) << "another command: " << said(0);
  EXPECT_TRUE(run({spec("look_crash"), spec("ok")}));
  EXPECT_TRUE(contains(said(1), ", proven []\n")) << said(1);
}

TEST_F(Schedule, ARequestToStopEndsALookAndLeavesTheRunOk) {
  log_.on_event = [](const base::Event& event) {
    if (const auto* progress = std::get_if<base::Progress>(&event); progress && progress->phase == base::kLooks) kill(getpid(), SIGINT);
  };
  EXPECT_FALSE(run({spec("look_hang"), spec("ok")}));
  ASSERT_EQ(log_.outcomes.size(), 1u);
  EXPECT_EQ(log_.outcomes[0].status, "ok");
  EXPECT_EQ(log_.looks[0].outcome, "not_made");
}

TEST_F(Schedule, WithoutASecondLookNoneIsTold) {
  options_.second_look = false;
  EXPECT_TRUE(run({spec("look_differs")}));
  EXPECT_EQ(log_.order, (std::vector<std::string>{"start 0", "end 0"}));
}

TEST_F(Schedule, WhatLeftTheGroupOfARunnerEndsWithIt) {
  EXPECT_EQ(one("daemon"), "ok: ");
  const auto daemon = static_cast<pid_t>(std::stol(base::read_file(folder_.path() / "0/daemon.pid")));
  EXPECT_NE(kill(daemon, 0), 0);
}

TEST_F(Schedule, JobsRunAtOnceAndNoMore) {
  options_.jobs = 3;
  EXPECT_TRUE(run(std::vector<base::RunSpec>(7, spec("ok", 0.05))));
  EXPECT_EQ(log_.most_at_once, 3);
  EXPECT_EQ(log_.tasks, 35);
  for (const Outcome& outcome : log_.outcomes) EXPECT_EQ(outcome.status, "ok");
}

TEST_F(Schedule, TheFirstRequestStopsAtASafePointAndStartsNothingNew) {
  log_.on_event = [this](const base::Event& event) {
    if (std::holds_alternative<base::TaskDone>(event) && log_.tasks == 1) kill(getpid(), SIGINT);
  };
  EXPECT_FALSE(run({spec("ok", 0.2), spec("ok")}));
  EXPECT_EQ(log_.stops, 1);
  ASSERT_EQ(log_.outcomes.size(), 1u);
  EXPECT_EQ(log_.outcomes[0].status, "cancelled");
  EXPECT_EQ(log_.outcomes[0].reason, "stopped on request in train_task, task 2");
  EXPECT_EQ(log_.order.back(), "end 0");
}

TEST_F(Schedule, TheSecondRequestKills) {
  int progress = 0;
  log_.on_event = [&](const base::Event& event) {
    if (std::holds_alternative<base::Progress>(event) && (++progress == 10 || progress == 20)) kill(getpid(), SIGINT);
  };
  EXPECT_FALSE(run({spec("spin")}));
  EXPECT_EQ(log_.stops, 1);
  EXPECT_EQ(log_.outcomes[0].status, "cancelled");
  EXPECT_EQ(log_.outcomes[0].reason, "killed at the second request to stop in train_task, task 3");
}

TEST_F(Schedule, AnExceptionOfTheObserverLeavesNoRunnerBehind) {
  pid_t runner = 0;
  log_.on_event = [&](const base::Event& event) {
    if (const auto* hello = std::get_if<base::Hello>(&event)) runner = static_cast<pid_t>(hello->pid);
    if (std::holds_alternative<base::TaskDone>(event)) throw std::runtime_error("disk full");
  };
  EXPECT_THROW(run({spec("spin")}), std::runtime_error);
  ASSERT_GT(runner, 0);
  EXPECT_NE(kill(runner, 0), 0);
}

TEST_F(Schedule, ARunnerThatCannotBeStartedIsAFailedRun) {
  options_.runner.program = folder_.path() / "clb-runner";
  EXPECT_TRUE(run({spec("ok"), spec("ok")}));
  EXPECT_EQ(log_.outcomes[1].status, "failed");
  EXPECT_TRUE(contains(log_.outcomes[1].reason, "clb-runner is missing"));
}

TEST_F(Schedule, OpenMpThreadsWaitShortlyUnlessTheUserChose) {
  const auto log = [&] { return base::read_file(folder_.path() / "0/log.txt"); };
  for (const char* name : {"OMP_WAIT_POLICY", "GOMP_SPINCOUNT"}) unsetenv(name);
  run({spec("ok")});
  EXPECT_TRUE(contains(log(), "OMP_WAIT_POLICY=passive, GOMP_SPINCOUNT=10000"));
  setenv("OMP_WAIT_POLICY", "active", 1);
  run({spec("ok")});
  EXPECT_TRUE(contains(log(), "OMP_WAIT_POLICY=active, GOMP_SPINCOUNT=unset,"));
  unsetenv("OMP_WAIT_POLICY");
  setenv("GOMP_SPINCOUNT", "7", 1);
  run({spec("ok")});
  EXPECT_TRUE(contains(log(), "OMP_WAIT_POLICY=unset, GOMP_SPINCOUNT=7"));
  unsetenv("GOMP_SPINCOUNT");
}

}  // namespace
}  // namespace clb::launch
