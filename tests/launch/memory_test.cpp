#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <clb/launch/memory.hpp>
#include <cstring>
#include <memory>

#include "temp_folder.hpp"

namespace clb::launch {
namespace {

namespace fs = std::filesystem;
using clb::testing::TempFolder;

// A /proc and a /sys/fs/cgroup of files.
class Memory : public ::testing::Test {
 protected:
  void write(const std::string& file, const std::string& text) {
    fs::create_directories((folder_.path() / file).parent_path());
    std::ofstream(folder_.path() / file) << text;
  }
  uint64_t available() const { return available_memory(folder_.path() / "proc", folder_.path() / "cgroup"); }

  void SetUp() override { write("proc/meminfo", "MemTotal:       8000 kB\nMemAvailable:   6000 kB\n"); }

  TempFolder folder_;
};

TEST_F(Memory, WithoutCgroupsWhatTheKernelSays) { EXPECT_EQ(available(), 6000u * 1024); }

TEST_F(Memory, VersionTwoTakesTheTightestLevel) {
  write("proc/self/cgroup", "0::/slice/job\n");
  write("cgroup/slice/memory.max", "3000000\n");
  write("cgroup/slice/memory.current", "2000000\n");
  write("cgroup/slice/memory.stat", "anon 500\ninactive_file 1500000\n");
  write("cgroup/slice/job/memory.max", "max\n");
  EXPECT_EQ(available(), 3000000u - 500000u);
}

TEST_F(Memory, VersionOne) {
  write("proc/self/cgroup", "9:name=systemd:/\n4:cpu,memory:/job\n");
  write("cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
  write("cgroup/memory/job/memory.limit_in_bytes", "1000000\n");
  write("cgroup/memory/job/memory.usage_in_bytes", "400000\n");
  EXPECT_EQ(available(), 600000u);
}

TEST_F(Memory, InsideAContainerTheMountIsTheGroup) {
  write("proc/self/cgroup", "0::/docker/not-below-the-mount\n");
  write("cgroup/memory.max", "2000000\n");
  write("cgroup/memory.current", "2500000\n");
  EXPECT_EQ(available(), 0u);
}

TEST_F(Memory, ResidentMemoryGrowsWithWhatIsTouched) {
  const uint64_t before = resident_memory(getpid());
  constexpr size_t kSize = 32 << 20;
  void* const block = mmap(nullptr, kSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);  // the heap may have touched some
  ASSERT_NE(block, MAP_FAILED);
  std::memset(block, 1, kSize);
  EXPECT_GE(resident_memory(getpid()), before + kSize / 2);
  munmap(block, kSize);
  EXPECT_EQ(resident_memory(-5), 0u);
}

}  // namespace
}  // namespace clb::launch
