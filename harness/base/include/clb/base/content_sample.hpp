// A look into files that takes milliseconds however large they are: blocks spread over a few files, which are spread over a folder. It
// stands where stamps are not enough: file systems made with fixed times repeat all of a stamp, and a cache may be older than the files.
#pragma once

#include <clb/base/file_tree.hpp>
#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace clb::base {

// SHA-256 in hex over the size of a file and blocks of it, over the whole where they cover it; zeros when it is no file that can be
// read.
std::string sampled_digest(const std::filesystem::path& file);

class ContentSample {
 public:
  ContentSample() = default;
  explicit ContentSample(const FileTree& tree);
  static ContentSample of(const std::filesystem::path& root);  // the same, without stamps of all files
  explicit ContentSample(std::string_view text);               // that text() gave

  std::string text() const;
  bool holds(const std::filesystem::path& root) const;  // the same files below it hold the same bytes; false where the text was damaged

 private:
  ContentSample(const std::filesystem::path& root, const std::vector<std::string>& all);  // files below it

  bool valid_ = false;
  std::vector<std::pair<std::string, std::string>> files_;  // path below the root, digest
};

}  // namespace clb::base
