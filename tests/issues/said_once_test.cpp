// A mistake that no seed changes was repeated by every run; a pipe was no experiment; too many threads and a clock that was set back went
// unnoticed; memory that ran out while data were described was an internal error.
#include <SQLiteCpp/SQLiteCpp.h>

#include "e2e/cli.hpp"
#include "errors.hpp"

namespace clb::testing {
namespace {

TEST(SaidOnce, SeedsThatWouldFailAlikeAreNotStarted) {
  const World world;
  world.write_experiment("");
  ASSERT_EQ(world.run({"--dry-run"}).code, 0);
  // Shrunk after the plan: the files are described in the cache and do not change by size or time.
  const Ended ended = world.run({"--set", "run.seed=[0,1,2,3]", "--set", "run.device=cuda:7"});
  EXPECT_EQ(ended.code, 2) << ended.err;
  EXPECT_TRUE(contains(ended.err, "3 more that differ from these in seed and order alone were not started")) << ended.err;
  EXPECT_EQ(store::Store::open(world.database(), store::Store::Mode::kRead).attempts().size(), 1u);
}

TEST(SaidOnce, AnExperimentMayComeOutOfAPipe) {
  const World world;
  const std::string clbench = std::string(CLB_BINARY_DIR) + "/bin/clbench", cache = " --cache " + world.cache().string();
  const std::string of_folder = "cd " + world.path().string() + " && ";
  for (const std::string& command :
       {clbench + " tasks <(cat experiment.toml)" + cache, "cat experiment.toml | " + clbench + " tasks -" + cache}) {
    const Ended ended = run_program(world.path(), {"/bin/bash", "-c", of_folder + command});
    EXPECT_EQ(ended.code, 0) << command << ": " << ended.err;
  }
}

TEST(SaidOnce, MoreThreadsThanCoresIsAWarning) {
  const World world;
  const Ended ended = world.run({"--dry-run", "--set", "run.threads=4000"});
  EXPECT_EQ(ended.code, 0);
  EXPECT_TRUE(contains(ended.err, "clbench: warning: run.threads = 4000, but only ")) << ended.err;
}

TEST(SaidOnce, AClockThatWasSetBackIsNoticedAndOrderIsKept) {
  const World world;
  ASSERT_EQ(world.run().code, 0);
  {
    SQLite::Database db(world.database().string(), SQLite::OPEN_READWRITE);
    std::vector<std::string> triggers;
    SQLite::Statement query(db, "SELECT name FROM sqlite_master WHERE type = 'trigger'");
    while (query.executeStep()) triggers.push_back(query.getColumn(0).getString());
    for (const std::string& trigger : triggers) db.exec("DROP TRIGGER " + trigger);
    db.exec("UPDATE attempt SET started_at = '2999-01-01T00:00:00.000Z'");
  }
  const Ended again = world.run({"--again"});
  EXPECT_TRUE(contains(again.err, "began at 2999-01-01T00:00:00.000Z, which is yet to come; was the clock set back?")) << again.err;
  const auto attempts = store::Store::open(world.database(), store::Store::Mode::kRead).attempts();
  ASSERT_EQ(attempts.size(), 2u);
  EXPECT_LT(attempts[0].attempt_id, attempts[1].attempt_id);
  EXPECT_GT(attempts[1].started_at, attempts[0].started_at);
}

TEST(SaidOnce, MemoryThatRanOutIsCalledThat) {
  const World world;
  const std::string clbench = std::string(CLB_BINARY_DIR) + "/bin/clbench";
  for (const char* limit : {"100000", "1500000"}) {
    const Ended ended = run_program(
        world.path(), {"/bin/bash", "-c", "ulimit -v " + std::string(limit) + "; exec " + clbench + " info simplecil --cache off"});
    if (ended.code == 0) continue;
    EXPECT_EQ(ended.code, 2) << ended.err;
    EXPECT_TRUE(contains(ended.err, "memory")) << ended.err;
    EXPECT_FALSE(contains(ended.err, "internal")) << ended.err;
  }
}

}  // namespace
}  // namespace clb::testing
