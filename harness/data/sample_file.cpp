#include <zlib.h>

#include <clb/base/error.hpp>
#include <clb/base/sha256.hpp>
#include <clb/base/temporary.hpp>
#include <clb/data/sample_file.hpp>
#include <cstring>

namespace clb::data {
namespace {

using base::Error;
constexpr std::string_view kMagic = "CLBSMPL1";
constexpr size_t kHeader = 16, kPerSample = sizeof(SampleRecord) + 2 * sizeof(int64_t), kDigest = 32;
constexpr uint64_t kResident = uint64_t{256} << 20;

base::fs::path with_suffix(base::fs::path path, const char* suffix) { return path += suffix; }

uint32_t crc_of(std::span<const uint8_t> bytes) { return static_cast<uint32_t>(crc32_z(0, bytes.data(), bytes.size())); }

template <class T>
std::span<const T> array_at(const uint8_t* at, size_t count) {
  return {reinterpret_cast<const T*>(at), count};
}

template <class T>
std::string_view raw(const std::vector<T>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
}

}  // namespace

std::unique_ptr<SampleFile> SampleFile::open(const base::fs::path& stem, bool decoded) {
  const auto path = with_suffix(stem, decoded ? ".decoded.index" : ".encoded.index");
  std::error_code unreadable;  // is as good as not there
  if (!base::fs::exists(path, unreadable)) return nullptr;
  auto file = std::make_unique<SampleFile>();
  file->stem_ = stem;
  file->data_path_ = with_suffix(stem, decoded ? ".decoded" : ".encoded");
  file->index_ = base::MappedFile(path);
  const auto bytes = file->index_.bytes();
  const auto damaged = [&](const char* what) { return Error("the decoded store " + path.string() + " is damaged: " + what); };
  if (bytes.size() < kHeader + kDigest || std::memcmp(bytes.data(), kMagic.data(), kMagic.size()) != 0) throw damaged("no header");
  uint64_t count;
  std::memcpy(&count, bytes.data() + 8, sizeof count);
  if (count > bytes.size() / kPerSample || bytes.size() != kHeader + count * kPerSample + kDigest)
    throw damaged("its length does not fit its count");
  const auto digest = base::sha256(bytes.first(bytes.size() - kDigest));
  if (std::memcmp(digest.data(), bytes.data() + bytes.size() - kDigest, kDigest) != 0) throw damaged("its checksum differs");
  const uint8_t* at = bytes.data() + kHeader;
  file->records_ = array_at<SampleRecord>(at, count);
  file->labels_ = array_at<int64_t>(at + count * sizeof(SampleRecord), count);
  file->domains_ = array_at<int64_t>(at + count * (sizeof(SampleRecord) + sizeof(int64_t)), count);
  return file;
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

SampleFileWriter::SampleFileWriter(const base::fs::path& stem, bool decoded)
    : stem_(with_suffix(stem, decoded ? ".decoded" : ".encoded")),
      data_path_(stem_),
      temporary_((base::fs::create_directories(stem.parent_path()), base::temporary_file_beside(stem_))) {
  data_.open(temporary_, std::ios::binary | std::ios::trunc);
  if (!data_) throw base::WriteError("cannot write " + temporary_.string());
}

SampleFileWriter::~SampleFileWriter() {
  std::error_code ignored;
  base::fs::remove(temporary_, ignored);
}

void SampleFileWriter::add(std::span<const uint8_t> bytes, SampleRecord shape, int64_t label, int64_t domain) {
  shape.offset = offset_;
  shape.size = bytes.size();
  shape.crc = crc_of(bytes);
  data_.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  offset_ += bytes.size();
  records_.push_back(shape);
  labels_.push_back(label);
  domains_.push_back(domain);
}

void SampleFileWriter::finish() {
  data_.close();
  if (!data_)
    throw base::WriteError("cannot write " + temporary_.string() +
                           "; is the disk full? (--cache DIR moves the cache, --cache=off does without)");
  std::string index(kMagic);
  const uint64_t count = records_.size();
  index.append(reinterpret_cast<const char*>(&count), sizeof count);
  index.append(raw(records_)).append(raw(labels_)).append(raw(domains_));
  const auto digest = base::sha256(index);
  index.append(reinterpret_cast<const char*>(digest.data()), digest.size());
  base::fs::rename(temporary_, data_path_);
  base::write_file_atomic(with_suffix(stem_, ".index"), index);
}

}  // namespace clb::data
