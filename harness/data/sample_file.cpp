#include <fcntl.h>
#include <libdeflate.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include <clb/base/error.hpp>
#include <clb/base/sha256.hpp>
#include <clb/base/temporary.hpp>
#include <clb/data/sample_file.hpp>
#include <cstring>

namespace clb::data {
namespace {

using base::Error;

struct Header {
  char magic[8] = {'C', 'L', 'B', 'S', 'M', 'P', 'L', '2'};
  uint64_t count = 0, names = 0;  // samples; bytes of their names
  int64_t limit = 0;
  uint64_t has_data = 0;
};
constexpr size_t kPerSample = sizeof(SampleRecord) + 2 * sizeof(int64_t) + sizeof(uint64_t), kDigest = 32;
// What is written at once. Every write costs, but from 128 KiB on ext4 takes its pages from the largest free blocks of memory, which a
// virtual machine may have given back to its host: writing to them then takes six times as long.
constexpr uint64_t kPiece = 64 << 10;
constexpr uint64_t kResident = uint64_t{256} << 20;

base::fs::path with_suffix(base::fs::path path, const char* suffix) { return path += suffix; }

// Takes arrays off the front of a file whose length has been checked.
class Arrays {
 public:
  explicit Arrays(const uint8_t* at) : at_(at) {}
  template <class T>
  std::span<const T> take(size_t count) {
    const auto* first = reinterpret_cast<const T*>(at_);
    at_ += count * sizeof(T);
    return {first, count};
  }

 private:
  const uint8_t* at_;
};

template <class T>
std::string_view raw(const std::vector<T>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
}

// The header of a whole and unchanged index.
Header checked(std::span<const uint8_t> bytes, const base::fs::path& path) {
  const auto damaged = [&](const char* what) { return Error("the decoded store " + path.string() + " is damaged: " + what); };
  Header header, wanted;
  if (bytes.size() < sizeof header + kDigest || std::memcmp(bytes.data(), wanted.magic, sizeof wanted.magic) != 0)
    throw damaged("no header");
  std::memcpy(&header, bytes.data(), sizeof header);
  const uint64_t rest = bytes.size() - sizeof header - kDigest;
  if (header.count > rest / kPerSample || rest - header.count * kPerSample != header.names)
    throw damaged("its length does not fit its count");
  const auto digest = base::sha256(bytes.first(bytes.size() - kDigest));
  if (std::memcmp(digest.data(), bytes.data() + bytes.size() - kDigest, kDigest) != 0) throw damaged("its checksum differs");
  return header;
}

}  // namespace

uint32_t crc_of(std::span<const uint8_t> bytes) { return libdeflate_crc32(0, bytes.data(), bytes.size()); }

std::unique_ptr<SampleFile> SampleFile::open(const base::fs::path& stem) {
  const auto path = with_suffix(stem, ".index");
  std::error_code unreadable;  // is as good as not there
  if (!base::fs::exists(path, unreadable)) return nullptr;
  auto file = std::make_unique<SampleFile>();
  file->data_path_ = with_suffix(stem, ".decoded");
  file->index_ = base::MappedFile(path);
  const auto bytes = file->index_.bytes();
  const Header header = checked(bytes, path);
  file->has_data_ = header.has_data != 0;
  file->limit_ = header.limit;
  Arrays arrays(bytes.data() + sizeof header);
  file->records_ = arrays.take<SampleRecord>(header.count);
  file->labels_ = arrays.take<int64_t>(header.count);
  file->domains_ = arrays.take<int64_t>(header.count);
  file->name_ends_ = arrays.take<uint64_t>(header.count);
  const auto names = arrays.take<char>(header.names);
  file->names_ = {names.data(), names.size()};
  return file;
}

std::string_view SampleFile::name(int64_t index) const {
  const auto k = static_cast<size_t>(index);
  const uint64_t begin = k == 0 ? 0 : name_ends_[k - 1];
  return names_.substr(begin, name_ends_[k] - begin);  // inside: the index is checksummed
}

void SampleFile::open_data() {
  if (!data_.path().empty()) return;
  base::MappedFile data(data_path_);
  if (data.bytes().size() != data_size())
    throw Error("the decoded store " + data_path_.string() + " is damaged: its length differs from its index");
  data_ = std::move(data);
}

std::span<const uint8_t> SampleFile::bytes(int64_t index) const {
  const SampleRecord& r = record(index);
  if (touched_.fetch_add(r.size) + r.size > kResident) {  // a store of gigabytes must not count as memory of the run
    touched_ = 0;
    data_.release_pages();
  }
  const auto bytes = data_.bytes().subspan(r.offset, r.size);  // inside: the index is checksummed and its last record fits the file
  if (crc_of(bytes) != r.crc)
    throw Error("the decoded store " + data_path_.string() + " is damaged: sample " + std::to_string(index) + " at offset " +
                std::to_string(r.offset));
  return bytes;
}

namespace {

base::fs::path data_beside(const base::fs::path& stem) {
  base::fs::create_directories(stem.parent_path());
  return base::temporary_file_beside(with_suffix(stem, ".decoded"));
}

}  // namespace

SampleFileWriter::SampleFileWriter(const base::fs::path& stem) : stem_(stem), temporary_(data_beside(stem)) {
  data_ = base::Descriptor(open(temporary_.c_str(), O_WRONLY | O_TRUNC | O_CLOEXEC));
  if (data_.get() < 0) throw base::WriteError("cannot write " + temporary_.string());
}

SampleFileWriter::~SampleFileWriter() {
  std::error_code ignored;
  base::fs::remove(temporary_, ignored);
}

void SampleFileWriter::add(std::span<const uint8_t> decoded, SampleRecord shape, int64_t label, int64_t domain, std::string_view name) {
  shape.size = decoded.size();
  shape.crc = crc_of(decoded);
  enter(decoded, shape, label, domain, name);
  flush();
}

void SampleFileWriter::enter(std::span<const uint8_t> decoded, SampleRecord record, int64_t label, int64_t domain, std::string_view name) {
  if (has_data_) {
    record.offset = offset_;
    offset_ += decoded.size();
    if (entered_.empty() || entered_.data() + entered_.size() != decoded.data()) {
      flush();
      entered_ = decoded;
    } else {
      entered_ = {entered_.data(), entered_.size() + decoded.size()};
    }
  } else {
    record.offset = record.size = record.crc = 0;
  }
  records_.push_back(record);
  labels_.push_back(label);
  domains_.push_back(domain);
  names_ += name;
  name_ends_.push_back(names_.size());
}

void SampleFileWriter::flush() {
  while (!entered_.empty()) {
    const ssize_t n = write(data_.get(), entered_.data(), std::min<size_t>(entered_.size(), kPiece - written_ % kPiece));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw unwritten();
    entered_ = entered_.subspan(static_cast<size_t>(n));
    written_ += static_cast<uint64_t>(n);
  }
}

base::WriteError SampleFileWriter::unwritten() const {
  return base::WriteError("cannot write " + temporary_.string() + ": " + std::strerror(errno) +
                          "; is the disk full? (--cache DIR moves the cache, --cache=off does without)");
}

void SampleFileWriter::drop_data() {
  data_.reset();
  entered_ = {};
  std::error_code ignored;
  base::fs::remove(temporary_, ignored);
  for (SampleRecord& r : records_) r.offset = r.size = r.crc = 0;
  has_data_ = false;
}

std::string SampleFileWriter::index(int64_t limit) const {
  Header header;
  header.count = records_.size();
  header.names = names_.size();
  header.limit = limit;
  header.has_data = has_data_;
  std::string index(reinterpret_cast<const char*>(&header), sizeof header);
  index.append(raw(records_)).append(raw(labels_)).append(raw(domains_)).append(raw(name_ends_)).append(names_);
  const auto digest = base::sha256(index);
  return index.append(reinterpret_cast<const char*>(digest.data()), digest.size());
}

void SampleFileWriter::finish(int64_t limit) {
  if (has_data_) {
    flush();
    if (close(data_.release()) != 0) throw unwritten();
    base::fs::rename(temporary_, with_suffix(stem_, ".decoded"));
  }
  base::write_file_atomic(with_suffix(stem_, ".index"), index(limit));
}

}  // namespace clb::data
