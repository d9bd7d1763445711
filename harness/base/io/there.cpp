#include <clb/base/there.hpp>

namespace clb::base {

namespace fs = std::filesystem;

bool is_there(const fs::path& path) {
  std::error_code error;
  return fs::exists(path, error);
}

bool is_taken(const fs::path& path) {
  std::error_code error;
  return fs::exists(fs::symlink_status(path, error));
}

bool is_file(const fs::path& path) {
  std::error_code error;
  return fs::is_regular_file(path, error);
}

bool is_folder(const fs::path& path) {
  std::error_code error;
  return fs::is_directory(path, error);
}

std::string why_no_folder(const fs::path& path) {
  fs::path so_far;
  for (const fs::path& name : path) {
    so_far /= name;
    if (!is_taken(so_far)) return "";
    if (is_folder(so_far)) continue;
    std::error_code error;
    if (!is_there(so_far)) return so_far.string() + " is a link to " + fs::read_symlink(so_far, error).string() + ", which is not there";
    return so_far.string() + (is_file(so_far) ? " is a file" : " is neither a file nor a folder");
  }
  return "";
}

}  // namespace clb::base
