// Locks: who holds one, what stands in it, and what it means where locks of other hosts are not seen.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <clb/base/error.hpp>
#include <clb/base/file.hpp>
#include <clb/base/temporary.hpp>
#include <csignal>
#include <cstdlib>
#include <functional>
#include <map>

#include "errors.hpp"
#include "temp_folder.hpp"

namespace clb::base {
namespace {

using testing::contains;
using testing::error_of;
using testing::TempFolder;

const FileSystem kNfs = file_system(0x6969), kExt4 = file_system(0xEF53);

// Exit status of a child process that runs `body` and leaves with its result.
int in_child(const std::function<int()>& body) {
  const pid_t pid = fork();
  if (pid == 0) _exit(body());
  int status = 0;
  waitpid(pid, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST(FileLock, IsHeldAgainstOtherProcessesAndNamesItsHolder) {
  const TempFolder folder;
  const auto file = folder.path() / "lock";
  const std::string named = "process " + std::to_string(getpid()) + " on ";
  {
    const auto lock = FileLock::try_lock(file);
    ASSERT_TRUE(lock);
    EXPECT_EQ(in_child([&] { return FileLock::try_lock(file) ? 1 : FileLock::holder(file).starts_with(named) ? 0 : 2; }), 0);
    EXPECT_TRUE(FileLock::held(file));
  }
  EXPECT_FALSE(FileLock::held(file));
  EXPECT_EQ(FileLock::holder(file), "another process");
  EXPECT_EQ(in_child([&] { return FileLock::try_lock(file) ? 0 : 1; }), 0);
}

TEST(FileLock, IsReleasedByTheDeathOfItsHolder) {
  const TempFolder folder;
  const auto file = folder.path() / "lock";
  int ready[2];
  ASSERT_EQ(pipe(ready), 0);
  const pid_t child = fork();
  if (child == 0) {
    const FileLock lock = FileLock::wait(file);
    if (write(ready[1], "x", 1) == 1) pause();
    _exit(1);
  }
  char byte;
  ASSERT_EQ(read(ready[0], &byte, 1), 1);
  EXPECT_FALSE(FileLock::try_lock(file));
  EXPECT_TRUE(FileLock::holder(file).starts_with("process " + std::to_string(child) + " on ")) << FileLock::holder(file);
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  EXPECT_TRUE(FileLock::try_lock(file));
  close(ready[0]);
  close(ready[1]);
}

// As a process on another host leaves it: killed, or alive with a lock that is not seen here.
std::string text_of_another_host(const std::string& job = "") {
  return "471 far-away-" + host_name().substr(0, 16) + " 2026-01-31T12:00:00Z" + (job.empty() ? "" : " " + job) + "\n";
}

TEST(FileLock, OfAnotherHostIsRespectedWhereItsLockMayNotBeSeen) {
  const TempFolder folder;
  const auto file = folder.write("db.lock", text_of_another_host("12_3"));
  const auto own = [&](const FileSystem& on) { return FileLock::own(file, "db", "wait for it", on); };
  EXPECT_TRUE(FileLock::held(file, kNfs));
  EXPECT_FALSE(FileLock::held(file, kExt4));
  const std::string said = error_of<Error>([&] { own(kNfs); });
  EXPECT_TRUE(contains(said, "db: process 471 on far-away-")) << said;
  EXPECT_TRUE(contains(said, "(job 12_3, since 2026-01-31T12:00:00Z) has not let go of it")) << said;
  EXPECT_TRUE(contains(said, "when it has ended, remove " + file.string() + " and try again")) << said;
  EXPECT_EQ(read_file(file), text_of_another_host("12_3")) << "whoever was refused must leave the name there";

  std::filesystem::remove(file);  // what the sentence says helps
  { const FileLock lock = own(kNfs); }
  EXPECT_FALSE(FileLock::held(file, kNfs));
  own(kNfs);
}

TEST(FileLock, OfThisHostAndOnALocalFileSystemTheLockAloneCounts) {
  const TempFolder folder;
  const auto killed_here = folder.write("a", "999999 " + host_name() + " 2026-01-31T12:00:00Z\n");
  FileLock::own(killed_here, "a", "", kNfs);
  FileLock::own(folder.write("old", "471\n"), "old", "", kNfs);  // clbench 0.1 wrote the number alone
  FileLock::own(folder.write("b", text_of_another_host()), "b", "", kExt4);
  EXPECT_TRUE(FileLock::try_lock(folder.write("cache", text_of_another_host()))) << "what can be made again waits for nobody";
}

TEST(FileLock, ALiveHolderIsNamedWithItsJob) {
  const TempFolder folder;
  const auto file = folder.path() / "db.lock";
  setenv("SLURM_JOB_ID", "4711", 1);
  const FileLock lock = FileLock::own(file, "db", "wait for it");
  unsetenv("SLURM_JOB_ID");
  const std::string said = error_of<Error>([&] { FileLock::own(file, "db", "wait for it"); });
  EXPECT_TRUE(said.starts_with("db: process " + std::to_string(getpid()) + " on " + host_name() + " (job 4711, since ")) << said;
  EXPECT_TRUE(said.ends_with(") is writing to it; wait for it")) << said;
}

TEST(FileLock, AJobThatIsNoNameIsLeftOut) {
  const TempFolder folder;
  setenv("SLURM_JOB_ID", "4711 $(x)\n", 1);
  const FileLock lock = FileLock::own(folder.path() / "lock", "db", "");
  unsetenv("SLURM_JOB_ID");
  EXPECT_FALSE(contains(FileLock::holder(folder.path() / "lock"), "job"));
  EXPECT_TRUE(FileLock::held(folder.path() / "lock"));
}

TEST(StaleTemporaries, OfAnotherHostStayWhereItMayBeAlive) {
  const TempFolder folder;
  const auto mine = temporary_file_beside(folder.path() / "db");
  const auto others = folder.write("db.far-away.12.0123456789abcdef.tmp", "x");
  remove_stale_temporaries(folder.path(), "db", kNfs);
  EXPECT_FALSE(std::filesystem::exists(mine));
  EXPECT_TRUE(std::filesystem::exists(others));
  remove_stale_temporaries(folder.path(), "db", kExt4);
  EXPECT_FALSE(std::filesystem::exists(others));
}

TEST(FileSystem, IsKnownByItsMagic) {
  for (const auto& [magic, name] : std::map<int64_t, std::string>{{0x6969, "nfs"},
                                                                  {0x0BD00BD0, "lustre"},
                                                                  {0x47504653, "gpfs"},
                                                                  {0x19830326, "beegfs"},
                                                                  {0xFF534D42, "cifs"},
                                                                  {int32_t(0xFF534D42), "cifs"},
                                                                  {0xFE534D42, "smb2"},
                                                                  {0x65735546, "fuse"},
                                                                  {0x00C36400, "ceph"},
                                                                  {0x01021997, "9p"}}) {
    EXPECT_EQ(file_system(magic).name, name);
    EXPECT_FALSE(file_system(magic).local) << name;
  }
  for (const int64_t magic : {0xEF53, 0x58465342, 0x01021994, 0x794C7630}) EXPECT_TRUE(file_system(magic).local) << magic;
  EXPECT_EQ(file_system(0x1234567).name, "unknown (0x1234567)");
  EXPECT_FALSE(file_system(0x1234567).local);
}

TEST(FileSystem, OfWhatIsNotThereYetIsThatOfItsFolder) {
  const TempFolder folder;
  EXPECT_EQ(file_system_of(folder.path() / "no/such/file").name, file_system_of(folder.path()).name);
  EXPECT_EQ(file_system_of("/proc/self").name, "unknown (0x9fa0)");
}

}  // namespace
}  // namespace clb::base
