#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <clb/base/descriptor.hpp>
#include <clb/base/error.hpp>
#include <clb/base/file.hpp>
#include <clb/base/temporary.hpp>
#include <clb/base/there.hpp>
#include <cstdlib>
#include <cstring>
#include <utility>

namespace clb::base {

namespace {

[[noreturn]] void fail(const fs::path& file, const std::string& what, int error = errno) {
  throw Error(file.string() + ": " + what + ": " + std::strerror(error));
}

[[noreturn]] void fail_writing(const fs::path& file, const std::string& what, int error = errno) {
  throw WriteError(file.string() + ": " + what + ": " + std::strerror(error));
}

struct Opened {
  Descriptor fd;
  uint64_t size;
};

Opened open_regular(const char* file) {
  Opened opened{Descriptor(open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK)), 0};  // a pipe would wait for somebody who writes
  if (opened.fd.get() < 0) {
    const int error = errno;
    if (const std::string why = why_no_folder(fs::path(file).parent_path()); !why.empty())
      throw Error(std::string(file) + ": cannot be opened for reading: " + why + ", but a folder is needed");
    fail(file, "cannot be opened for reading", error);
  }
  struct stat status;
  if (fstat(opened.fd.get(), &status) != 0) fail(file, "cannot be examined");
  if (!S_ISREG(status.st_mode)) throw Error(std::string(file) + ": is no regular file");
  opened.size = static_cast<uint64_t>(status.st_size);
  return opened;
}

template <class Bytes>
Bytes read_whole(const char* file, uint64_t limit) {
  const Opened opened = open_regular(file);
  if (opened.size > limit)
    throw Error(std::string(file) + ": has " + std::to_string(opened.size) + " bytes, more than the limit of " + std::to_string(limit));
  Bytes bytes(opened.size, 0);
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

void write_all(int fd, std::string_view bytes, const fs::path& file) {
  while (!bytes.empty()) {
    const ssize_t n = write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) fail_writing(file, "cannot be written");
    bytes.remove_prefix(static_cast<size_t>(n));
  }
}

void sync_folder(const fs::path& folder) {
  Descriptor fd(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  // Some file systems refuse fsync on a folder (EINVAL); there the rename alone has to do.
  if (fd.get() < 0 || (fsync(fd.get()) != 0 && errno != EINVAL)) fail_writing(folder, "cannot be synchronised");
}

}  // namespace

std::string read_file(const fs::path& file, uint64_t limit) { return read_whole<std::string>(file.c_str(), limit); }
std::vector<uint8_t> read_bytes(const std::string& file) { return read_whole<std::vector<uint8_t>>(file.c_str(), UINT64_MAX); }

AtomicFile::AtomicFile(const fs::path& file) : file_(file) {
  temporary_ = temporary_beside(file);
  fd_ = open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (fd_ < 0) fail_writing(file, "cannot be created");
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
  if (fsync(fd_) != 0) fail_writing(file_, "cannot be written to disk");
  if (rename(temporary_.c_str(), file_.c_str()) != 0) fail_writing(file_, "cannot be replaced");
  close(std::exchange(fd_, -1));
  sync_folder(file_.has_parent_path() ? file_.parent_path() : fs::path("."));
}

void write_file_atomic(const fs::path& file, std::string_view bytes) {
  AtomicFile out(file);
  out.write(bytes);
  out.finish();
}

// Shared, and of a descriptor that cannot write: the kernel then refuses mprotect. A private mapping would only be copied on the first
// write.
MappedFile::MappedFile(int fd, size_t size, const fs::path& path) : path_(path) {
  if (size == 0) return;
  void* data = mmap(nullptr, size, PROT_READ, MAP_SHARED, fd, 0);
  if (data == MAP_FAILED) fail(path, "cannot be mapped");
  data_ = static_cast<const uint8_t*>(data);
  size_ = size;
}

MappedFile::MappedFile(const fs::path& file, Keep keep) {
  Opened opened = open_regular(file.c_str());
  *this = MappedFile(opened.fd.get(), opened.size, file);
  if (keep == Keep::kOpen) fd_ = opened.fd.release();
}

MappedFile MappedFile::of(std::string_view bytes, const std::string& name) {
  const Descriptor writing(memfd_create("clbench", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (writing.get() < 0) fail(name, "cannot be kept in memory");
  write_all(writing.get(), bytes, name);
  const Descriptor reading(open(("/proc/self/fd/" + std::to_string(writing.get())).c_str(), O_RDONLY | O_CLOEXEC));
  if (reading.get() < 0 || fcntl(writing.get(), F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW) != 0)
    fail(name, "cannot be kept in memory");
  return MappedFile(reading.get(), bytes.size(), name);
}

MappedFile::~MappedFile() {
  if (data_) munmap(const_cast<uint8_t*>(data_), size_);
  if (fd_ >= 0) close(fd_);
}

Stamp MappedFile::stamp() const { return stamp_of(fd_); }

void MappedFile::release_pages() const {
  if (data_) madvise(const_cast<uint8_t*>(data_), size_, MADV_DONTNEED);
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)),
      size_(std::exchange(other.size_, 0)),
      fd_(std::exchange(other.fd_, -1)),
      path_(std::move(other.path_)) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  std::swap(fd_, other.fd_);
  std::swap(path_, other.path_);
  return *this;
}

}  // namespace clb::base
