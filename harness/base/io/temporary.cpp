#include <fcntl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <clb/base/error.hpp>
#include <clb/base/temporary.hpp>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <vector>

namespace clb::base {

namespace fs = std::filesystem;

namespace {

constexpr size_t kMostHost = 32, kMostName = 150;  // of the 255 bytes that a file's name may have
constexpr size_t kRandomDigits = 16;
constexpr std::string_view kEnd = ".tmp";

[[noreturn]] void fail(const fs::path& path) { throw WriteError(path.string() + ": cannot be created: " + std::strerror(errno)); }

std::string random_digits() {
  uint64_t random = 0;
  while (getrandom(&random, sizeof random, 0) != static_cast<ssize_t>(sizeof random)) {
    if (errno != EINTR) throw Error(std::string("the system gives no random numbers: ") + std::strerror(errno), Exit::kInternal);
  }
  char digits[kRandomDigits + 1];
  std::snprintf(digits, sizeof digits, "%016llx", static_cast<unsigned long long>(random));
  return digits;
}

std::string stem_of(const fs::path& file) { return file.filename().string().substr(0, kMostName); }

struct Temporary {
  std::string_view stem, host;
};

// Of STEM.HOST.PID.RANDOM.tmp, or of that with what SQLite adds to the name of its database; empty for any other name.
Temporary parts_of(std::string_view name) {
  for (const std::string_view beside : {"-wal", "-shm", "-journal"})
    if (name.ends_with(beside)) name.remove_suffix(beside.size());
  if (!name.ends_with(kEnd)) return {};
  name.remove_suffix(kEnd.size());
  const auto last_part = [&](const char* letters) {  // empty: other letters, or nothing before it
    const size_t dot = name.rfind('.');
    if (dot == std::string_view::npos || name.substr(dot + 1).find_first_not_of(letters) != std::string_view::npos)
      return std::string_view();
    const std::string_view part = name.substr(dot + 1);
    name.remove_suffix(part.size() + 1);
    return part;
  };
  if (last_part("0123456789abcdef").size() != kRandomDigits || last_part("0123456789").empty()) return {};
  const std::string_view host = last_part(kHostLetters);
  return host.empty() ? Temporary{} : Temporary{name, host};
}

}  // namespace

std::string host_name() {
  char name[256] = {};
  if (gethostname(name, sizeof name - 1) != 0 || name[0] == '\0') return "unknown";
  std::string host = std::string(name).substr(0, kMostHost);
  for (char& c : host)
    if (std::strchr(kHostLetters, c) == nullptr) c = '-';
  return host;
}

fs::path temporary_beside(const fs::path& file) {
  static const std::string host = host_name();
  return file.parent_path() / (stem_of(file) + "." + host + "." + std::to_string(getpid()) + "." + random_digits() + std::string(kEnd));
}

fs::path temporary_file_beside(const fs::path& file) {
  fs::path made = temporary_beside(file);
  const int fd = open(made.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (fd < 0) fail(made);
  close(fd);
  return made;
}

fs::path temporary_folder_beside(const fs::path& folder) {
  fs::path made = temporary_beside(folder);
  if (mkdir(made.c_str(), 0777) != 0) fail(made);
  return made;
}

void remove_stale_temporaries(const fs::path& folder, const std::string& of) {
  remove_stale_temporaries(folder, of, file_system_of(folder.empty() ? fs::path(".") : folder));
}

void remove_stale_temporaries(const fs::path& folder, const std::string& of, const FileSystem& on) {
  if (of.size() > kMostName) return;  // its name was cut: several files may share it
  const std::string me = host_name();
  std::error_code error, ignored;
  std::vector<fs::path> stale;
  for (fs::directory_iterator entry(folder.empty() ? fs::path(".") : folder, error), end; !error && entry != end; entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    const auto [stem, host] = parts_of(name);
    if (!stem.empty() && (of.empty() || stem == of) && (on.local || host == me)) stale.push_back(entry->path());
  }
  for (const fs::path& path : stale) fs::remove_all(path, ignored);
}

}  // namespace clb::base
