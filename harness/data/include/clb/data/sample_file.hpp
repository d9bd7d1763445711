// The disk cache of one split of a dataset: <stem>.index (labels, domains and a table of the samples, with a SHA-256 at its end) and
// <stem>.decoded (uint8 pixels, HWC) or <stem>.encoded (bytes as the dataset plugin delivers them). Written to temporary names and renamed;
// mapped read-only.
#pragma once

#include <atomic>
#include <clb/base/file.hpp>
#include <fstream>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace clb::data {

struct SampleRecord {  // as it stands in the index file, little-endian
  uint64_t offset = 0, size = 0;
  uint32_t crc = 0;                // CRC-32 of the bytes
  uint16_t height = 0, width = 0;  // of the decoded image; 0 for encoded bytes
  uint8_t channels = 0;
  uint8_t encoded = 0;  // 1: JPEG or PNG bytes
  uint8_t reserved[6] = {};
};
static_assert(sizeof(SampleRecord) == 32);

class SampleFile {
 public:
  // nullptr when there is none; Error when it is damaged. The data file is opened at the first bytes().
  static std::unique_ptr<SampleFile> open(const base::fs::path& stem, bool decoded);

  int64_t count() const { return static_cast<int64_t>(labels_.size()); }
  std::span<const int64_t> labels() const { return labels_; }
  std::span<const int64_t> domains() const { return domains_; }
  const SampleRecord& record(int64_t index) const { return records_[static_cast<size_t>(index)]; }

  uint64_t data_size() const { return records_.empty() ? 0 : records_.back().offset + records_.back().size; }

  void open_data();  // Error when the data file is missing or its size is wrong; not thread-safe
  // The bytes of a sample after open_data(), [any]; Error when they differ from their CRC-32.
  std::span<const uint8_t> bytes(int64_t index) const;

 private:
  base::fs::path stem_, data_path_;
  base::MappedFile index_, data_;
  mutable std::atomic<uint64_t> touched_{0};  // bytes served since the pages were released
  std::span<const SampleRecord> records_;
  std::span<const int64_t> labels_, domains_;
};

// Writes one split; nothing is visible before finish().
class SampleFileWriter {
 public:
  SampleFileWriter(const base::fs::path& stem, bool decoded);
  ~SampleFileWriter();  // removes the temporary file when finish() was not reached

  void add(std::span<const uint8_t> bytes, SampleRecord shape, int64_t label, int64_t domain);  // offset, size and crc are filled in here
  void finish();

 private:
  base::fs::path stem_, data_path_, temporary_;
  std::ofstream data_;
  uint64_t offset_ = 0;
  std::vector<SampleRecord> records_;
  std::vector<int64_t> labels_, domains_;
};

}  // namespace clb::data
