// The disk cache of one split of a dataset: <stem>.index (labels, domains, names and a table of the samples, with a SHA-256 at its end)
// and, where they have room, <stem>.decoded (uint8 pixels, HWC, or float32 vectors). Written to temporary names and renamed; mapped
// read-only.
#pragma once

#include <atomic>
#include <clb/base/descriptor.hpp>
#include <clb/base/error.hpp>
#include <clb/base/file.hpp>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace clb::data {

struct SampleRecord {              // as it stands in the index file, little-endian
  uint64_t offset = 0, size = 0;   // of the decoded bytes; 0 where there are none
  uint64_t source_size = 0;        // of the bytes as the dataset delivers them
  uint32_t crc = 0;                // CRC-32 of the decoded bytes
  uint32_t source_crc = 0;         // and of the delivered ones
  uint16_t height = 0, width = 0;  // of the decoded image
  uint8_t channels = 0;
  uint8_t reserved[3] = {};
};
static_assert(sizeof(SampleRecord) == 40);

uint32_t crc_of(std::span<const uint8_t> bytes);

class SampleFile {
 public:
  // nullptr when there is none; Error when it is damaged. The data file is opened at the first bytes().
  static std::unique_ptr<SampleFile> open(const base::fs::path& stem);

  int64_t count() const { return static_cast<int64_t>(labels_.size()); }
  std::span<const int64_t> labels() const { return labels_; }
  std::span<const int64_t> domains() const { return domains_; }
  const SampleRecord& record(int64_t index) const { return records_[static_cast<size_t>(index)]; }
  std::string_view name(int64_t index) const;  // of the sample's file, below the root; "": it has none

  bool has_data() const { return has_data_; }
  int64_t limit() const { return limit_; }  // under which it was made: what has no data did not fit
  uint64_t data_size() const { return records_.empty() ? 0 : records_.back().offset + records_.back().size; }

  void open_data();  // Error when the data file is missing or its size is wrong; not thread-safe
  // The decoded bytes of a sample after open_data(), [any]; Error when they differ from their CRC-32.
  std::span<const uint8_t> bytes(int64_t index) const;

 private:
  base::fs::path data_path_;
  base::MappedFile index_, data_;
  mutable std::atomic<uint64_t> touched_{0};  // bytes served since the pages were released
  bool has_data_ = false;
  int64_t limit_ = 0;
  std::span<const SampleRecord> records_;
  std::span<const int64_t> labels_, domains_;
  std::span<const uint64_t> name_ends_;
  std::string_view names_;
};

// Writes one split; nothing is visible before finish().
class SampleFileWriter {
 public:
  explicit SampleFileWriter(const base::fs::path& stem);
  ~SampleFileWriter();  // removes the temporary file when finish() was not reached

  // Geometry and what is told of the source come in `shape`; offset, size and crc are filled in here.
  void add(std::span<const uint8_t> decoded, SampleRecord shape, int64_t label, int64_t domain, std::string_view name = {});
  // For many at once: the record has size and crc too, and the bytes are written by flush(), until which they must stay.
  void enter(std::span<const uint8_t> decoded, SampleRecord record, int64_t label, int64_t domain, std::string_view name);
  void flush();
  void drop_data();  // from here on, and what was added: the index alone is kept
  uint64_t size() const { return offset_; }
  void finish(int64_t limit = INT64_MAX);

 private:
  base::WriteError unwritten() const;
  std::string index(int64_t limit) const;

  base::fs::path stem_, temporary_;
  base::Descriptor data_;
  std::span<const uint8_t> entered_;  // not written yet
  uint64_t written_ = 0;
  bool has_data_ = true;
  uint64_t offset_ = 0;
  std::vector<SampleRecord> records_;
  std::vector<int64_t> labels_, domains_;
  std::vector<uint64_t> name_ends_;
  std::string names_;
};

}  // namespace clb::data
