// Frozen features of samples, computed once by the host and served from memory or the cache; those of a dataset of feature vectors are
// served as they are. All samples that the run will need are
// extracted together in index order and in batches of one fixed size, so that a feature depends on neither class order, stream batch nor
// loader threads.
#pragma once

#include <array>
#include <clb/session/backbone.hpp>
#include <clb/session/dataset.hpp>
#include <clb/session/feature_cache.hpp>
#include <functional>
#include <string>
#include <vector>

namespace clb::session {

struct Session;

class Features {
 public:
  explicit Features(Session& session) : session_(session) {}

  int64_t dim(const std::string& kind);  // PluginError CLB_E_INVALID for an unknown kind

  // Computes what is missing of `ids` (ascending indices of the split).
  void ensure(const std::string& kind, Split split, const std::vector<int64_t>& ids);
  torch::Tensor gather(const std::string& kind, Split split, std::span<const int64_t> ids);  // [n, d] float32 on the device

  // Counters and what they have counted, for a checkpoint.
  base::Json counts() const;
  void take_up(const base::Json& counts);

  int64_t forwards_charged() const { return charged_; }
  int64_t forwards_saved() const { return saved_; }
  double seconds_saved() const { return seconds_saved_; }  // what the cached rows in use had cost

 private:
  FeatureCache& cache(Split split);
  void extract(Split split, const std::vector<int64_t>& missing);

  Session& session_;
  std::array<std::unique_ptr<FeatureCache>, 2> caches_;
  std::array<bool, 2> counted_{};  // the split's rows have been counted as charged or saved
  int64_t charged_ = 0, saved_ = 0;
  double seconds_saved_ = 0;
};

inline constexpr int64_t kExtractBatchCpu = 32, kExtractBatchCuda = 256;

}  // namespace clb::session
