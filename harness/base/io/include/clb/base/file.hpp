// Files: read whole, map, write atomically, lock. Every function throws Error with the file's name, WriteError where it could not write.
#pragma once

#include <clb/base/file_system.hpp>
#include <clb/base/stamp.hpp>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace clb::base {

namespace fs = std::filesystem;

std::string read_file(const fs::path& file, uint64_t limit = UINT64_MAX);
std::vector<uint8_t> read_bytes(const std::string& file);  // of many small files: making an fs::path of a name costs as much as reading

// Writes to a temporary name in the same folder; finish() fsyncs and renames: readers see the old file or the whole new one, also after a
// power cut. Without finish() the temporary file is removed. What is replaced hands on its permissions. For names that a user gives:
// Output.
class AtomicFile {
 public:
  explicit AtomicFile(const fs::path& file);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;

  void write(std::string_view bytes);
  void finish();

 private:
  fs::path file_, temporary_;
  int fd_;
};
void write_file_atomic(const fs::path& file, std::string_view bytes);

// A file mapped read-only, so that nothing in this process can make the memory writable. An empty file maps to an empty span.
class MappedFile {
 public:
  enum class Keep { kNothing, kOpen };  // kOpen: the file stays open too, for stamp()

  MappedFile() = default;
  explicit MappedFile(const fs::path& file, Keep keep = Keep::kNothing);
  static MappedFile of(std::string_view bytes, const std::string& name);  // a file without a place; `name` is its path()
  ~MappedFile();
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;

  std::span<const uint8_t> bytes() const { return {data_, size_}; }
  const fs::path& path() const { return path_; }
  Stamp stamp() const;  // of what is mapped, wherever the path leads by now

  // Takes the pages out of this process's resident memory; the system's page cache keeps them for the next touch. [any]
  void release_pages() const;

 private:
  MappedFile(int fd, size_t size, const fs::path& path);
  const uint8_t* data_ = nullptr;
  size_t size_ = 0;
  int fd_ = -1;
  fs::path path_;
};

// An advisory lock (flock) on a file that is created when missing; released by the destructor or the death of the process, in whatever
// container of this machine it lives. The file's text says who holds it: process, host, time, and the job of a batch system. A file that
// holds anything else is somebody's, and an Error.
//
// On this machine the lock itself is the truth and the text is for messages. On a file system that hosts share a lock of another host may
// not be seen, and a process number of it says nothing: there a text that names another host stands for a holder who lives, until a person
// removes it. What can be made again (caches) goes by the lock alone: at worst two hosts make the same.
class FileLock {
 public:
  // For what can be made again.
  static FileLock wait(const fs::path& file);
  static std::optional<FileLock> try_lock(const fs::path& file);  // nullopt: somebody else holds it

  // For what is there once: a database, a run's folder. Error when somebody else holds it, or may on another host: "SUBJECT: HOLDER is
  // writing to it; ADVICE", or how to take the lock over.
  static FileLock own(const fs::path& file, const std::string& subject, const std::string& advice);
  static FileLock own(const fs::path& file, const std::string& subject, const std::string& advice, const FileSystem& on);

  static bool held(const fs::path& file);  // somebody does, or may on another host; false when there is no such file
  static bool held(const fs::path& file, const FileSystem& on);
  static std::string holder(
      const fs::path& file);  // "process 12 on node3 (job 471, since ...)", as its holder wrote; "another process" when unknown
  ~FileLock();
  FileLock(FileLock&& other) noexcept;
  FileLock& operator=(FileLock&& other) noexcept;

 private:
  explicit FileLock(int fd) : fd_(fd) {}
  int fd_ = -1;
};

}  // namespace clb::base
