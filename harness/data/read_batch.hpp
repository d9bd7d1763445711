// Consecutive samples as the first pass reads them: hashed, and decoded where the decoded ones are kept.
#pragma once

#include <atomic>
#include <clb/base/sha256.hpp>
#include <clb/data/dataset.hpp>
#include <clb/data/sample_file.hpp>
#include <span>
#include <string>
#include <vector>

#include "pixels.hpp"

namespace clb::data {

struct ReadSample {
  enum class State { kAsDelivered, kDecoded, kPutOff, kUndecodable, kUnreadable };
  State state = State::kAsDelivered;
  base::Digest digest{};
  SampleRecord record;                 // size and crc: of what is kept
  std::span<const uint8_t> delivered;  // of the plugin
  size_t at = 0;                       // where its pixels begin
  std::string name, problem;           // problem: of a sample that cannot be read or decoded, a sentence
};

struct Ids {
  int64_t label = 0, domain = 0;
};

struct Batch {
  int64_t first = 0;
  std::vector<DatasetPlugin::Samples> owners;
  std::vector<ReadSample> samples;
  Pixels pixels;

  void clear();
  std::span<const uint8_t> kept(const ReadSample& sample) const;  // nothing of one that is put off or could not be decoded
};

class BatchReader {
 public:
  // keep: decoded samples are kept; may become false at any time.
  BatchReader(const Dataset& dataset, Split split, const std::atomic<bool>& keep);

  void read(int64_t first, int64_t count, Batch& batch) const;  // [any]
  Ids ids(int64_t index) const;

  // Of large images the first few are decoded as they are read, the others by whoever takes them, one at a time into `pixels`.
  std::span<const uint8_t> decode_put_off(ReadSample& sample, int64_t index, Pixels& pixels) const;

 private:
  bool add(Batch& batch, std::span<const int64_t> indices) const;
  void add(Batch& batch, const clb_sample& sample, int64_t index) const;
  std::string kept_name(const std::string& name) const;

  const Dataset& dataset_;
  Split split_;
  const std::atomic<bool>& keep_;
  std::span<const int64_t> labels_, domains_;
  std::string below_root_;
};

}  // namespace clb::data
