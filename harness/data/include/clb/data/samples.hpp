// The samples of a run: of its data set, or of a sequence of data sets one after the other. In a sequence the samples, classes and domains
// of each data set follow those of the one before; every sample's domain is its data set. Each data set has its own store in the cache,
// which runs on it alone share.
#pragma once

#include <clb/data/sample_store.hpp>
#include <memory>
#include <vector>

namespace clb::data {

class Samples {
 public:
  // As SampleStore, for each data set; progress is told of one after the other.
  Samples(
      const base::DatasetSpec& dataset, const base::ExecutionSpec& execution, const SampleStore::Warn& warn,
      const Progress& progress = [](const std::string&, int64_t, int64_t) {});

  // Original class ids and domains in index order; valid as long as this.
  std::span<const int64_t> labels(Split split) const;
  std::span<const int64_t> domains(Split split) const;    // empty or all 0: one domain
  SampleBytes read(Split split, int64_t index);           // [any]
  int64_t bytes_of(Split split, int64_t index) const;     // size of a sample as it is kept here
  std::string name_of(Split split, int64_t index) const;  // how a message calls it; [any]
  int64_t images_read() const;
  void count_images(int64_t read_before) { stores_.front()->count_images(read_before); }  // by the process that this one goes on for

 private:
  struct Place {
    SampleStore& store;
    int64_t index;  // in it
  };
  Place place(Split split, int64_t index) const;

  std::vector<std::unique_ptr<SampleStore>> stores_;
  std::array<std::vector<int64_t>, 2> ends_, labels_, domains_;  // of a sequence, by split: end of each store's samples; ids
};

}  // namespace clb::data
