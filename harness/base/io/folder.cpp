#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <clb/base/folder.hpp>
#include <memory>
#include <string_view>

namespace clb::base {

namespace {

Listed::Kind kind_of(DIR* folder, const dirent& entry) {
  using Kind = Listed::Kind;
  if (entry.d_type == DT_DIR) return Kind::kFolder;
  if (entry.d_type == DT_REG) return Kind::kFile;
  struct stat status;  // of what a link leads to; some file systems list no types at all
  if ((entry.d_type != DT_LNK && entry.d_type != DT_UNKNOWN) || fstatat(dirfd(folder), entry.d_name, &status, 0) != 0) return Kind::kOther;
  return S_ISDIR(status.st_mode) ? Kind::kFolder : S_ISREG(status.st_mode) ? Kind::kFile : Kind::kOther;
}

}  // namespace

std::vector<Listed> list_folder(const std::string& folder, std::error_code& error) {
  error.clear();
  std::vector<Listed> all;
  const std::unique_ptr<DIR, int (*)(DIR*)> opened(opendir(folder.c_str()), closedir);
  errno = opened ? 0 : errno;
  while (const dirent* entry = opened ? readdir(opened.get()) : nullptr) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") all.push_back({std::string(name), kind_of(opened.get(), *entry)});
    errno = 0;  // readdir tells an error from the end by it alone
  }
  if (errno != 0) error.assign(errno, std::generic_category());
  std::sort(all.begin(), all.end(), [](const Listed& a, const Listed& b) { return a.name < b.name; });
  return all;
}

}  // namespace clb::base
