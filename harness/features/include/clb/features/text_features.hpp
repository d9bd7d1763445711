// What the frozen text towers of a run's weights make of sentences, computed once and served from memory or the cache, where they lie as
// features of images do. A list of sentences is computed and kept as a whole, in batches of one size and of the length of its longest
// sentence: so a row depends on nothing but its list.
#pragma once

#include <clb/features/feature_cache.hpp>
#include <clb/features/features.hpp>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace clb::features {

class TextFeatures {
 public:
  using TooLong = text::ClipTokens::TooLong;

  explicit TextFeatures(Surroundings run) : run_(std::move(run)) {}

  // Both: PluginError CLB_E_INVALID for a role that has no text tower, a text that is not UTF-8 or, where it is not to be cut, too long.
  torch::Tensor rows(const std::string& role, const std::vector<std::string>& sentences, TooLong too_long);          // [n, width], CPU
  torch::Tensor tokens(const std::string& role, const std::vector<std::string>& sentences, TooLong too_long) const;  // [n, context], CPU

  double seconds_saved() const { return seconds_saved_; }  // what the cached rows in use had cost

  // For a checkpoint.
  base::Json counts() const { return {{"seconds_saved", seconds_saved_}, {"accounted", accounted_}}; }
  void take_up(const base::Json& counts);

 private:
  torch::Tensor compute(const std::string& role, const std::vector<std::string>& sentences, TooLong too_long) const;

  Surroundings run_;
  std::map<std::string, std::unique_ptr<FeatureCache>> lists_;  // by the hash of their keys
  std::set<std::string> accounted_;                             // lists whose cost is in the counter, or was paid by this run
  double seconds_saved_ = 0;
};

}  // namespace clb::features
