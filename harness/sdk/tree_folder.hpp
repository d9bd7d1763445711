// What one folder holds, by the names and types that it lists; private to the reader of image trees.
#pragma once

#include <clb/base/there.hpp>
#include <clb/sdk/dataset.hpp>
#include <map>
#include <string>
#include <vector>

namespace clb::tree {

using base::is_file;
using base::is_folder;

bool is_image(const std::string& name);  // ends in .jpg, .jpeg or .png in any case
bool is_text(const std::string& name);   // what people and tools leave beside images: notes, tables, settings

// Names in byte order. What file managers, notebooks and hidden tools leave is passed over, and counted by kind.
struct Folder {
  explicit Folder(const Path& path);

  std::vector<std::string> folders, files;
  std::vector<std::string> others;  // broken links, sockets
  std::map<std::string, int64_t> passed_over;
};

// Files among the images that are none by their names.
class NoImages {
 public:
  void add(const Path& file);
  void refuse() const;  // when there are any

 private:
  Path first_;
  int64_t count_ = 0;
  std::map<std::string, int64_t> by_extension_;
};

}  // namespace clb::tree
