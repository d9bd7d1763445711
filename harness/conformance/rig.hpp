// A small made data set, a small untrained ViT and one method: what the checks of `clbench validate` work with. The session around the
// method is the one of a real run.
#pragma once

#include <clb/base/describe.hpp>
#include <clb/session/learner.hpp>
#include <clb/session/predict.hpp>
#include <memory>
#include <string>
#include <vector>

namespace clb::conformance {

using base::Spans;
using data::Dataset;
using data::kSplits;
using data::Split;
using session::Emitter;
using session::Learner;
using session::MethodHandle;
using session::Session;

// The plugin that is checked.
struct Subject {
  std::string file;
  std::string root;                            // of a dataset; "": its default
  base::MethodInfo info;                       // of a method
  base::Json params;                           // every parameter with its value
  base::Json declared = base::Json::object();  // those of them that the plugin declares for validation and nobody gave otherwise
  int64_t seed = 0;

  bool claims(uint64_t capability) const { return (capabilities & capability) != 0; }
  uint64_t capabilities = 0;  // of the plugin, and implied by the values
};

struct Stream {
  std::vector<int64_t> task_sizes{4, 3, 2};
  std::vector<int64_t> class_order;  // empty: identity
  int64_t train_per_class = 12, test_per_class = 5;
  std::string precision = "fp32";
  bool textured = false;       // images of strong noise on a weak wave: none is like another
  uint64_t swapped_order = 0;  // not 0: seeds another order of the training samples of each class

  int64_t classes() const;
};

// Side and channels of the made images.
inline constexpr int64_t kSide = 32, kChannels = 3;

// Pixels of all training images of a stream, [kSide, kSide, kChannels].
std::vector<std::vector<uint8_t>> train_pixels(int64_t seed, const Stream& stream);

// LibTorch's pools of threads as a check uses them; the first call decides.
void configure_once(const std::string& precision = "fp32");

// Removed with everything in it.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  const base::fs::path& path() const { return path_; }

 private:
  base::fs::path path_;
};

class Rig {
 public:
  explicit Rig(const Subject& subject, const Stream& stream = {});
  ~Rig();

  int64_t tasks() const;
  void learn(int64_t task) { learner_->learn(task); }
  void learn_all();

  std::string state();
  const std::vector<int64_t>& memory() const { return session_->memory; }  // the exemplars
  // Loads a state as it was after `task`; the reader delivers at most `step` bytes at once.
  void load(const std::string& state, int64_t task, uint64_t step = UINT64_MAX, const std::vector<int64_t>& memory = {});

  // Logits of all test samples of the classes seen, rows in index order: [n, classes seen].
  struct Serving {
    int64_t batch_size = 64;  // 0: all in one batch
    bool shuffled = false;
    torch::Tensor task_ids = {};        // [n]
    std::vector<int64_t> columns = {};  // classes to be told apart; empty: those seen
    std::vector<int64_t> only = {};     // rows to serve; empty: all. A row may come again: the last time counts
  };
  torch::Tensor logits(const Serving& serving);
  torch::Tensor logits() { return logits(Serving{}); }
  int64_t test_samples() const;  // of the classes seen
  int64_t train_images() const;  // of all tasks
  MethodHandle& method() { return learner_->method(); }
  const Session& session() const { return *session_; }
  const base::fs::path& folder() const { return folder_.path(); }  // of the data and of all that the session writes

 private:
  TemporaryFolder folder_;
  int sink_;  // where the events go
  Spans spans_;
  std::unique_ptr<Emitter> emitter_;
  std::unique_ptr<Session> session_;
  std::unique_ptr<Learner> learner_;
};

}  // namespace clb::conformance
