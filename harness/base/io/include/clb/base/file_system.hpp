// Which file system a path lies on. Processes of several hosts may share one that lies elsewhere, and there neither shared memory (SQLite's
// write-ahead log needs it) nor locks (flock) are sure to be seen by all of them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace clb::base {

struct FileSystem {
  std::string name;   // "ext4", "nfs", ...; "unknown (0x1234)"
  bool local = true;  // known to belong to this machine alone; one of unknown kind is not
};

FileSystem file_system(int64_t magic);  // f_type of statfs(2)

// Of what lies at `path`, or of the nearest folder above it that exists. What cannot be examined is of unknown kind.
FileSystem file_system_of(const std::filesystem::path& path);

}  // namespace clb::base
