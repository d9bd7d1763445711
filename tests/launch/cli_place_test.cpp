// clbench on a file system that hosts share, as a preloaded library says: what it tells, what it leaves, and whom it takes for alive.
#include <clb/base/file.hpp>
#include <fstream>

#include "cli_fixture.hpp"

namespace clb::testing {
namespace {

class Place : public Cli {
 protected:
  launch::Captured on(const char* magic, std::vector<std::string> words) const {
    launch::Spawn spawn = command(std::move(words));
    spawn.environment["LD_PRELOAD"] = std::string(CLB_BINARY_DIR) + "/tests/plugins/preload/pretend_file_system.so";
    spawn.environment["CLB_TEST_FILE_SYSTEM"] = magic;
    const char* asan = getenv("ASAN_OPTIONS");  // AddressSanitizer otherwise refuses to start behind a preloaded library
    spawn.environment["ASAN_OPTIONS"] = std::string("verify_asan_link_order=0:") + (asan ? asan : "");
    return launch::capture(spawn, 120);
  }
  launch::Captured run_on(const char* magic, std::vector<std::string> more = {}) const {
    more.insert(more.begin(), {"run", (prefix() / "share/clbench/experiments/tiny.toml").string(), "--db", database()});
    return on(magic, std::move(more));
  }
  bool in_wal_mode() const { return base::read_file(database()).at(18) == 2; }
};
constexpr const char *kNfs = "0x6969", *kUnknown = "0x12345", *kExt4 = "0xEF53";

TEST_F(Place, ADatabaseThatMovesKeepsItsRunsAndChangesItsMode) {
  const auto away = run_on(kNfs);
  ASSERT_EQ(away.exit_code, 0) << away.err;
  EXPECT_TRUE(contains(away.err, "clbench: note: " + database() + " lies on a file system that hosts share (nfs)")) << away.err;
  EXPECT_FALSE(in_wal_mode());
  for (const char* suffix : {"-wal", "-shm", "-journal"}) EXPECT_FALSE(fs::exists(database() + suffix)) << suffix;
  EXPECT_EQ(statuses(), (std::vector<std::string>{"ok", "ok"}));

  const auto home = run_on(kExt4);
  EXPECT_TRUE(contains(home.err, "2 of 2 runs are finished and skipped")) << home.err;
  EXPECT_FALSE(contains(home.err, "note:")) << home.err;
  EXPECT_TRUE(in_wal_mode());

  const auto back = run_on(kUnknown);
  EXPECT_TRUE(contains(back.err, "(unknown (0x12345))")) << back.err;
  EXPECT_TRUE(contains(back.err, "2 of 2 runs are finished and skipped")) << back.err;
  EXPECT_FALSE(in_wal_mode());
}

TEST_F(Place, AnotherHostIsNotTakenForDead) {
  ASSERT_EQ(run_on(kNfs).exit_code, 0);
  std::ofstream(database() + ".lock") << "471 far-away 2026-01-31T12:00:00Z 4711\n";
  const auto refused = run_on(kNfs);
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_TRUE(contains(refused.err, "process 471 on far-away (job 4711, since 2026-01-31T12:00:00Z) has not let go of it")) << refused.err;
  EXPECT_TRUE(contains(refused.err, "remove " + database() + ".lock and try again")) << refused.err;
  EXPECT_EQ(on(kNfs, {"status", "--db", database()}).exit_code, 0);
  EXPECT_EQ(on(kNfs, {"merge", database(), database()}).exit_code, 2);
  EXPECT_EQ(run_on(kExt4).exit_code, 0) << "on one machine the lock itself is the truth";
  EXPECT_EQ(run_on(kNfs).exit_code, 0);
}

}  // namespace
}  // namespace clb::testing
