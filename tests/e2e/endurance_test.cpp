// No kill loses a result: runs that are killed at forced and at random moments, then resumed, end with the predictions and logit hashes of
// a run that nobody disturbed, bit by bit, in a database that is sound.
#include <sys/mount.h>
#include <sys/resource.h>

#include <chrono>
#include <clb/base/error.hpp>
#include <optional>
#include <random>
#include <thread>

#include "endurance.hpp"

namespace {

using namespace clb;
using clb::testing::child_of;
using clb::testing::Ended;
using clb::testing::Endurance;
using clb::testing::Outcome;
using clb::testing::start;
namespace fs = std::filesystem;
using std::chrono::milliseconds;

TEST(Resume, ARunKilledAtAForcedPointGoesOnToTheSameLogits) {
  for (const char* where : {"begin_task", "train_task", "predict", "save"}) {
    SCOPED_TRACE(where);
    Endurance world;
    world.strike_in(where);
    const Outcome expected = world.undisturbed();
    const fs::path db = world.path() / "killed.sqlite";
    world.set_trap();
    const Ended killed = world.call("run", db);
    EXPECT_EQ(killed.code, 1) << killed.err;
    EXPECT_FALSE(fs::exists(world.trap())) << "the fault did not strike";
    const Ended resumed = world.call("resume", db);
    EXPECT_EQ(resumed.code, 0) << resumed.err;
    EXPECT_NE(resumed.err.find("1 of them after a checkpoint"), std::string::npos) << resumed.err;
    EXPECT_EQ(world.outcome(db), expected);
    EXPECT_EQ(store::Store::open(db, store::Store::Mode::kRead).runs().at(0).attempts, 1) << "the same attempt went on";
  }
}

TEST(Resume, ARunThatWasKilledInsideADatabaseCommitGoesOn) {
  Endurance world;
  const Outcome expected = world.undisturbed();
  const std::string preload = std::string("LD_PRELOAD=") + CLB_BINARY_DIR + "/tests/plugins/preload/kill_at_sync.so";
  int struck = 0;
  for (int n = 1; n <= 12; ++n) {
    SCOPED_TRACE("sync " + std::to_string(n));
    const fs::path db = world.path() / ("commit" + std::to_string(n) + ".sqlite");
    // AddressSanitizer otherwise refuses to start behind a preloaded library.
    const std::string asan = std::string("ASAN_OPTIONS=verify_asan_link_order=0:") + (getenv("ASAN_OPTIONS") ? getenv("ASAN_OPTIONS") : "");
    struck += world.call("run", db, {preload, asan, "CLB_TEST_KILL_AT_SYNC=" + std::to_string(n)}).code == 128 + SIGKILL;
    const Ended resumed = world.call("run", db);  // run goes on as resume does
    EXPECT_EQ(resumed.code, 0) << resumed.err;
    EXPECT_EQ(world.outcome(db), expected);
  }
  EXPECT_GE(struck, 8);
}

// On a file system that hosts share, as a preloaded library says: the kill hits a rollback journal.
TEST(Resume, ARunThatWasKilledInsideACommitAwayFromHomeGoesOn) {
  Endurance world;
  const Outcome expected = world.undisturbed();
  const std::string folder = std::string(CLB_BINARY_DIR) + "/tests/plugins/preload/", nfs = "CLB_TEST_FILE_SYSTEM=0x6969";
  const std::string asan = std::string("ASAN_OPTIONS=verify_asan_link_order=0:") + (getenv("ASAN_OPTIONS") ? getenv("ASAN_OPTIONS") : "");
  int struck = 0;
  for (int n = 1; n <= 12; ++n) {
    SCOPED_TRACE("sync " + std::to_string(n));
    const fs::path db = world.path() / ("away" + std::to_string(n) + ".sqlite");
    const std::string killing = "LD_PRELOAD=" + folder + "kill_at_sync.so:" + folder + "pretend_file_system.so";
    struck += world.call("run", db, {killing, asan, nfs, "CLB_TEST_KILL_AT_SYNC=" + std::to_string(n)}).code == 128 + SIGKILL;
    EXPECT_FALSE(fs::exists(db.string() + "-wal"));
    const Ended resumed = world.call("run", db, {"LD_PRELOAD=" + folder + "pretend_file_system.so", asan, nfs});
    EXPECT_EQ(resumed.code, 0) << resumed.err;
    EXPECT_NE(resumed.err.find("(nfs): it is written with a rollback journal"), std::string::npos) << resumed.err;
    EXPECT_EQ(world.outcome(db), expected);
  }
  EXPECT_GE(struck, 8);
}

TEST(Resume, ADamagedCheckpointIsNamedAndTheRunStartsOver) {
  Endurance world;
  const Outcome expected = world.undisturbed();
  const fs::path db = world.path() / "killed.sqlite";
  world.set_trap();
  EXPECT_EQ(world.call("run", db).code, 1);
  for (const auto& entry : fs::recursive_directory_iterator(db.string() + ".runs"))
    if (entry.path().filename() == "checkpoint") {
      std::string bytes = base::read_file(entry.path());
      bytes[bytes.size() / 2] ^= 1;
      std::ofstream(entry.path(), std::ios::binary) << bytes;
    }
  const Ended damaged = world.call("resume", db);
  EXPECT_EQ(damaged.code, 0) << damaged.err;
  EXPECT_NE(damaged.err.find("is damaged: its checksum differs"), std::string::npos) << damaged.err;
  EXPECT_NE(damaged.err.find("this run starts over"), std::string::npos) << damaged.err;
  EXPECT_EQ(world.outcome(db), expected);
  EXPECT_EQ(store::Store::open(db, store::Store::Mode::kRead).runs().at(0).attempts, 2) << "two computations are two attempts";
}

TEST(Resume, WithoutCheckpointsARunStartsOverAsANewAttempt) {
  Endurance world;
  const fs::path db = world.path() / "killed.sqlite";
  std::string text = base::read_file(world.experiment());
  text.replace(text.find("threads = 1"), 11, "threads = 1\ncheckpoint = \"off\"");
  std::ofstream(world.experiment()) << text;
  world.set_trap();
  EXPECT_EQ(world.call("run", db).code, 1);
  EXPECT_EQ(store::Store::open(db, store::Store::Mode::kRead).runs().at(0).tasks_done, 2) << "committed tasks stay";
  EXPECT_EQ(world.call("resume", db).code, 0);
  EXPECT_EQ(store::Store::open(db, store::Store::Mode::kRead).runs().at(0).attempts, 2);
}

TEST(Database, ASecondLauncherIsRefusedWithTheOwnersPid) {
  Endurance world;
  const fs::path db = world.path() / "owned.sqlite";
  const auto owner = store::Store::open(db, store::Store::Mode::kWrite);
  const Ended refused = world.call("run", db);
  EXPECT_EQ(refused.code, 2);
  EXPECT_NE(refused.err.find("process " + std::to_string(getpid()) + " on "), std::string::npos) << refused.err;
  EXPECT_NE(refused.err.find(" is writing to it"), std::string::npos) << refused.err;
}

// Waits for a process until `moment` after now; how long it took where it ended before that.
std::optional<milliseconds> ended_before(milliseconds moment, pid_t process, int& status) {
  const auto begin = std::chrono::steady_clock::now();
  for (;;) {
    const auto passed = std::chrono::duration_cast<milliseconds>(std::chrono::steady_clock::now() - begin);
    if (passed >= moment) return std::nullopt;
    if (waitpid(process, &status, WNOHANG) == process) return passed;
    std::this_thread::sleep_for(milliseconds(1));
  }
}

// Kills the launcher, or the runner, after a random part of the run's time; then the run goes on. Most of the time is the method's work: a
// run of three epochs is over soon after its program has been loaded.
TEST(Kill, AtRandomMomentsLosesAndDoublesNothing) {
  Endurance world(/*epochs=*/300);
  world.call("run", world.path() / "first.sqlite");  // fills the caches
  const auto begin = std::chrono::steady_clock::now();
  const Outcome expected = world.undisturbed();
  auto whole = std::chrono::duration_cast<milliseconds>(std::chrono::steady_clock::now() - begin);
  std::mt19937 random(1);
  int in_the_middle = 0;
  for (int k = 0; k < CLB_KILLS; ++k) {
    const milliseconds moment(random() % static_cast<unsigned>(whole.count()));
    const bool runner = k % 2 == 1;
    SCOPED_TRACE("kill " + std::to_string(k) + " after " + std::to_string(moment.count()) + " ms of " + std::to_string(whole.count()));
    const fs::path db = world.path() / ("kill" + std::to_string(k) + ".sqlite");
    const pid_t launcher = start(world, db);
    int status = 0;
    if (const auto all = ended_before(moment, launcher, status)) {
      whole = *all;  // the machine has become faster: the next moments lie within what a run takes now
    } else {
      if (const pid_t child = runner ? child_of(launcher) : 0; child > 0) kill(child, SIGKILL);
      if (!runner) kill(launcher, SIGKILL);
      waitpid(launcher, &status, 0);
    }
    in_the_middle += !(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    const Ended resumed = world.call("run", db);
    EXPECT_EQ(resumed.code, 0) << resumed.err;
    EXPECT_EQ(world.outcome(db), expected);
  }
  EXPECT_GE(in_the_middle, CLB_KILLS / 4) << "too few kills hit the run";
}

// A file system of one MiB, when this process may mount one.
class SmallDisk {
 public:
  explicit SmallDisk(const fs::path& place) : place_(place) {
    fs::create_directories(place);
    mounted_ = mount("tmpfs", place.c_str(), "tmpfs", 0, "size=1m") == 0;
  }
  ~SmallDisk() {
    if (mounted_) umount2(place_.c_str(), MNT_DETACH);
  }
  bool mounted() const { return mounted_; }

 private:
  fs::path place_;
  bool mounted_;
};

TEST(FullDisk, IsAnErrorSentenceAndNoDamage) {
  Endurance world;
  const SmallDisk disk(world.path() / "disk");
  if (!disk.mounted()) GTEST_SKIP() << "this process may not mount a tmpfs";
  const Outcome expected = world.undisturbed();
  const fs::path db = world.path() / "disk" / "full.sqlite", ballast = world.path() / "disk" / "ballast";
  for (const int free_kib : {150, 300, 450, 600}) {
    SCOPED_TRACE(std::to_string(free_kib) + " KiB free");
    fs::remove_all(db.string() + ".runs");
    for (const char* suffix : {"", "-wal", "-shm", ".lock"}) fs::remove(db.string() + suffix);
    std::ofstream(ballast, std::ios::binary) << std::string(static_cast<size_t>(1024 - free_kib) << 10, 'x');
    const Ended full = world.call("run", db);
    if (full.code != 0) {
      EXPECT_TRUE(full.err.find("full") != std::string::npos || full.err.find("No space left") != std::string::npos) << full.err;
    }
    fs::remove(ballast);
    const Ended resumed = world.call("run", db);
    EXPECT_EQ(resumed.code, 0) << resumed.err;
    EXPECT_EQ(world.outcome(db), expected);
  }
}

}  // namespace
