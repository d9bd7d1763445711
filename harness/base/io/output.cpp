#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <clb/base/error.hpp>
#include <clb/base/output.hpp>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <utility>

namespace clb::base {
namespace {

constexpr int kMostLinks = 40;  // as the kernel has it

[[noreturn]] void refuse(const fs::path& named, const std::string& why) { throw Error(named.string() + ": " + why); }

std::optional<struct stat> status_of(const fs::path& path) {
  struct stat status;
  if (stat(path.c_str(), &status) != 0) return std::nullopt;
  return status;
}

// N of /proc/self/fd/N, which /dev/stdout and /dev/fd/N lead to: a link that only the kernel can follow.
std::optional<int> open_descriptor(const fs::path& path) {
  std::error_code error;
  const fs::path folder = fs::canonical(path.parent_path(), error);
  if (error || folder != "/proc/" + std::to_string(getpid()) + "/fd") return std::nullopt;
  const std::string number = path.filename();
  if (number.empty() || number.find_first_not_of("0123456789") != std::string::npos) return std::nullopt;
  return std::atoi(number.c_str());
}

std::string ends_of(const fs::path& file, uintmax_t size) {
  std::ifstream in(file, std::ios::binary);
  if (!in) refuse(file, "exists and cannot be read, so that nobody knows what it is; give another name, or --force");
  std::string ends(static_cast<size_t>(std::min<uintmax_t>(size, kMarkBytes)), '\0');
  in.read(ends.data(), static_cast<std::streamsize>(ends.size()));
  if (size <= kMarkBytes) return ends;
  std::string tail(kMarkBytes, '\0');
  in.seekg(-static_cast<std::streamoff>(kMarkBytes), std::ios::end);
  in.read(tail.data(), static_cast<std::streamsize>(tail.size()));
  return ends + tail;
}

void require_own(const fs::path& named, const fs::path& real, uintmax_t size, const OutputRule& rule) {
  if (size == 0 || rule.force || (rule.is_own && rule.is_own(ends_of(real, size)))) return;
  refuse(named, "exists and is not " + rule.what + "; give another name, or --force to replace it");
}

void write_whole(int fd, std::string_view bytes, const fs::path& named) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw Error(named.string() + ": cannot be written: " + std::strerror(errno));
    bytes.remove_prefix(static_cast<size_t>(n));
  }
}

}  // namespace

fs::path followed(const fs::path& named) {
  fs::path path = named;
  for (int links = 0;; ++links) {
    std::error_code error;
    if (open_descriptor(path) || !fs::is_symlink(fs::symlink_status(path, error))) return path;
    if (links == kMostLinks) refuse(named, "is a link that leads in a circle; give another name");
    const fs::path target = fs::read_symlink(path, error);
    if (error) refuse(named, "is a link that cannot be followed: " + error.message());
    path = target.is_absolute() ? target : path.parent_path() / target;
  }
}

bool same_file(const fs::path& a, const fs::path& b) {
  if (a.empty() || b.empty()) return false;
  const auto one = status_of(a), other = status_of(b);
  if (one && other) return one->st_dev == other->st_dev && one->st_ino == other->st_ino;
  if (one || other) return false;
  const auto place = [](const fs::path& path) {
    std::error_code error;
    const fs::path real = fs::absolute(followed(path));
    return fs::weakly_canonical(real.parent_path(), error) / real.filename();
  };
  return place(a) == place(b);
}

void require_output(const fs::path& named, const OutputRule& rule) {
  if (named.empty()) throw Error("a name of a file to write is empty; give one");
  const fs::path real = followed(named);
  for (const fs::path& input : rule.inputs) {
    if (!same_file(real, input)) continue;
    const std::string what = input == named ? "what" : "the same file as " + input.string() + ", which";
    refuse(named, "is " + what + " this command itself needs; give another name for what it writes");
  }
  const auto status = status_of(real);
  if (!status) {
    const fs::path folder = real.has_parent_path() ? real.parent_path() : fs::path(".");
    if (!fs::is_directory(folder)) refuse(named, "there is no folder " + folder.string() + "; make it, or give another name");
    return;
  }
  if (S_ISDIR(status->st_mode)) refuse(named, "is a folder; give the name of a file");
  if (S_ISBLK(status->st_mode)) refuse(named, "is a disk; give the name of a file");
  if (S_ISREG(status->st_mode) && !open_descriptor(real)) require_own(named, real, static_cast<uintmax_t>(status->st_size), rule);
}

Output::Output(const fs::path& named, const OutputRule& rule) : named_(named) {
  require_output(named, rule);
  const fs::path real = followed(named);
  if (const auto descriptor = open_descriptor(real)) {
    stream_ = fcntl(*descriptor, F_DUPFD_CLOEXEC, 0);  // opened anew, a file would be written from its beginning
  } else if (const auto status = status_of(real); status && !S_ISREG(status->st_mode)) {
    stream_ = open(real.c_str(), O_WRONLY | O_CLOEXEC | O_NOCTTY);
  } else {
    file_.emplace(real);
    return;
  }
  if (stream_ < 0) throw Error(named.string() + ": cannot be opened for writing: " + std::strerror(errno));
}

Output::~Output() {
  if (stream_ >= 0) close(stream_);
}

void Output::write(std::string_view bytes) { file_ ? file_->write(bytes) : write_whole(stream_, bytes, named_); }

void Output::finish() {
  if (file_) return file_->finish();
  if (close(std::exchange(stream_, -1)) != 0) throw Error(named_.string() + ": cannot be written: " + std::strerror(errno));
}

void write_output(const fs::path& named, std::string_view bytes, const OutputRule& rule) {
  Output out(named, rule);
  out.write(bytes);
  out.finish();
}

}  // namespace clb::base
