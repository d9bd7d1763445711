// All files below a folder (or one file) with their stamps: tells one state of a data set from another without reading it.
#pragma once

#include <clb/base/stamp.hpp>
#include <filesystem>
#include <string>
#include <vector>

namespace clb::base {

// Through links, in an order that the file system does not decide. Folders have stamps too: one that is moved to another's place brings
// files that nobody touched. A folder is entered once, so that a loop of links ends.
class FileTree {
 public:
  struct Entry {
    std::string path;
    Stamp stamp;
  };

  explicit FileTree(std::filesystem::path root);  // no entries when it does not exist

  const std::filesystem::path& root() const { return root_; }
  const std::vector<Entry>& entries() const { return entries_; }
  std::string digest() const;                // over all paths and stamps
  bool settled(const Moment& moment) const;  // every stamp is

 private:
  std::filesystem::path root_;
  std::vector<Entry> entries_;
};

}  // namespace clb::base
