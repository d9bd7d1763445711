// Frozen features on disk: <cache>/features/<key>/, where the key is the SHA-256 of everything the numbers depend on. A folder holds
// immutable segments (safetensors: ids [n] int64, values [n, d] float32, with a checksum and the seconds they cost), so that a later run
// adds only what is missing. Segments are written to a temporary name and renamed, under the folder's lock; reading needs no lock. Beside
// the folder that is written there may be one that is only read, of a cache that others have filled (base::shared_cache_dir).
#pragma once

#include <torch/types.h>
#include <torch/utils.h>

#include <clb/base/file.hpp>
#include <clb/base/json.hpp>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

namespace clb::features {

class FeatureCache {
 public:
  using Warn = std::function<void(const std::string&)>;

  struct Folders {
    std::string own;     // of the cache that is read and written; "": nothing is kept, features live in memory only
    std::string shared;  // of one that is only read; "": none
  };
  FeatureCache(const Folders& folders, const base::Json& key, int64_t dim, Warn warn);

  int64_t dim() const { return dim_; }
  const base::fs::path& folder() const { return folder_; }

  // Rows that were computed together, in batches of one size and in this order.
  struct Part {
    std::vector<int64_t> ids;
    const float* values;  // [n, d]
    double seconds = 0;   // a row
    bool proven = false;  // by the caller: in this process the numbers came out so
    base::fs::path file;  // of the segment; empty for one that was computed here
    std::string checksum;
  };
  struct Place {
    size_t part, row;  // of parts(), of its ids
  };

  // Maps segments that are there and not yet known. A damaged one is reported and ignored, and removed where the cache is our own.
  void load();
  bool has(int64_t id) const { return rows_.contains(id); }
  Place place(int64_t id) const { return rows_.at(id); }
  Part& part(size_t k) { return *parts_.at(k); }
  const float* row(int64_t id) const { return value(rows_.at(id)); }
  const float* value(Place at) const { return parts_[at.part]->values + static_cast<int64_t>(at.row) * dim_; }
  double seconds(int64_t id) const { return parts_[rows_.at(id).part]->seconds; }  // what this row cost when it was computed

  // ids: samples; values: [n, d] float32 on the CPU; seconds: wall time of their computation.
  void add(const std::vector<int64_t>& ids, const torch::Tensor& values, double seconds);

 private:
  void load_folder(const base::fs::path& folder, bool own);
  void keep(Part part);
  void map_segment(const base::fs::path& file);
  void write_segment(const std::vector<int64_t>& ids, const torch::Tensor& values, double seconds);

  base::fs::path folder_, shared_;
  base::Json key_;
  int64_t dim_;
  Warn warn_;
  std::vector<std::unique_ptr<Part>> parts_;
  std::unordered_map<int64_t, Place> rows_;
  std::vector<base::fs::path> known_;
  std::vector<base::MappedFile> segments_;
  std::vector<torch::Tensor> owned_;
};

}  // namespace clb::features
