// The samples of a dataset as the session reads them: labels and domains at once, pixels or features on demand. Up to the store limit they
// come from a memory-mapped cache of decoded samples in <cache>/data/<fingerprint>; above it the cache holds an index alone, and bytes come
// from the dataset plugin, each held against the index. The plugin is loaded to build the cache and where bytes come from it: above the
// limit, and where the cache is off or cannot be written. Damage of the cache is reported once and mended from the dataset.
//
// A cache that is opened is held against the dataset's files: a sample of their bytes lies beside it for each folder that has given these
// samples. Where the files differ, or there is none, the cache is built once more and every sample read for the fingerprint.
#pragma once

#include <array>
#include <atomic>
#include <clb/base/run_spec.hpp>
#include <clb/data/dataset.hpp>
#include <clb/data/first_pass.hpp>
#include <clb/data/sample_file.hpp>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

namespace clb::data {

struct SampleBytes {
  std::span<const uint8_t> bytes;
  int64_t height = 0, width = 0, channels = 0;  // 0 for encoded bytes
  bool encoded = false;                         // a JPEG or PNG file
  const char* name = nullptr;                   // of the sample's file, where the dataset has just said it; else see name_of
  std::shared_ptr<void> owner;                  // keeps `bytes` and `name` alive
};

class SampleStore {
 public:
  using Warn = std::function<void(const std::string&)>;

  // Error when the dataset's files are not those of dataset.fingerprint; without a cache it may be empty: whatever files there are.
  // Progress: of a pass over the files, where one is needed; [any], in the middle of a run too.
  SampleStore(
      const base::DatasetSpec& dataset, const base::ExecutionSpec& execution, Warn warn,
      Progress progress = [](const std::string&, int64_t, int64_t) {});

  // Original class ids and domains in index order; valid as long as the store.
  std::span<const int64_t> labels(Split split) const { return labels_[static_cast<size_t>(split)]; }
  std::span<const int64_t> domains(Split split) const { return domains_[static_cast<size_t>(split)]; }  // empty or all 0: one domain
  SampleBytes read(Split split, int64_t index);           // [any]; Error where the file holds something else by now
  int64_t bytes_of(Split split, int64_t index) const;     // size of a sample as it is kept here
  std::string name_of(Split split, int64_t index) const;  // how a message calls it; [any]
  int64_t images_read() const { return images_read_; }
  void count_images(int64_t read_before) { images_read_ += read_before; }  // by the process that this one goes on for

 private:
  using Files = std::array<std::shared_ptr<SampleFile>, 2>;
  enum class From { kStore, kPluginByIndex, kPlugin };
  void keep_ids(Split split, std::span<const int64_t> labels, std::span<const int64_t> domains);
  bool open_files();  // false: not there, or too little; Error: damaged
  bool open_reporting();
  bool proven() const;  // the files are those that the store was made from, as far as a sample shows
  // probe: throws where what another process has put there meanwhile is damaged, too.
  void build(const std::function<void()>& probe = [] {});
  void read_from_plugin(std::unique_ptr<Dataset> plugin, From from);
  std::shared_ptr<SampleFile> file_with_data(Split split);
  SampleBytes read_plugin(Split split, int64_t index) const;
  SampleBytes read_by_index(Split split, int64_t index) const;

  base::DatasetSpec dataset_;
  base::fs::path cache_;  // empty: off
  int64_t store_limit_;
  Warn warn_;
  Progress progress_;
  std::array<std::vector<int64_t>, 2> labels_, domains_;
  mutable std::mutex mutex_;
  Files files_;  // none: the cache is off or cannot be written
  std::unique_ptr<Dataset> plugin_;
  std::atomic<From> from_{From::kStore};
  std::atomic<int64_t> images_read_{0};
};

}  // namespace clb::data
