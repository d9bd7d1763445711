// The measured side of prompt_bench: plugins of prompt methods in a session, with its data path (decoded store, transforms on a loader
// thread, features from the cache).
#pragma once

#include <clb/nn/weights.hpp>
#include <clb/sdk/context.hpp>
#include <clb/session/learner.hpp>
#include <optional>
#include <string>
#include <vector>

namespace clb::bench {

inline constexpr int64_t kTasks = 10, kEvalBatch = 64;

struct PathOptions {
  std::string weights, cache, precision;
  int64_t size = 224, train_images = 0;  // pixels; of each task
};

struct Plugin {
  explicit Plugin(const std::string& file);
  base::MethodInfo info;
  clb_method table;
};

// A session in which plugins learn the first task and predict test images.
class Path {
 public:
  Path(const PathOptions& options, const base::DatasetInfo& dataset);

  // A fresh method with its defaults, but plain Adam or AdamW with one rate (1e-3), of VQ-Prompt the part without replay.
  void begin(const Plugin& plugin, int64_t batch, int64_t epochs);
  void learn() { learner_->learn(0); }
  std::string state();                           // of the method
  double last(const std::string& metric) const;  // that it has recorded

  // Test images by their indices, ascending. The features of those that are predicted have been computed before.
  torch::Tensor predict(const std::vector<int64_t>& ids);
  void compute_queries(const std::vector<int64_t>& ids) { session_.features.ensure("main:cls", data::Split::kTest, ids); }
  torch::Tensor queries(const std::vector<int64_t>& ids) { return session_.features.gather("main:cls", data::Split::kTest, ids); }
  torch::Tensor test_images(const std::vector<int64_t>& ids);

  // What the `stream`-th stream of the first task serves in an epoch of training.
  std::vector<Batch> batches(int64_t batch, int64_t stream);
  // The network's weights for images of this run, under timm's names; heads.
  std::pair<nn::TensorMap, int64_t> network();

 private:
  session::Emitter emitter_;
  base::Spans spans_;
  session::Session session_;
  std::optional<session::Learner> learner_;
};

}  // namespace clb::bench
