// A database that was copied with cp while runs were on: the copy of the main file alone is valid and has every run that ended.
#include <SQLiteCpp/SQLiteCpp.h>
#include <signal.h>

#include <chrono>
#include <thread>

#include "e2e/cli.hpp"
#include "unit/results_fixture.hpp"

namespace {

namespace fs = std::filesystem;
using clb::store::Store;

class CopiedDatabase : public clb::results_test::ResultsTest {
 protected:
  size_t finished_in_copy() const {
    fs::copy_file(file(), file("copy.sqlite"), fs::copy_options::overwrite_existing);
    const Store copy = Store::open(file("copy.sqlite"), Store::Mode::kRead);
    copy.check();
    size_t finished = 0;
    for (const auto& run : copy.light_runs()) finished += run.status.status == "ok";
    return finished;
  }
};

TEST_F(CopiedDatabase, HasWhatWasFoldedAndNothingHalf) {
  using namespace clb::results_test;
  Store store = writer();
  for (int64_t seed = 0; seed < 3; ++seed) {
    const int64_t attempt = store.begin_attempt(sample_spec(seed), sample_start());
    store.add_task(attempt, sample_task(0, {20}, {15}));
    EXPECT_EQ(finished_in_copy(), static_cast<size_t>(seed));
    store.add_status(attempt, {"ok", "", "", ""});
    store.fold_log();
    EXPECT_EQ(finished_in_copy(), static_cast<size_t>(seed) + 1);
  }
}

TEST_F(CopiedDatabase, FoldingWaitsForNoReader) {
  using namespace clb::results_test;
  Store store = writer();
  store.add_status(store.begin_attempt(sample_spec(0), sample_start()), {"ok", "", "", ""});
  SQLite::Database other(file().string(), SQLite::OPEN_READONLY);
  SQLite::Transaction look(other);
  EXPECT_EQ(other.execAndGet("SELECT count(*) FROM run").getInt(), 1);
  store.add_status(store.begin_attempt(sample_spec(1), sample_start()), {"ok", "", "", ""});
  const auto start = std::chrono::steady_clock::now();
  store.fold_log();
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(2));
  EXPECT_EQ(finished_in_copy(), 0u) << "all or nothing: a part would be no database";
  look.commit();
  store.fold_log();
  EXPECT_EQ(finished_in_copy(), 2u);
}

TEST(CopyDuringRuns, HasTheRunsThatEnded) {
  const clb::testing::World world;
  const pid_t launcher = fork();
  if (launcher == 0) {
    setenv("CLB_CACHE", world.cache().c_str(), 1);
    const int quiet = open((world.path() / "quiet.txt").c_str(), O_WRONLY | O_CREAT, 0600);
    dup2(quiet, 1);
    dup2(quiet, 2);
    execl(CLB_BINARY_DIR "/bin/clbench", "clbench", "run", world.experiment().c_str(), "--db", world.database().c_str(), "--set",
          "run.seed=[0,1,2,3,4,5,6,7]", nullptr);
    _exit(127);
  }
  const fs::path copy = world.path() / "copy.sqlite";
  size_t finished = 0;
  for (int k = 0; k < 300 && finished == 0; ++k, std::this_thread::sleep_for(std::chrono::milliseconds(100))) {
    if (!fs::exists(world.database())) continue;
    fs::copy_file(world.database(), copy, fs::copy_options::overwrite_existing);
    try {
      for (const auto& run : Store::open(copy, Store::Mode::kRead).light_runs()) finished += run.status.status == "ok";
    } catch (const clb::base::Error&) {  // a copy that was made in the very moment of a fold
    }
  }
  int status = 0;
  EXPECT_EQ(waitpid(launcher, &status, WNOHANG), 0) << "the runs ended before the copy was made";
  kill(launcher, SIGKILL);
  waitpid(launcher, &status, 0);
  EXPECT_GE(finished, 1u);
}

}  // namespace
