#include "place.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <clb/base/descriptor.hpp>
#include <clb/base/error.hpp>
#include <clb/base/there.hpp>
#include <cstdio>
#include <cstring>

namespace clb::fetch {

namespace fs = std::filesystem;

namespace {

std::string in_words(uint64_t bytes) {
  constexpr double kKilo = 1000;
  double value = static_cast<double>(bytes);
  const char* unit = "bytes";
  for (const char* next : {"kB", "MB", "GB", "TB"}) {
    if (value < kKilo) break;
    value /= kKilo;
    unit = next;
  }
  return fmt::format("{:.{}f} {}", value, unit[0] == 'b' ? 0 : 1, unit);
}

}  // namespace

void require_space(const fs::path& folder, uint64_t bytes, const std::string& what) {
  struct statvfs system {};
  if (statvfs(folder.c_str(), &system) != 0) return;  // the write will say it
  const auto unit = static_cast<uint64_t>(system.f_frsize), blocks = static_cast<uint64_t>(system.f_bavail);
  if (blocks >= bytes / unit + 1 || bytes == 0) return;
  throw base::WriteError(fmt::format("{}: {} {}, but only {} are free there; make room, or name another disk with --root DIR",
                                     folder.string(), what, in_words(bytes), in_words(blocks * unit)));
}

void make_folder(const fs::path& folder) {
  if (const std::string why = base::why_no_folder(folder); !why.empty())
    throw base::Error(
        fmt::format("{}: cannot be a folder: {}; move that away, or name another place with --root DIR", folder.string(), why));
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) throw base::WriteError(cannot_write(folder, error.value()));
}

std::string cannot_write(const fs::path& file, int error) {
  const bool full = error == ENOSPC || error == EDQUOT || error == EFBIG;
  return fmt::format("{}: cannot be written: {}{}", file.string(), std::strerror(error),
                     full ? "; make room, or name another disk with --root DIR" : "");
}

void rename_new(const fs::path& from, const fs::path& to) {
  std::error_code error;
  fs::create_directories(to.parent_path(), error);
  int done = renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE);
  if (done != 0 && (errno == EINVAL || errno == ENOSYS)) {  // the file system knows no such rename
    errno = EEXIST;
    if (!base::is_taken(to)) done = rename(from.c_str(), to.c_str());
  }
  if (done != 0 && errno == EEXIST)
    throw base::Error(fmt::format("{}: is there already and was not made by clbench; move it away", to.string()));
  if (done != 0) throw base::WriteError(cannot_write(to, errno));
  const base::Descriptor folder(open(to.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (folder.get() >= 0) fsync(folder.get());
}

}  // namespace clb::fetch
