// A file that is plain, gzip or xz, read as a stream of decoded bytes. What it is is decided by its magic bytes; when the plain name is
// missing, NAME.gz and NAME.xz are tried. The container's own checks (gzip CRC-32 and length, xz CRC or SHA-256) are verified.
//
// Every problem is a PluginError(CLB_E_IO) that names the file, the offset and the cause. A caller reads only as much as the format in the
// file calls for, so a small file that decodes to terabytes costs nothing.
#pragma once

#include <clb/sdk/error.hpp>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace clb {

using Path = std::filesystem::path;

class PackedFile {
 public:
  explicit PackedFile(const Path& file);
  ~PackedFile();
  PackedFile(PackedFile&&) noexcept;
  PackedFile& operator=(PackedFile&&) noexcept;

  const Path& path() const { return path_; }   // the file that was found
  uint64_t offset() const { return offset_; }  // decoded bytes delivered so far

  size_t read(std::span<uint8_t> to);                                     // fewer than to.size() only at the end
  void read_exactly(std::span<uint8_t> to, const char* what);             // what: "the header", for the message
  void expect_end();                                                      // no byte may follow, and the container's checks hold
  [[noreturn]] void fail(const std::string& problem, uint64_t at) const;  // at: a decoded offset

 private:
  struct Source;
  Path path_;
  uint64_t offset_ = 0;
  std::unique_ptr<Source> source_;
};

// All decoded bytes of a file; more than `limit` of them are an error.
std::vector<uint8_t> read_packed(const Path& file, uint64_t limit);

}  // namespace clb
