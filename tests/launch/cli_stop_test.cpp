// Stopping: on request, by a killed launcher, and a second launcher on the same database.
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

#include <clb/base/file.hpp>
#include <fstream>
#include <functional>
#include <thread>

#include "cli_fixture.hpp"

namespace clb::testing {
namespace {

bool wait_for(const std::function<bool()>& condition) {
  for (int i = 0; i < 1500; ++i) {
    if (condition()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return false;
}

// Pids of living processes whose program is `program`.
std::vector<pid_t> living(const fs::path& program) {
  std::vector<pid_t> pids;
  for (const auto& entry : fs::directory_iterator("/proc")) {
    std::error_code error;
    if (fs::read_symlink(entry.path() / "exe", error) == program) pids.push_back(static_cast<pid_t>(std::stol(entry.path().filename())));
  }
  return pids;
}

class Stop : public Cli {
 protected:
  pid_t start(const std::string& file, std::vector<std::string> more = {}) {
    more.insert(more.begin(), {"run", file, "--db", database()});
    launch::Spawn spawn = command(std::move(more));
    log_ = (folder_.path() / "launcher.log").string();
    const int log = open(log_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    spawn.out = spawn.err = log;
    const pid_t pid = launch::spawn(spawn);
    close(log);
    return pid;
  }
  int end_of(pid_t pid) {
    int status = 0;
    waitpid(pid, &status, 0);
    return status;
  }
  std::string said() const { return base::read_file(log_); }
  bool says(const std::string& part) const {
    return wait_for([&] { return contains(said(), part); });
  }
  fs::path runner() const { return prefix() / "bin/clb-runner"; }

  std::string log_;
};

TEST_F(Stop, CtrlCStopsAtASafePointAndNamesTheCommandThatGoesOn) {
  const std::string file = experiment_file("ok", 0.4);
  const pid_t launcher = start(file);
  ASSERT_TRUE(says("task 2/5 done")) << said();
  kill(launcher, SIGINT);
  const int status = end_of(launcher);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 1);
  EXPECT_TRUE(contains(said(), "go on with: clbench resume --db ")) << said();
  EXPECT_EQ(statuses(), (std::vector<std::string>{"cancelled: stopped on request in train_task, task 3", "planned"}));
  EXPECT_TRUE(living(runner()).empty());

  EXPECT_EQ(run(file).exit_code, 0);
  EXPECT_EQ(statuses(), (std::vector<std::string>{"ok", "ok"}));
}

TEST_F(Stop, CtrlCIsHeardWhileVeryManyMetricsComeIn) {
  const pid_t launcher = start(experiment_file("metrics", 0.5));
  ASSERT_TRUE(says("task 1/5 done")) << said();
  const auto asked = std::chrono::steady_clock::now();
  kill(launcher, SIGINT);
  ASSERT_TRUE(says("stopping at a safe point")) << said();
  EXPECT_LT(std::chrono::steady_clock::now() - asked, std::chrono::seconds(6));  // a task took 9 s to read
  end_of(launcher);
  EXPECT_TRUE(living(runner()).empty());
}

TEST_F(Stop, AKilledLauncherTakesItsRunnersAlong) {
  const pid_t launcher = start(experiment_file("spin"), {"--jobs", "2"});
  ASSERT_TRUE(says("run 2 of 2: fake seed 1: task 2/5 done")) << said();
  EXPECT_EQ(living(runner()).size(), 3u);  // and the one that forks
  kill(launcher, SIGKILL);
  end_of(launcher);
  EXPECT_TRUE(wait_for([&] { return living(runner()).empty(); }));
  EXPECT_EQ(statuses()[0], "lost: its launcher was killed");

  // The next launcher says so in the database as well, and runs them again.
  EXPECT_EQ(run(experiment_file("ok"), {"--set", "run.seed=[7]"}).exit_code, 0);
  EXPECT_TRUE(statuses()[0].starts_with("lost")) << statuses()[0];
}

TEST_F(Stop, ASecondLauncherOnOneDatabaseIsRefusedWithThePid) {
  const std::string file = experiment_file("spin");
  const pid_t launcher = start(file);
  ASSERT_TRUE(says("task 1/5 done")) << said();
  const auto second = run(file);
  EXPECT_EQ(second.exit_code, 2);
  EXPECT_TRUE(contains(second.err, std::to_string(launcher))) << second.err;
  EXPECT_EQ(clbench({"status", "--db", database()}).exit_code, 0);  // reading is allowed
  kill(launcher, SIGINT);
  ASSERT_TRUE(says("stopping at a safe point")) << said();
  kill(launcher, SIGINT);  // this runner is deaf to the first request
  EXPECT_EQ(WEXITSTATUS(end_of(launcher)), 1);
  EXPECT_TRUE(statuses()[0].starts_with("cancelled: killed at the second request to stop")) << statuses()[0];
  EXPECT_TRUE(living(runner()).empty());
}

}  // namespace
}  // namespace clb::testing
