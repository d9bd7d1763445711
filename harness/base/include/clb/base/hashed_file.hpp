// A mapped file whose SHA-256 is that of the bytes in use. Belongs to one thread.
#pragma once

#include <clb/base/file.hpp>
#include <clb/base/stamp.hpp>
#include <optional>
#include <string>

namespace clb::base {

class HashedFile {
 public:
  explicit HashedFile(const fs::path& file) : file_(file, MappedFile::Keep::kOpen) {}

  const fs::path& path() const { return file_.path(); }
  std::span<const uint8_t> bytes() const { return file_.bytes(); }
  const std::string& sha256();  // in hex, computed at the first call

  // False when somebody wrote into the file since it was hashed. Another file in its place changes nothing: the old one stays mapped.
  bool unchanged();
  bool still_in_place() const;  // its path leads to it

 private:
  MappedFile file_;
  std::string sha256_;
  Stamp stamp_;
  bool settled_ = false;
};

}  // namespace clb::base
