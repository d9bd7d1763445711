#include "list_path.hpp"

#include <algorithm>

namespace clb::tree {

namespace {

constexpr size_t kMaxPath = 1024, kMaxName = 255;

}  // namespace

std::string path_fault(std::string_view path) {
  if (path.find('\0') != std::string_view::npos) return "holds a NUL byte";
  if (path.find('\\') != std::string_view::npos) return "holds a backslash; write / between folders";
  if (path.size() > kMaxPath) return "is longer than " + std::to_string(kMaxPath) + " bytes";
  if (path.starts_with('/')) return "is absolute, but paths of a list lie below the data set's folder; leave off what stands before that";
  for (size_t at = 0; at <= path.size();) {
    const size_t slash = std::min(path.find('/', at), path.size());
    const std::string_view name = path.substr(at, slash - at);
    if (name == "..") return "leaves its folder (\"..\")";
    if (name.empty() || name == ".") return "has an empty name or \".\" in it";
    if (name.size() > kMaxName) return "has a name of more than " + std::to_string(kMaxName) + " bytes";
    at = slash + 1;
  }
  return "";
}

}  // namespace clb::tree
