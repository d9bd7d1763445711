// Signals of a batch system: to the launcher, to a runner, to both, before and after anything runs.
#include <sys/wait.h>

#include <clb/base/error.hpp>
#include <clb/launch/stop.hpp>
#include <map>

#include "schedule_fixture.hpp"

namespace clb::launch {
namespace {

class PutOff : public Schedule {
 protected:
  // What the first run ended with, when `send` is called once at `when`.
  void run_and(const std::function<bool(const base::Event&)>& when, const std::function<void()>& send, std::vector<base::RunSpec> specs) {
    bool sent = false;
    log_.on_event = [&, when, send](const base::Event& event) {
      if (const auto* hello = std::get_if<base::Hello>(&event)) runner_ = static_cast<pid_t>(hello->pid);
      if (!sent && when(event)) sent = true, send();
    };
    run(specs);
    EXPECT_TRUE(sent);
  }
  std::string first() const { return log_.outcomes.at(0).status + ": " + log_.outcomes.at(0).reason; }
  static bool is_task(const base::Event& event) { return std::holds_alternative<base::TaskDone>(event); }
  static bool is_progress_of_task_3(const base::Event& event) {
    const auto* progress = std::get_if<base::Progress>(&event);
    return progress && progress->task == 2 && progress->done > 1;
  }
  static bool looks(const base::Event& event) {
    const auto* progress = std::get_if<base::Progress>(&event);
    return progress && progress->phase == base::kLooks;
  }

  pid_t runner_ = 0;
};

TEST_F(PutOff, EachOfItsSignalsStopsAndSaysLater) {
  for (const auto& [signal, name] : std::map<int, std::string>{{SIGUSR1, "SIGUSR1"}, {SIGUSR2, "SIGUSR2"}, {SIGTERM, "SIGTERM"}}) {
    log_.stops = 0;
    run_and(is_task, [signal = signal] { kill(getpid(), signal); }, {spec("ok", 0.2), spec("ok")});
    EXPECT_EQ(first(), "cancelled: stopped by " + name + " in train_task, task 2");
    EXPECT_EQ(ended_, Ended::kPutOff);
    EXPECT_EQ(log_.outcomes.size(), 1u) << "the next run was not started";
    EXPECT_EQ(log_.stops, 1);
  }
}

TEST_F(PutOff, ItsSecondSignalKillsNothingButWhatDoesNotStopIsKilledInTime) {
  options_.limits.put_off_s = 0.4;
  run_and(is_progress_of_task_3, [] { kill(getpid(), SIGUSR1), kill(getpid(), SIGTERM); }, {spec("spin")});
  EXPECT_EQ(first(), "cancelled: killed 0.4 s after SIGUSR1 in train_task, task 3");
  EXPECT_EQ(ended_, Ended::kPutOff);
}

TEST_F(PutOff, APersonMayStillKillAtOnce) {
  run_and(is_progress_of_task_3, [] { kill(getpid(), SIGUSR1), kill(getpid(), SIGINT); }, {spec("spin")});
  EXPECT_EQ(first(), "cancelled: killed at the second request to stop in train_task, task 3");
}

TEST_F(PutOff, ARunnerThatGotItAloneStopsAndTheOthersRun) {
  run_and(is_task, [this] { kill(runner_, SIGUSR1); }, {spec("ok", 0.2), spec("ok")});
  EXPECT_EQ(first(), "cancelled: stopped by a signal to its runner in train_task, task 2");
  EXPECT_EQ(log_.outcomes.at(1).status, "ok");
  EXPECT_EQ(log_.stops, 0);
  EXPECT_EQ(ended_, Ended::kPutOff);
}

TEST_F(PutOff, EverybodyMayGetIt) {
  for (const int signal : {SIGUSR1, SIGUSR2, SIGTERM}) {
    run_and(is_task, [this, signal] { kill(runner_, signal), kill(getpid(), signal); }, {spec("ok", 0.2)});
    EXPECT_TRUE(first().starts_with("cancelled: stopped by SIG")) << first();
    EXPECT_EQ(ended_, Ended::kPutOff);
  }
}

TEST_F(PutOff, ARunnerThatIsNotUpYetIsNotEndedByIt) {
  const pid_t child = spawn({.program = "/bin/sleep", .arguments = {"30"}});
  kill(child, SIGUSR1), kill(child, SIGUSR2);
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  EXPECT_EQ(waitpid(child, nullptr, WNOHANG), 0);
  kill(child, SIGTERM);
  waitpid(child, nullptr, 0);
}

TEST_F(PutOff, BeforeAnythingRunsNothingIsStarted) {
  const HeldSignals held;
  kill(getpid(), SIGUSR2);
  EXPECT_EQ(held_signal(), SIGUSR2);
  run({spec("ok")});
  EXPECT_EQ(ended_, Ended::kPutOff);
  EXPECT_TRUE(log_.order.empty());
  EXPECT_EQ(held_signal(), 0) << "it was heard";
}

TEST_F(PutOff, WhenAllHasEndedNothingIsLeftForLater) {
  options_.second_look = false;
  run_and([](const base::Event& event) { return std::holds_alternative<base::Done>(event); }, [] { kill(getpid(), SIGUSR1); },
          {spec("ok")});
  EXPECT_EQ(first(), "ok: ");
  EXPECT_EQ(ended_, Ended::kAll);
}

TEST_F(PutOff, ASecondLookThatItInterruptsIsTakenLater) {
  run_and(looks, [] { kill(getpid(), SIGUSR1); }, {spec("look_hang")});
  EXPECT_EQ(first(), "cancelled: stopped by SIGUSR1 before its second look was over");
  EXPECT_TRUE(log_.looks.empty());
  EXPECT_EQ(ended_, Ended::kPutOff);
}

TEST_F(PutOff, ASecondLookIsNotBegun) {
  run_and([](const base::Event& event) { return std::holds_alternative<base::Done>(event); }, [] { kill(getpid(), SIGUSR1); },
          {spec("ok")});
  EXPECT_EQ(first(), "cancelled: stopped by SIGUSR1 before its second look was over");
}

TEST_F(PutOff, WithoutACheckpointTheRunStandsAndItsLookIsNotMade) {
  base::RunSpec without = spec("look_hang");
  without.checkpoint = "off";
  run_and(looks, [] { kill(getpid(), SIGUSR1); }, {without});
  EXPECT_EQ(first(), "ok: ");
  EXPECT_EQ(log_.looks.at(0).outcome, "not_made");
}

TEST_F(PutOff, AQuestionThatIsBeingAnsweredIsCutShort) {
  const HeldSignals held;
  kill(getpid(), SIGUSR1);
  const auto asked = std::chrono::steady_clock::now();
  try {
    capture({.program = "/bin/sleep", .arguments = {"30"}}, 60);
    FAIL() << "nothing was thrown";
  } catch (const base::Error& error) {
    EXPECT_EQ(error.exit(), base::Exit::kGoOnLater);
    EXPECT_TRUE(contains(error.what(), "stopped by SIGUSR1 before a run began")) << error.what();
  }
  EXPECT_LT(std::chrono::steady_clock::now() - asked, std::chrono::seconds(5));
}

}  // namespace
}  // namespace clb::launch
