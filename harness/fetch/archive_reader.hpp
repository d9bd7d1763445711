// libarchive's reader with our errors: entries one after the other, each checked.
#pragma once

#include <sys/types.h>
#include <clb/fetch/unpack.hpp>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <unordered_set>
#include <vector>

struct gzFile_s;
struct archive;
struct archive_entry;

namespace clb::fetch {

struct ArchiveEntry {
  enum class Kind { kFolder, kFile, kLink, kSameFile } kind = Kind::kFile;  // kSameFile: a second name of a file that came before
  std::string name;                                                         // an inner name (entry_path.hpp); never ""
  std::string target;  // of a link as it is written; of a second name the first, as an inner name
};

// One pass. Every Error names the archive, and the entry where it is about one.
class ArchiveReader {
 public:
  ArchiveReader(const std::filesystem::path& file, const Limits& limits, const Progress& progress, const std::string& what);
  ~ArchiveReader();
  ArchiveReader(const ArchiveReader&) = delete;
  ArchiveReader& operator=(const ArchiveReader&) = delete;

  bool next(ArchiveEntry& entry);  // false: that was the last

  // The next bytes of the file and where in it they belong; false: its end.
  bool read(std::span<const uint8_t>& bytes, uint64_t& offset);

  uint64_t entries() const { return entries_; }
  uint64_t bytes() const { return bytes_; }

 private:
  [[noreturn]] void refuse(const std::string& why) const;  // of the entry
  [[noreturn]] void damaged(const std::string& of_what) const;
  void check_name(ArchiveEntry& entry);
  void check_kind(ArchiveEntry& entry);
  void count_bytes(uint64_t end_of_entry);
  void tell() const;
  void open_file();
  void close();
  void expect_end_of_gzip();
  static ssize_t read_gzip(archive* reader, void* self, const void** buffer);

  std::filesystem::path file_;
  Limits limits_;
  const Progress& progress_;
  std::string what_;
  uint64_t size_ = 0, entries_ = 0, bytes_ = 0, of_entry_ = 0;
  std::string name_;  // of the entry, as it is written there
  std::unordered_set<std::string> files_, folders_;
  gzFile_s* gzip_ = nullptr;  // of a gzip file, which is read through zlib: libarchive does not compare its checksum
  std::vector<char> buffer_;
  archive* archive_;
  archive_entry* entry_ = nullptr;
};

}  // namespace clb::fetch
