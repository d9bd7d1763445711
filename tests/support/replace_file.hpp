// Other bytes in a file's place that a glance does not show.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace clb::testing {

// Same name, inode, size and times of access and modification, as `cp -p` onto a file leaves them.
inline void overwrite_keeping_times(const std::filesystem::path& file, const std::string& bytes) {
  struct stat before, after;
  ASSERT_EQ(stat(file.c_str(), &before), 0) << file;
  std::ofstream(file, std::ios::binary) << bytes;
  const timespec times[2] = {before.st_atim, before.st_mtim};
  ASSERT_EQ(utimensat(AT_FDCWD, file.c_str(), times, 0), 0) << file;
  ASSERT_EQ(stat(file.c_str(), &after), 0);
  ASSERT_EQ(after.st_ino, before.st_ino);
  ASSERT_EQ(after.st_size, before.st_size);
  ASSERT_EQ(after.st_mtim.tv_nsec, before.st_mtim.tv_nsec);
}

}  // namespace clb::testing
