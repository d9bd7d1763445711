#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <clb/base/error.hpp>
#include <clb/base/file.hpp>
#include <clb/base/temporary.hpp>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <sstream>
#include <thread>
#include <utility>

namespace clb::base {

namespace {

constexpr int kTries = 5;
constexpr auto kBetweenTries = std::chrono::milliseconds(10);
constexpr size_t kMostText = 256;
constexpr const char* kJobLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.+-";
constexpr size_t kMostJob = 64;

// Closes a descriptor that nobody took.
class Opened {
 public:
  explicit Opened(int fd) : fd_(fd) {}
  ~Opened() {
    if (fd_ >= 0) close(fd_);
  }
  Opened(const Opened&) = delete;
  Opened& operator=(const Opened&) = delete;
  int get() const { return fd_; }
  int release() { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

bool is_of(const std::string& word, const char* letters) { return word.find_first_not_of(letters) == std::string::npos; }

// What stands in a lock; empty members are not known.
struct Holder {
  std::string pid, host, since, job;

  static Holder read(const std::string& text) {
    std::istringstream words(text);
    Holder holder;
    std::string more;
    words >> holder.pid >> holder.host >> holder.since >> holder.job;
    const bool ours = is_of(holder.pid, "0123456789") && is_of(holder.host, kHostLetters) && is_of(holder.since, "0123456789-:TZ") &&
                      is_of(holder.job, kJobLetters) && !(words >> more);
    return ours ? holder : Holder{};
  }

  static Holder me() {
    char at[32] = {};
    const std::time_t now = std::time(nullptr);
    std::tm utc{};
    std::strftime(at, sizeof at, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &utc));
    const char* job = std::getenv("SLURM_JOB_ID");
    const bool named = job && *job && std::strlen(job) <= kMostJob && is_of(job, kJobLetters);
    return {std::to_string(getpid()), host_name(), at, named ? job : ""};
  }

  std::string line() const { return pid + " " + host + " " + since + (job.empty() ? "" : " " + job) + "\n"; }

  std::string words() const {
    if (pid.empty()) return "another process";
    const std::string details = (job.empty() ? "" : "job " + job + ", ") + "since " + since;
    return "process " + pid + (host.empty() ? "" : " on " + host) + (since.empty() ? "" : " (" + details + ")");
  }

  bool elsewhere() const { return !host.empty() && host != host_name(); }
};

std::string text_of(int fd, const fs::path& file) {
  char text[kMostText];
  const ssize_t n = pread(fd, text, sizeof text, 0);
  if (n < 0) throw Error(file.string() + ": cannot be read: " + std::strerror(errno));
  return {text, static_cast<size_t>(n)};
}

// A lock is empty, or one line that begins with a pid. Somebody's Cargo.lock beside `--db Cargo` is neither.
void require_lock(const std::string& held, const fs::path& file) {
  const std::string pid = held.substr(0, held.find_first_of(" \n"));
  const bool number = !pid.empty() && is_of(pid, "0123456789");
  if (held.empty() || (number && held.size() < kMostText && held.find('\n') == held.size() - 1)) return;
  throw Error(file.string() + ": is needed as a lock, exists and is none; move it away, or give another name to what it stands beside");
}

bool no_locks_here(int error) { return error == ENOSYS || error == EOPNOTSUPP || error == ENOLCK; }

// False: somebody else holds it, and `wait` is false.
bool lock_opened(int fd, const fs::path& file, bool wait) {
  for (int tries = 1; flock(fd, wait ? LOCK_EX : LOCK_EX | LOCK_NB) != 0;) {
    if (errno == EINTR) continue;
    if (no_locks_here(errno))
      throw Error(file.string() + ": this file system (" + file_system_of(file).name + ") takes no locks (" + std::strerror(errno) +
                  "); have it mounted with locks, or work in a folder on another one");
    if (errno != EWOULDBLOCK) throw Error(file.string() + ": cannot be locked: " + std::strerror(errno));
    if (tries++ == kTries) return false;
    std::this_thread::sleep_for(kBetweenTries);  // held() of another process holds it for a moment
  }
  return true;
}

int open_for_locking(const fs::path& file) {
  const int fd = open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  if (fd < 0) throw WriteError(file.string() + ": cannot be opened for locking: " + std::strerror(errno));
  return fd;
}

// A failure (a full disk, say) only makes a worse message.
void sign(int fd) {
  const std::string text = Holder::me().line();
  [[maybe_unused]] const bool told = ftruncate(fd, 0) == 0 && pwrite(fd, text.data(), text.size(), 0) > 0;
}

// The descriptor of the locked file, -1 when somebody else holds it and `wait` is false.
int lock_file(const fs::path& file, bool wait) {
  Opened fd(open_for_locking(file));
  if (!lock_opened(fd.get(), file, wait)) return -1;
  require_lock(text_of(fd.get(), file), file);
  sign(fd.get());
  return fd.release();
}

}  // namespace

FileLock FileLock::wait(const fs::path& file) { return FileLock(lock_file(file, true)); }

std::optional<FileLock> FileLock::try_lock(const fs::path& file) {
  const int fd = lock_file(file, false);
  if (fd < 0) return std::nullopt;
  return FileLock(fd);
}

FileLock FileLock::own(const fs::path& file, const std::string& subject, const std::string& advice) {
  return own(file, subject, advice, file_system_of(file));
}

FileLock FileLock::own(const fs::path& file, const std::string& subject, const std::string& advice, const FileSystem& on) {
  Opened fd(open_for_locking(file));
  if (!lock_opened(fd.get(), file, false)) throw Error(subject + ": " + holder(file) + " is writing to it; " + advice);
  const std::string text = text_of(fd.get(), file);
  require_lock(text, file);
  if (const Holder before = Holder::read(text); !on.local && before.elsewhere())
    throw Error(subject + ": " + before.words() + " has not let go of it, and nobody can see from " + host_name() +
                " whether that still runs (file system: " + on.name + "); when it has ended, remove " + file.string() + " and try again");
  sign(fd.get());
  return FileLock(fd.release());
}

bool FileLock::held(const fs::path& file) { return held(file, file_system_of(file)); }

bool FileLock::held(const fs::path& file, const FileSystem& on) {
  const Opened fd(open(file.c_str(), O_RDONLY | O_CLOEXEC));
  if (fd.get() < 0) return false;
  if (flock(fd.get(), LOCK_SH | LOCK_NB) != 0) return errno == EWOULDBLOCK;
  return !on.local && Holder::read(text_of(fd.get(), file)).elsewhere();
}

std::string FileLock::holder(const fs::path& file) {
  try {
    return Holder::read(read_file(file, kMostText)).words();
  } catch (const Error&) {
    return Holder{}.words();
  }
}

FileLock::~FileLock() {
  if (fd_ < 0) return;
  // The name is wiped while the lock is still held, so that nobody reads that of a process that let go. A failure only makes a worse
  // message.
  [[maybe_unused]] const int wiped = ftruncate(fd_, 0);
  close(fd_);
}

FileLock::FileLock(FileLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

FileLock& FileLock::operator=(FileLock&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

}  // namespace clb::base
