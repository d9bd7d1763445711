// What is printed and cannot be written: progress is dropped and the runs go on, an error keeps its exit code, and a result that is lost is
// one sentence and exit code 3 from every verb. Never a signal.
#include "e2e/cli.hpp"

namespace {

using clb::testing::Ended;
using clb::testing::World;

class UnwritableOutput : public ::testing::Test {
 protected:
  // `words` behind clbench in a shell, so that its redirections can be given.
  Ended shell(const std::string& words, const std::string& before = "") const {
    return clb::testing::run_program(world_.path(), {"/bin/sh", "-c", before + CLB_BINARY_DIR "/bin/clbench " + words},
                                     {"CLB_CACHE=" + world_.cache().string()});
  }
  std::string run() const { return "run " + world_.experiment().string() + " --db " + world_.database().string() + " "; }
  std::vector<std::string> statuses() const {
    const auto store = clb::store::Store::open(world_.database(), clb::store::Store::Mode::kRead);
    store.check();
    std::vector<std::string> found;
    for (const auto& row : store.light_runs()) found.push_back(row.status.status);
    return found;
  }

  World world_;
};

TEST_F(UnwritableOutput, OfARunLosesWhatWasToBeReadAndNoRun) {
  const std::vector<std::string> both{"ok", "ok"};
  EXPECT_EQ(shell(run() + "--set 'run.seed=[0,1]' 2>/dev/full").code, 0) << "progress is dropped";
  EXPECT_EQ(statuses(), both);
  EXPECT_EQ(shell(run() + "--again <&- >&- 2>&-").code, 0) << "no file takes the number of a closed descriptor";
  EXPECT_EQ(statuses(), both);
  EXPECT_EQ(shell(run() + ">/dev/full 2>/dev/full").code, 3) << "its table was not written";

  const std::string db = "--db " + world_.database().string();
  const std::vector<std::string> verbs{"list",       "status " + db, "table " + db, "export " + db, "info simplecil", run() + "--dry-run",
                                       "cache list", "demo --print", "run --help",  "--help",       "--version",      "history " + db};
  for (const std::string& verb : verbs) {
    const Ended ended = shell(verb + " >/dev/full");
    EXPECT_EQ(ended.code, 3) << verb;
    EXPECT_NE(ended.err.find("clbench: stdout cannot be written (No space left on device)"), std::string::npos)
        << verb << ": " << ended.err;
  }
  EXPECT_EQ(shell("export " + db + " | true").err, "") << "a reader that went away is no error";
}

TEST_F(UnwritableOutput, OfAnErrorKeepsItsExitCode) {
  EXPECT_EQ(shell("table --db none.sqlite 2>/dev/full").code, 2);
  EXPECT_EQ(shell("table --db none.sqlite >/dev/full 2>&-").code, 2);
  EXPECT_EQ(shell("lst 2>/dev/full").code, 2);
  EXPECT_EQ(clb::testing::run_program(world_.path(), {"/bin/sh", "-c", CLB_BINARY_DIR "/bin/clb-runner --help >/dev/full"}).code, 3);
  EXPECT_EQ(clb::testing::run_program(world_.path(), {"/bin/sh", "-c", CLB_BINARY_DIR "/bin/clb-runner oops 2>/dev/full"}).code, 2);
}

TEST_F(UnwritableOutput, UnderAFileSizeLimitIsASentenceAndNoSignal) {
  for (const char* blocks : {"16", "100"}) {
    const Ended ended = shell(run(), std::string("ulimit -f ") + blocks + "; ");
    EXPECT_LE(ended.code, 3) << blocks << ": " << ended.err;
    EXPECT_GE(ended.code, 1) << blocks << ": " << ended.err;
    EXPECT_NE(ended.err.find(world_.database().filename().string()), std::string::npos) << ended.err;
  }
  EXPECT_EQ(shell(run()).code, 0) << "nothing is in the way afterwards";
}

}  // namespace
