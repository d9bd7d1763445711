// Several processes at one cache, also when all have the same number in PID namespaces of their own.
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <clb/base/error.hpp>
#include <functional>

#include "image_tree.hpp"

namespace {

using namespace clb;
namespace fs = std::filesystem;
using Together = clb::testing::ImageTree;

// In a process that is number 1 of its namespace, where that is allowed; its exit code.
pid_t start(const std::function<int()>& work) {
  const pid_t outer = fork();
  if (outer != 0) return outer;
  if (unshare(CLONE_NEWPID) != 0) _exit(work());
  const pid_t inner = fork();
  if (inner == 0) _exit(work());
  int status = 0;
  waitpid(inner, &status, 0);
  _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 99);
}

int exit_code(pid_t pid) {
  int status = 0;
  waitpid(pid, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 98;
}

TEST_F(Together, ColdStartsEndWellAndLeaveNothingElse) {
  std::vector<pid_t> processes;
  for (int k = 0; k < 3; ++k)
    processes.push_back(start([&] {
      try {
        const auto prepared = data::prepare(preparation(kDecoded));
        return prepared.not_kept.empty() ? 0 : 1;
      } catch (const std::exception&) {
        return 2;
      }
    }));
  for (const pid_t pid : processes) EXPECT_EQ(exit_code(pid), 0);
  const std::string fingerprint = data::prepare(preparation(kDecoded)).fingerprint;
  EXPECT_EQ(kept(fingerprint).size(), 5u);
  for (const auto& entry : fs::directory_iterator(cache() / "data"))
    EXPECT_TRUE(entry.path().extension() == ".lock" || entry.path().filename() == fingerprint) << entry.path();
}

// A code of 10 says that the process made a pass.
TEST_F(Together, OneOfManyReadsAndTheOthersFindWhatItLeft) {
  auto without = preparation(0);
  without.cache.clear();
  const std::string fingerprint = data::prepare(without).fingerprint;
  for (const int64_t limit : {int64_t{0}, kDecoded}) {
    fs::remove_all(cache());
    std::vector<pid_t> processes;
    for (int k = 0; k < 4; ++k)
      processes.push_back(start([&] {
        bool read = false;
        try {
          data::SampleStore store(
              dataset(fingerprint), execution(limit), [](const std::string&) { _exit(1); },
              [&](const std::string&, int64_t, int64_t total) { read = read || total > 0; });
          return store.read(data::Split::kTrain, 5).bytes.empty() ? 3 : read ? 10 : 0;
        } catch (const std::exception&) {
          return 2;
        }
      }));
    std::vector<int> codes;
    for (const pid_t pid : processes) codes.push_back(exit_code(pid));
    std::sort(codes.begin(), codes.end());
    EXPECT_EQ(codes, (std::vector<int>{0, 0, 0, 10})) << limit;
  }
}

TEST_F(Together, WhoWaitsSaysForWhom) {
  int go[2], said[2];
  ASSERT_EQ(pipe(go), 0);
  ASSERT_EQ(pipe(said), 0);
  const pid_t waiting = fork();
  if (waiting == 0) {
    char byte;
    if (read(go[0], &byte, 1) != 1) _exit(2);
    auto wanted = preparation(0);
    wanted.progress = [&](const std::string& what, int64_t, int64_t total) {
      if (total == 0 && write(said[1], what.data(), what.size()) < 0) _exit(3);
    };
    _exit(data::prepare(wanted).fingerprint.size() == 64 ? 0 : 1);
  }
  std::string text(4096, 0);
  auto wanted = preparation(0);
  wanted.found = [&](const std::string&) {  // the lock is held
    if (write(go[1], "g", 1) == 1) text.resize(static_cast<size_t>(std::max<ssize_t>(0, read(said[0], text.data(), text.size()))));
  };
  data::prepare(wanted);
  EXPECT_EQ(exit_code(waiting), 0);
  EXPECT_NE(text.find("process " + std::to_string(getpid()) + " on "), std::string::npos) << text;
  for (const int fd : {go[0], go[1], said[0], said[1]}) close(fd);
}

}  // namespace
