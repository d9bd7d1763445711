// What lies in the folders: which hold train and test, which classes, which files. A layout that is none of the two is told as what it is.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace image_folder {

namespace fs = std::filesystem;

[[noreturn]] void fail(const fs::path& path, const std::string& problem);

// The folders that hold train and test: the root itself, or one for each domain.
std::vector<fs::path> split_parents(const fs::path& root);

std::vector<std::string> class_names_in(const fs::path& split);

void require_same_classes(const fs::path& split, const std::vector<std::string>& found, const fs::path& first,
                          const std::vector<std::string>& wanted);

// Files among the images that are none by their names.
struct NoImages {
  fs::path first;
  int64_t count = 0;
  std::map<std::string, int64_t> by_extension;
};
void refuse(const NoImages& files);  // when there are any

std::vector<std::string> images_in(const fs::path& folder, NoImages& others);

// `the class "a"`, `the class "a", "b" and 9 more`: the first few of many.
std::string listed(const std::vector<std::string>& names, const std::string& what);

}  // namespace image_folder
