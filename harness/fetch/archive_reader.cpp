#include "archive_reader.hpp"

#include <archive.h>
#include <archive_entry.h>
#include <fmt/format.h>
#include <locale.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <clb/base/error.hpp>
#include <clb/base/text.hpp>
#include <fstream>

#include "entry_path.hpp"

namespace clb::fetch {
namespace {

namespace fs = std::filesystem;

constexpr size_t kBlock = 1 << 18;

// libarchive brings names into the locale's letters, and gives none where these lack one. The program runs in the locale "C", this thread
// has UTF-8 meanwhile.
class Utf8Locale {
 public:
  Utf8Locale() : locale_(newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr)), before_(locale_ ? uselocale(locale_) : nullptr) {}
  ~Utf8Locale() {
    if (!locale_) return;
    uselocale(before_);
    freelocale(locale_);
  }
  Utf8Locale(const Utf8Locale&) = delete;
  Utf8Locale& operator=(const Utf8Locale&) = delete;

 private:
  locale_t locale_, before_;
};

}  // namespace

ArchiveReader::ArchiveReader(const fs::path& file, const Limits& limits, const Progress& progress, const std::string& what)
    : file_(file), limits_(limits), progress_(progress), what_(what), size_(fs::file_size(file)), archive_(archive_read_new()) {
  archive_read_support_format_tar(archive_);
  archive_read_support_format_zip(archive_);
  archive_read_support_filter_xz(archive_);
  try {
    open_file();
  } catch (...) {
    close();
    throw;
  }
}

void ArchiveReader::open_file() {
  char begin[2] = {};
  std::ifstream(file_, std::ios::binary).read(begin, sizeof begin);
  if (std::string_view(begin, sizeof begin) != "\x1f\x8b") {
    if (archive_read_open_filename(archive_, file_.c_str(), kBlock) != ARCHIVE_OK) damaged("it");
    return;
  }
  gzip_ = gzopen(file_.c_str(), "rbe");
  if (!gzip_) throw base::Error(fmt::format("{}: cannot be read", file_.string()));
  buffer_.resize(kBlock);
  if (archive_read_open(archive_, this, nullptr, read_gzip, nullptr) != ARCHIVE_OK) damaged("it");
}

ssize_t ArchiveReader::read_gzip(archive* reader, void* self, const void** buffer) {
  auto& own = *static_cast<ArchiveReader*>(self);
  const int got = gzread(own.gzip_, own.buffer_.data(), static_cast<unsigned>(own.buffer_.size()));
  int code = Z_OK;
  const char* said = gzerror(own.gzip_, &code);
  if (got < 0 || code == Z_BUF_ERROR) {  // the latter: it ends in the middle
    archive_set_error(reader, EIO, "%s", said);
    return -1;
  }
  *buffer = own.buffer_.data();
  return got;
}

// The checksum stands at the end, which lies behind what makes the end of a tar.
void ArchiveReader::expect_end_of_gzip() {
  const void* ignored = nullptr;
  ssize_t got = 1;
  while (gzip_ && got > 0) got = read_gzip(archive_, this, &ignored);
  if (got < 0) damaged("its end");
}

ArchiveReader::~ArchiveReader() { close(); }

void ArchiveReader::close() {
  archive_read_free(archive_);
  if (gzip_) gzclose(gzip_);
}

void ArchiveReader::refuse(const std::string& why) const {
  throw base::Error(fmt::format("{}: the entry \"{}\" {}; the archive is not unpacked", file_.string(), base::printable(name_), why));
}

void ArchiveReader::damaged(const std::string& of_what) const {
  const char* said = archive_error_string(archive_);
  throw base::Error(
      fmt::format("{}: {} cannot be read ({}); the archive is damaged, incomplete or of another kind than tar, tar.gz, tar.xz "
                  "and zip",
                  file_.string(), of_what, base::printable(said ? said : "no reason given")));
}

void ArchiveReader::tell() const {
  const int64_t at = gzip_ ? gzoffset(gzip_) : archive_filter_bytes(archive_, -1);
  if (progress_) progress_(what_, std::min(size_, static_cast<uint64_t>(std::max<int64_t>(at, 0))), size_);
}

bool ArchiveReader::next(ArchiveEntry& entry) {
  const Utf8Locale utf8;
  for (;;) {
    const int got = archive_read_next_header(archive_, &entry_);
    if (got == ARCHIVE_EOF) {
      if (entries_ == 0) throw base::Error(fmt::format("{}: the archive holds no files", file_.string()));
      expect_end_of_gzip();
      return false;
    }
    if (got != ARCHIVE_OK && got != ARCHIVE_WARN) damaged(fmt::format("entry {}", entries_ + 1));
    const char* name = archive_entry_pathname(entry_);
    name_ = name ? name : "";
    of_entry_ = 0;
    if (archive_entry_is_encrypted(entry_))
      throw base::Error(fmt::format("{}: the archive is protected by a password, which clbench does not ask for", file_.string()));
    check_name(entry);
    if (entry.name.empty()) continue;  // "./"
    if (++entries_ > limits_.entries) refuse(fmt::format("is one more than {}, the most that are unpacked", limits_.entries));
    check_kind(entry);
    tell();
    return true;
  }
}

void ArchiveReader::check_name(ArchiveEntry& entry) {
  const auto name = inner_name(name_);
  if (!name) refuse("would land outside of the folder, or has a name with control characters");
  entry.name = *name;
}

void ArchiveReader::check_kind(ArchiveEntry& entry) {
  if (const char* first = archive_entry_hardlink(entry_)) {
    const auto name = inner_name(first);
    if (!name || !files_.contains(*name))
      refuse(fmt::format("is a link to \"{}\", which is no file of the archive before it", base::printable(first)));
    entry.kind = ArchiveEntry::Kind::kSameFile;
    entry.target = *name;
  } else if (const char* target = archive_entry_symlink(entry_)) {
    if (!link_target(entry.name, target)) refuse(fmt::format("is a link to \"{}\", which leads outside", base::printable(target)));
    entry.kind = ArchiveEntry::Kind::kLink;
    entry.target = target;
  } else if (archive_entry_filetype(entry_) == AE_IFDIR) {
    entry.kind = ArchiveEntry::Kind::kFolder;
    folders_.insert(entry.name);
    return;
  } else if (archive_entry_filetype(entry_) == AE_IFREG) {
    entry.kind = ArchiveEntry::Kind::kFile;
    if (archive_entry_size_is_set(entry_)) count_bytes(static_cast<uint64_t>(std::max<int64_t>(archive_entry_size(entry_), 0)));
  } else {
    refuse("is no file, folder or link");
  }
  if (!files_.insert(entry.name).second || folders_.contains(entry.name)) refuse("is there twice");
}

// The stated size counts before the first byte comes, and what comes counts where it is more.
void ArchiveReader::count_bytes(uint64_t end_of_entry) {
  if (end_of_entry <= of_entry_) return;
  const uint64_t more = end_of_entry - of_entry_;
  if (more > limits_.bytes || bytes_ > limits_.bytes - more)
    refuse(fmt::format("makes it more than {} bytes, the most that are unpacked", limits_.bytes));
  bytes_ += more;
  of_entry_ = end_of_entry;
  if (bytes_ > limits_.whatever_ratio && bytes_ / std::max<uint64_t>(size_, 1) >= limits_.ratio)
    refuse(fmt::format("makes it {} times as large as the archive is; {} times is the most that is unpacked",
                       bytes_ / std::max<uint64_t>(size_, 1), limits_.ratio));
}

bool ArchiveReader::read(std::span<const uint8_t>& bytes, uint64_t& offset) {
  const void* data = nullptr;
  size_t count = 0;
  int64_t at = 0;
  const int got = archive_read_data_block(archive_, &data, &count, &at);
  if (got == ARCHIVE_EOF) return false;
  if (got != ARCHIVE_OK || at < 0) damaged(fmt::format("the entry \"{}\"", base::printable(name_)));
  bytes = {static_cast<const uint8_t*>(data), count};
  offset = static_cast<uint64_t>(at);
  count_bytes(offset + count);
  tell();
  return true;
}

}  // namespace clb::fetch
