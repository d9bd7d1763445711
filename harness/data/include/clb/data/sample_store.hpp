// The samples of a dataset as the session reads them: labels and domains at once, pixels or features on demand from a memory-mapped cache
// of decoded (or, above the store limit, encoded) bytes in <cache>/data/<fingerprint>. The dataset plugin is loaded only to build that
// cache, or for every read when the cache is off or cannot be written. Damage is reported once and mended from the dataset.
//
// A cache that is opened is held against the dataset's files: a sample of their bytes lies beside it for each folder that has given these
// samples. Where the files differ, or there is none, the cache is built once more and every sample read for the fingerprint.
#pragma once

#include <array>
#include <atomic>
#include <clb/base/run_spec.hpp>
#include <clb/data/dataset.hpp>
#include <clb/data/sample_file.hpp>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

namespace clb::data {

struct SampleBytes {
  std::span<const uint8_t> bytes;
  int64_t height = 0, width = 0, channels = 0;  // 0 for encoded bytes
  bool encoded = false;
  const char* name = nullptr;   // of the sample's file, where the dataset gave one
  std::shared_ptr<void> owner;  // keeps `bytes` and `name` alive
};

// How a message calls a sample: by the file it came from, else by its number.
inline std::string sample_name(const char* file, int64_t index) { return file ? file : "sample " + std::to_string(index); }

class SampleStore {
 public:
  using Warn = std::function<void(const std::string&)>;

  // Error when the dataset's files are not those of dataset.fingerprint; without a cache it may be empty: whatever files there are.
  SampleStore(const base::DatasetSpec& dataset, const base::ExecutionSpec& execution, Warn warn);

  // Original class ids and domains in index order; valid as long as the store.
  std::span<const int64_t> labels(Split split) const { return labels_[static_cast<size_t>(split)]; }
  std::span<const int64_t> domains(Split split) const { return domains_[static_cast<size_t>(split)]; }  // empty or all 0: one domain
  SampleBytes read(Split split, int64_t index);                                                         // [any]
  int64_t bytes_of(Split split, int64_t index) const;  // size of a sample as it is kept here
  int64_t pixels_read() const { return pixels_read_; }
  void count_pixels(int64_t read_before) { pixels_read_ += read_before; }  // by the process that this one goes on for

 private:
  using Files = std::array<std::shared_ptr<SampleFile>, 2>;
  void keep_ids(Split split, std::span<const int64_t> labels, std::span<const int64_t> domains);
  bool open_files();    // false: not there; Error: damaged
  bool proven() const;  // the files are those that the store was made from, as far as a sample shows
  void build();
  void read_from_plugin(std::unique_ptr<Dataset> plugin);
  std::shared_ptr<SampleFile> file_with_data(Split split);
  SampleBytes read_plugin(Split split, int64_t index) const;

  base::DatasetSpec dataset_;
  base::fs::path cache_;  // empty: off
  int64_t store_limit_;
  Warn warn_;
  std::array<std::vector<int64_t>, 2> labels_, domains_;
  std::mutex mutex_;
  Files files_;
  std::unique_ptr<Dataset> plugin_;
  std::atomic<bool> direct_{false};  // samples come from plugin_: the cache is off or cannot be written
  std::atomic<int64_t> pixels_read_{0};
};

// Fingerprint of an open dataset (design: results): SHA-256 over, per split in index order, label, domain and SHA-256 of the sample as
// `read` returns it. When `cache` is not empty the files of the store are written on the way, decoded if they fit `store_limit` bytes.
std::string fingerprint_and_cache(const Dataset& dataset, const base::fs::path& cache, int64_t store_limit);

}  // namespace clb::data
