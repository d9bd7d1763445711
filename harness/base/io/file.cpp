#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <clb/base/error.hpp>
#include <clb/base/file.hpp>
#include <cstdlib>
#include <cstring>
#include <utility>

namespace clb::base {

namespace {

[[noreturn]] void fail(const fs::path& file, const std::string& what, int error = errno) {
  throw Error(file.string() + ": " + what + ": " + std::strerror(error));
}

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) close(fd_);
  }
  Descriptor(Descriptor&& other) noexcept : fd_(other.release()) {}
  int get() const { return fd_; }
  int release() { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

struct Opened {
  Descriptor fd;
  uint64_t size;
};

Opened open_regular(const fs::path& file) {
  Opened opened{Descriptor(open(file.c_str(), O_RDONLY | O_CLOEXEC)), 0};
  if (opened.fd.get() < 0) fail(file, "cannot be opened for reading");
  struct stat status;
  if (fstat(opened.fd.get(), &status) != 0) fail(file, "cannot be examined");
  if (!S_ISREG(status.st_mode)) throw Error(file.string() + ": is no regular file");
  opened.size = static_cast<uint64_t>(status.st_size);
  return opened;
}

void write_all(int fd, std::string_view bytes, const fs::path& file) {
  while (!bytes.empty()) {
    const ssize_t n = write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) fail(file, "cannot be written");
    bytes.remove_prefix(static_cast<size_t>(n));
  }
}

void sync_folder(const fs::path& folder) {
  Descriptor fd(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  // Some file systems refuse fsync on a folder (EINVAL); there the rename alone has to do.
  if (fd.get() < 0 || (fsync(fd.get()) != 0 && errno != EINVAL)) fail(folder, "cannot be synchronised");
}

}  // namespace

std::string read_file(const fs::path& file, uint64_t limit) {
  const Opened opened = open_regular(file);
  if (opened.size > limit) {
    throw Error(file.string() + ": has " + std::to_string(opened.size) + " bytes, more than the limit of " + std::to_string(limit));
  }
  std::string bytes(opened.size, '\0');
  size_t got = 0;
  while (got < bytes.size()) {
    const ssize_t n = read(opened.fd.get(), bytes.data() + got, bytes.size() - got);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) fail(file, "cannot be read at offset " + std::to_string(got));
    if (n == 0) break;  // it shrank since fstat
    got += static_cast<size_t>(n);
  }
  bytes.resize(got);
  return bytes;
}

AtomicFile::AtomicFile(const fs::path& file) : file_(file) {
  static std::atomic<unsigned> counter{0};
  temporary_ = fs::path(file.string() + "." + std::to_string(getpid()) + "." + std::to_string(counter++) + ".tmp");
  fd_ = open(temporary_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (fd_ < 0) fail(file, "cannot be created");
}

AtomicFile::~AtomicFile() {
  if (fd_ < 0) return;
  close(fd_);
  unlink(temporary_.c_str());
}

void AtomicFile::write(std::string_view bytes) { write_all(fd_, bytes, file_); }

void AtomicFile::finish() {
  // What is replaced keeps its permissions: a file that nobody else may read stays so.
  struct stat replaced;
  if (stat(file_.c_str(), &replaced) == 0) fchmod(fd_, replaced.st_mode & 07777);
  if (fsync(fd_) != 0) fail(file_, "cannot be written to disk");
  if (rename(temporary_.c_str(), file_.c_str()) != 0) fail(file_, "cannot be replaced");
  close(std::exchange(fd_, -1));
  sync_folder(file_.has_parent_path() ? file_.parent_path() : fs::path("."));
}

void write_file_atomic(const fs::path& file, std::string_view bytes) {
  AtomicFile out(file);
  out.write(bytes);
  out.finish();
}

MappedFile::MappedFile(const fs::path& file) : path_(file) {
  const Opened opened = open_regular(file);
  if (opened.size == 0) return;
  void* data = mmap(nullptr, opened.size, PROT_READ, MAP_SHARED, opened.fd.get(), 0);
  if (data == MAP_FAILED) fail(file, "cannot be mapped");
  data_ = static_cast<const uint8_t*>(data);
  size_ = opened.size;
}

MappedFile::~MappedFile() {
  if (data_) munmap(const_cast<uint8_t*>(data_), size_);
}

void MappedFile::release_pages() const {
  if (data_) madvise(const_cast<uint8_t*>(data_), size_, MADV_DONTNEED);
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)), path_(std::move(other.path_)) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  std::swap(path_, other.path_);
  return *this;
}

namespace {

// A lock is empty, or one line that begins with a pid. Somebody's Cargo.lock beside `--db Cargo` is neither.
void require_lock(int fd, const fs::path& file) {
  char text[256];
  const ssize_t n = pread(fd, text, sizeof text, 0);
  if (n < 0) fail(file, "cannot be read");
  const std::string_view held(text, static_cast<size_t>(n));
  const std::string_view pid = held.substr(0, held.find_first_of(" \n"));
  const bool number = !pid.empty() && pid.find_first_not_of("0123456789") == std::string_view::npos;
  if (held.empty() || (number && held.size() < sizeof text && held.find('\n') == held.size() - 1)) return;
  throw Error(file.string() + ": is needed as a lock, exists and is none; move it away, or give another name to what it stands beside");
}

// The descriptor of the locked file, -1 when somebody else holds it and `wait` is false.
int lock_file(const fs::path& file, bool wait) {
  Descriptor fd(open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666));
  if (fd.get() < 0) fail(file, "cannot be opened for locking");
  while (flock(fd.get(), wait ? LOCK_EX : LOCK_EX | LOCK_NB) != 0) {
    if (errno == EINTR) continue;
    if (errno == EWOULDBLOCK) return -1;
    fail(file, "cannot be locked");
  }
  require_lock(fd.get(), file);
  if (ftruncate(fd.get(), 0) != 0) fail(file, "cannot be written");
  write_all(fd.get(), std::to_string(getpid()) + "\n", file);
  return fd.release();
}

}  // namespace

FileLock FileLock::wait(const fs::path& file) { return FileLock(lock_file(file, true)); }

std::optional<FileLock> FileLock::try_lock(const fs::path& file) {
  const int fd = lock_file(file, false);
  if (fd < 0) return std::nullopt;
  return FileLock(fd);
}

long FileLock::holder(const fs::path& file) {
  try {
    const long pid = std::strtol(read_file(file, 32).c_str(), nullptr, 10);
    return pid > 0 ? pid : 0;
  } catch (const Error&) {
    return 0;
  }
}

FileLock::~FileLock() {
  if (fd_ < 0) return;
  // The pid is wiped while the lock is still held, so that nobody reads that of a process that let go. A failure only makes a worse
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
