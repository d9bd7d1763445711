// clbench under a batch system: stopped by SIGUSR1, SIGUSR2 or SIGTERM it says "later" (75), and goes on.
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

#include <clb/base/file.hpp>
#include <functional>
#include <thread>

#include "cli_fixture.hpp"

namespace clb::testing {
namespace {

constexpr int kLater = 75;

class PutOffCli : public Cli {
 protected:
  // In a group of its own, as a batch system starts what it may signal as a whole.
  void start(std::vector<std::string> words, std::map<std::string, std::string> more = {}) {
    launch::Spawn spawn = command(std::move(words));
    spawn.environment.merge(more);
    spawn.own_group = true;
    log_ = folder_.path() / "launcher.log";
    const int log = open(log_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    spawn.out = spawn.err = log;
    pid_ = launch::spawn(spawn);
    close(log);
  }
  int end() {
    int status = 0;
    waitpid(pid_, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }
  std::string said() const { return base::read_file(log_); }
  bool says(const std::string& part) const {
    for (int i = 0; i < 1500 && !contains(said(), part); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(20));
    return contains(said(), part);
  }

  fs::path log_;
  pid_t pid_ = 0;
};

TEST_F(PutOffCli, ARunIsStoppedAndGoneOnWith) {
  const std::string file = experiment_file("ok", 0.3);
  start({"run", file, "--db", database()});
  ASSERT_TRUE(says("task 2/5 done")) << said();
  kill(pid_, SIGUSR1);
  EXPECT_EQ(end(), kLater);
  EXPECT_TRUE(contains(said(), "SIGUSR1 came, stopping")) << said();
  EXPECT_TRUE(contains(said(), "stopped until later (exit code 75); go on with: clbench resume --db ")) << said();
  EXPECT_EQ(statuses(), (std::vector<std::string>{"cancelled: stopped by SIGUSR1 in train_task, task 3", "planned"}));
  EXPECT_EQ(clbench({"resume", "--db", database()}).exit_code, 0);
  EXPECT_EQ(statuses(), (std::vector<std::string>{"ok", "ok"}));
}

TEST_F(PutOffCli, ThePartsOfAJobMayAllGetIt) {
  for (const int signal : {SIGUSR1, SIGTERM}) {
    start({"run", experiment_file("ok", 0.3), "--db", database(), "--again"});
    ASSERT_TRUE(says("task 1/5 done")) << said();
    kill(-pid_, signal);
    EXPECT_EQ(end(), kLater) << said();
  }
}

TEST_F(PutOffCli, WhileDataAreDescribed) {
  for (const int signal : {SIGUSR2, SIGTERM}) {
    start({"run", experiment_file("ok"), "--db", database()}, {{"FAKE_RUNNER_DESCRIBES_FOR", "20"}});
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    kill(-pid_, signal);
    EXPECT_EQ(end(), kLater) << said();
    EXPECT_TRUE(said().starts_with("clbench: stopped by SIG")) << said();
    EXPECT_TRUE(contains(said(), "before a run began; call the same command again to go on\n")) << said();
  }
}

TEST_F(PutOffCli, OthersKeepTheirCodes) {
  start({"run", experiment_file("ok", 0.3), "--db", database()});
  ASSERT_TRUE(says("task 1/5 done")) << said();
  kill(pid_, SIGHUP);
  EXPECT_EQ(end(), 1);
  EXPECT_TRUE(contains(said(), "stopped; go on with: clbench resume")) << said();
}

}  // namespace
}  // namespace clb::testing
