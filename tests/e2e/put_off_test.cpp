// What a batch system stops goes on to the same logits, bit by bit, whoever of the processes got the signal.
#include <chrono>
#include <thread>

#include "endurance.hpp"

namespace {

using namespace clb;
using namespace clb::testing;

bool says(const fs::path& file, const std::string& part) {
  for (int i = 0; i < 3000; ++i, std::this_thread::sleep_for(std::chrono::milliseconds(10)))
    if (base::read_file(file).find(part) != std::string::npos) return true;
  return false;
}

TEST(PutOff, ARunOfSeveralTasksGoesOnToTheSameLogits) {
  const Endurance world(20);
  const Outcome expected = world.undisturbed();
  for (const std::string who : {"launcher", "runner", "everybody"}) {
    SCOPED_TRACE(who);
    const fs::path db = world.path() / (who + ".sqlite"), said = world.path() / "quiet.txt";
    std::ofstream(said).flush();
    const pid_t launcher = start(world, db);
    ASSERT_TRUE(says(said, "task 2/5 done")) << base::read_file(said);
    const pid_t runner = child_of(launcher);
    if (who != "launcher") kill(runner, SIGUSR1);
    if (who != "runner") kill(-launcher, SIGUSR1);
    int status = 0;
    waitpid(launcher, &status, 0);
    ASSERT_TRUE(WIFEXITED(status));
    EXPECT_EQ(WEXITSTATUS(status), 75) << base::read_file(said);
    const auto rows = store::Store::open(db, store::Store::Mode::kRead).runs();
    EXPECT_EQ(rows.at(0).status.status, "cancelled");
    EXPECT_TRUE(rows.at(0).status.reason.starts_with(who == "runner" ? "stopped by a signal to its runner" : "stopped by SIGUSR1"))
        << rows.at(0).status.reason;
    EXPECT_LT(rows.at(0).tasks_done, Endurance::kTasks);
    EXPECT_GE(rows.at(0).tasks_done, 2);
    const Ended resumed = world.call("resume", db);
    EXPECT_EQ(resumed.code, 0) << resumed.err;
    EXPECT_NE(resumed.err.find("1 of them after a checkpoint"), std::string::npos) << resumed.err;
    EXPECT_EQ(world.outcome(db), expected);
  }
}

}  // namespace
