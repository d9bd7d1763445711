// Frozen features of samples, computed once and served from memory or the cache: those that the host computes (feature_kind.hpp), and those
// that a method derives from a part of it that is frozen. The vectors of a dataset of features are served as they are.
//
// What the host computes it computes for all samples that the run will need, together, in index order and in batches of one fixed size, so
// that a feature depends on neither class order, stream batch nor loader threads. What a method derives is computed for the samples that
// are asked for, in the same way; before rows that were there are served, some are extracted anew (feature_proof.cpp), because the host
// only knows the method's word for it that its part stands still.
#pragma once

#include <array>
#include <clb/base/run_spec.hpp>
#include <clb/base/spans.hpp>
#include <clb/data/views.hpp>
#include <clb/features/backbone.hpp>
#include <clb/features/feature_cache.hpp>
#include <clb/stream/keys.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_set>
#include <vector>

namespace clb::features {

using data::Split;

// What Features uses of the run that it works for; all of it lives longer.
struct Surroundings {
  const base::RunSpec& spec;
  torch::Device device;
  torch::ScalarType dtype;
  std::string runner_hash;   // SHA-256 of this program
  std::string processor;     // what the numbers may depend on
  std::string libtorch;      // and its version
  std::string shared_cache;  // base::shared_cache_dir; "": none
  const stream::Keys& keys;
  data::Samples& store;
  const data::Views& views;
  Backbones& backbones;
  base::Spans& spans;
  const int64_t& task;  // the current one
  std::function<void(const std::string& text)> warn;
  std::function<void(const std::string& what, int64_t done, int64_t total)> progress;
  std::function<void()> check_cancelled;   // throws when the run has been cancelled
  std::function<void()> expect_unchanged;  // throws when somebody wrote into files that the run uses
};

// What of a run decides how a network computes; part of every key of cached features.
base::Json computation(const Surroundings& run);

class Features {
 public:
  // Features of a method's own kind for images [n, 3, H, W] in the evaluation view: clb_method.extract.
  using Extract = std::function<torch::Tensor(const std::string& kind, const torch::Tensor& images)>;

  explicit Features(Surroundings run) : run_(std::move(run)) {}

  // A kind of the method's own with `dim` columns; `content` names everything that its values depend on: the method says so (kTold), or
  // the SDK has hashed the tensors themselves (kHashed). The same again changes nothing. PluginError CLB_E_INVALID for a name that is
  // taken.
  enum class Content { kTold, kHashed };
  void declare(const std::string& kind, int64_t dim, const std::string& content, Content origin = Content::kTold);
  void set_extract(Extract extract) { extract_ = std::move(extract); }

  int64_t dim(const std::string& kind);      // PluginError CLB_E_INVALID for an unknown kind
  bool is_derived(const std::string& kind);  // by the method

  // Computes what is missing of `ids` (ascending indices of the split). PluginError CLB_E_INVALID when derived features have changed
  // under their hash, from then on in every call.
  void ensure(const std::string& kind, Split split, const std::vector<int64_t>& ids);
  void expect_unchanged() const;                                                             // throws that again
  torch::Tensor gather(const std::string& kind, Split split, std::span<const int64_t> ids);  // [n, dim] float32 on the device

  // Of a kind of the host's, what a cache holds for all of `ids`; nothing when a row is missing there. Nothing is computed.
  struct Cached {
    torch::Tensor values;            // [n, dim] float32 on the device
    std::string folder;              // that holds them
    std::set<std::string> segments;  // by key and checksum: equal names, equal bytes for the same key
  };
  std::optional<Cached> cached(const std::string& kind, Split split, const std::vector<int64_t>& ids);
  // Takes rows that the caller answers for as if they had been computed here.
  void accept(const std::string& kind, Split split, const std::vector<int64_t>& ids, const torch::Tensor& values);

  // Counters and what they have counted, for a checkpoint.
  base::Json counts() const;
  void take_up(const base::Json& counts);

  // Forward passes of images done for features and predictions, and spared because a feature was there. What the host computes counts once
  // per sample, what a method derives each time it is asked for, an image given to predict as one pass.
  void charge(int64_t forwards) { charged_ += forwards; }
  int64_t forwards_charged() const { return charged_; }
  int64_t forwards_saved() const { return saved_; }
  double seconds_saved() const { return seconds_saved_; }  // what the cached rows in use had cost

 private:
  struct Rows {  // of one kind and split
    std::unique_ptr<FeatureCache> cache;
    std::unordered_set<int64_t> accounted;  // their cost is in the counters
    int64_t accounted_before = 0;           // before the run was interrupted
    std::string call;                       // the call of the method that these were last asked for in, how often in it,
    int64_t asked = 0, proofs = 0;          // and how often some were extracted anew
  };
  struct Source {
    std::optional<FeatureKind> host;  // nothing: derived by the method
    std::string name, content;
    Content origin = Content::kTold;
    int64_t dim = 0;
    std::array<Rows, 2> splits;
  };

  Source& source(const std::string& kind);
  std::shared_ptr<Source> host_source(const std::string& kind);
  base::Json cache_key(const Source& source, Split split);
  Rows& rows(Source& source, Split split);
  void count_found(const Source& source, Rows& rows, const std::vector<int64_t>& ids);
  void compute(const Source& source, Rows& rows, Split split, const std::vector<int64_t>& missing);
  const data::Images& images_of(const Source& source) const;  // as its role's network wants them
  torch::Tensor images(const data::Images& view, Split split, std::span<const int64_t> ids) const;
  int64_t batch_size() const;
  // feature_proof.cpp
  bool is_due(Rows& rows) const;
  void prove(const Source& source, Rows& rows, Split split, const std::vector<int64_t>& ids, bool due);
  void prove_batch(const Source& source, Rows& rows, Split split, std::span<const FeatureCache::Place> places);
  torch::Tensor compute_batch(const Source& source, const torch::Tensor& images);

  Surroundings run_;
  Extract extract_;
  std::map<std::string, std::shared_ptr<Source>> sources_;  // by every name they were asked for by
  std::map<std::string, std::array<int64_t, 2>> accounted_before_;
  int64_t charged_ = 0, saved_ = 0;
  double seconds_saved_ = 0;
  std::string changed_;  // the sentence, once features have changed under their hash
};

inline constexpr int64_t kExtractBatchCpu = 32, kExtractBatchCuda = 256;

}  // namespace clb::features
