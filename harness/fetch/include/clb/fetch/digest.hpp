// Digests as publishers state them, of whole files.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

namespace clb::fetch {

struct Digest {
  std::string kind, digits;  // "sha256" | "md5" | "sha1", lower-case hexadecimal; both empty: none is stated

  bool empty() const { return kind.empty(); }
  std::string text() const;  // "MD5 03b5..."
};

// What is done of something long, in bytes; `all` 0: not known.
using Progress = std::function<void(const std::string& what, uint64_t done, uint64_t all)>;

struct FileDigests {
  Digest sha256;
  Digest other;  // of the kind that was asked for
  uint64_t size = 0;
};

// One reading of the file. Error: it cannot be read.
FileDigests digests_of(const std::filesystem::path& file, const std::string& kind, const Progress& progress = {});

}  // namespace clb::fetch
