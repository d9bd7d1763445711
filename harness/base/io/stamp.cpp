#include <sys/stat.h>

#include <cerrno>
#include <clb/base/error.hpp>
#include <clb/base/stamp.hpp>
#include <cstring>
#include <ctime>

namespace clb::base {

namespace {

constexpr int64_t kCoarsest = 2;  // seconds, of FAT

Moment moment(const timespec& time) { return {time.tv_sec, time.tv_nsec}; }

Stamp stamp(const struct stat& status) {
  return {.device = status.st_dev,
          .inode = status.st_ino,
          .size = static_cast<uint64_t>(status.st_size),
          .kind = status.st_mode & S_IFMT,
          .modified = moment(status.st_mtim),
          .changed = moment(status.st_ctim)};
}

std::string text_of(const Moment& moment) { return std::to_string(moment.seconds) + "." + std::to_string(moment.nanoseconds); }

}  // namespace

Moment now() {
  timespec time{};
  clock_gettime(CLOCK_REALTIME, &time);
  return moment(time);
}

bool Stamp::is_folder() const { return S_ISDIR(kind); }
bool Stamp::is_file() const { return S_ISREG(kind); }

std::string Stamp::text() const {
  return std::to_string(device) + " " + std::to_string(inode) + " " + std::to_string(kind) + " " + std::to_string(size) + " " +
         text_of(modified) + " " + text_of(changed);
}

bool Stamp::settled(const Moment& moment) const {
  const int64_t latest = moment.seconds - kCoarsest;
  return modified.seconds < latest && changed.seconds < latest;
}

std::optional<Stamp> stamp_of(const std::filesystem::path& path) {
  struct stat status;
  if (stat(path.c_str(), &status) != 0) return std::nullopt;
  return stamp(status);
}

Stamp stamp_of(int descriptor) {
  struct stat status;
  if (fstat(descriptor, &status) != 0)
    throw Error(std::string("an open file cannot be examined: ") + std::strerror(errno), Exit::kInternal);
  return stamp(status);
}

}  // namespace clb::base
