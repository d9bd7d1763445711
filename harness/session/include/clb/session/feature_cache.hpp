// Frozen features on disk: <cache>/features/<key>/, where the key is the SHA-256 of everything the numbers depend on. A folder holds
// immutable segments (safetensors: ids [n] int64, values [n, d] float32, with a checksum and the seconds they cost), so that a later run
// adds only what is missing. Segments are written to a temporary name and renamed, under the folder's lock; reading needs no lock.
#pragma once

#include <torch/types.h>
#include <torch/utils.h>

#include <clb/base/file.hpp>
#include <clb/base/json.hpp>
#include <functional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

namespace clb::session {

class FeatureCache {
 public:
  using Warn = std::function<void(const std::string&)>;

  // cache_dir "": nothing is read or written, features live in memory only.
  FeatureCache(const std::string& cache_dir, const base::Json& key, int64_t dim, Warn warn);

  int64_t dim() const { return dim_; }
  const base::fs::path& folder() const { return folder_; }

  void load();  // maps segments that are there and not yet known; a damaged one is reported, removed and ignored
  bool has(int64_t id) const { return rows_.contains(id); }
  const float* row(int64_t id) const { return rows_.at(id).values; }
  double seconds(int64_t id) const { return rows_.at(id).seconds; }  // what this row cost when it was computed

  // ids: samples; values: [n, d] float32 on the CPU; seconds: wall time of their computation.
  void add(const std::vector<int64_t>& ids, const torch::Tensor& values, double seconds);

 private:
  struct Row {
    const float* values;
    double seconds;
  };
  void map_segment(const base::fs::path& file);
  void write_segment(const std::vector<int64_t>& ids, const torch::Tensor& values, double seconds);

  base::fs::path folder_;
  base::Json key_;
  int64_t dim_;
  Warn warn_;
  std::unordered_map<int64_t, Row> rows_;
  std::vector<std::string> known_;
  std::vector<base::MappedFile> segments_;
  std::vector<torch::Tensor> owned_;
};

}  // namespace clb::session
