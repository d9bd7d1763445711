// Temporary names that two containers chose alike, because both had the same process number.
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <clb/base/error.hpp>
#include <clb/base/temporary.hpp>

#include "e2e/cli.hpp"

namespace {

namespace fs = std::filesystem;
using clb::testing::World;

// What a process with number 1 in a PID namespace of its own calls its temporary file; empty when there may be none.
std::string name_in_container(const fs::path& file) {
  int ends[2];
  if (pipe(ends) != 0) return "";
  const pid_t outer = fork();
  if (outer == 0) {
    if (unshare(CLONE_NEWPID) != 0) _exit(1);
    const pid_t inner = fork();
    if (inner == 0) {
      const std::string name = clb::base::temporary_beside(file).string();
      _exit(getpid() == 1 && write(ends[1], name.data(), name.size()) == static_cast<ssize_t>(name.size()) ? 0 : 1);
    }
    waitpid(inner, nullptr, 0);
    _exit(0);
  }
  waitpid(outer, nullptr, 0);
  close(ends[1]);
  char buffer[4096];
  const ssize_t n = read(ends[0], buffer, sizeof buffer);
  close(ends[0]);
  return n > 0 ? std::string(buffer, static_cast<size_t>(n)) : "";
}

TEST(CollidingNames, AreNotMadeOfTheProcessNumberAlone) {
  const clb::testing::TempFolder folder;
  const std::string one = name_in_container(folder.path() / "file"), two = name_in_container(folder.path() / "file");
  if (one.empty()) GTEST_SKIP() << "this process may not make a PID namespace";
  EXPECT_NE(one, two);
  EXPECT_NE(one.find(".1."), std::string::npos) << one;
}

TEST(CollidingNames, OnlyStaleOnesOfThatFileAreRemoved) {
  const clb::testing::TempFolder folder;
  const fs::path mine = clb::base::temporary_file_beside(folder.path() / "db"),
                 others = clb::base::temporary_file_beside(folder.path() / "db2");
  folder.write(mine.filename().string() + "-wal", "");
  for (const char* foreign : {"db", "db.new", "db.tmp", "db.host.1.0123456789abcdef", "db.host.1.abc.tmp"}) folder.write(foreign, "");
  clb::base::remove_stale_temporaries(folder.path(), "db");
  EXPECT_FALSE(fs::exists(mine));
  EXPECT_TRUE(fs::exists(others));
  EXPECT_EQ(std::distance(fs::directory_iterator(folder.path()), {}), 6);
  const std::string longest(250, 'x');
  EXPECT_LE(clb::base::temporary_file_beside(folder.path() / longest).filename().string().size(), 255u);
}

// Two containers fill one cache from one data set at the same time.
TEST(CollidingNames, TwoContainersShareACache) {
  const World world;
  const auto shell = [&](const std::string& command) {
    return clb::testing::run_program(world.path(), {"/bin/sh", "-c", command}, {"CLB_CACHE=" + world.cache().string()});
  };
  const std::string container = "unshare --pid --fork --mount-proc ";
  if (shell(container + "true").code != 0) GTEST_SKIP() << "this process may not make a PID namespace";
  std::string both;
  for (const char* k : {"1", "2"})
    both += "(" + container + CLB_BINARY_DIR "/bin/clbench run " + world.experiment().string() + " --db db" + k + ".sqlite >" + k +
            ".out 2>&1; echo $? >" + k + ".rc) & ";
  shell("cd " + world.path().string() + "; " + both + "wait");
  for (const char* k : {"1", "2"})
    EXPECT_EQ(clb::base::read_file(world.path() / (std::string(k) + ".rc")), "0\n")
        << clb::base::read_file(world.path() / (std::string(k) + ".out"));
}

}  // namespace
