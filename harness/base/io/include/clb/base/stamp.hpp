// What the file system says of a file, by which one content is told from another without reading it. Size and modification time do not
// tell: `cp -p`, `tar -x` and images with fixed times give them again. No program can set the time of the last change (ctime), and device
// and inode say which file a path leads to, through links and mounts.
#pragma once

#include <compare>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

namespace clb::base {

struct Moment {  // since 1970
  int64_t seconds = 0, nanoseconds = 0;
  auto operator<=>(const Moment&) const = default;
};
Moment now();

struct Stamp {
  uint64_t device = 0, inode = 0, size = 0;
  uint32_t kind = 0;  // the S_IFMT bits of st_mode
  Moment modified, changed;

  bool operator==(const Stamp&) const = default;
  bool same_file(const Stamp& other) const { return device == other.device && inode == other.inode; }
  bool is_folder() const;
  bool is_file() const;
  std::string text() const;  // all of it
  // Whether a write at or after `moment` would have given another stamp. File systems count time in steps, of 2 s at worst, and a stamp
  // from the future says that a clock was set back: neither is believed.
  bool settled(const Moment& moment) const;
};

std::optional<Stamp> stamp_of(const std::filesystem::path& path);  // of what a link leads to; nothing when there is none
Stamp stamp_of(int descriptor);

}  // namespace clb::base
