// Classes as sentences with learned words (CoOp, Zhou et al., IJCV 2022), of each class its own, in a stream of tasks: those of the task's
// classes learn, all others stand still, and so does what the frozen text tower makes of them.
#pragma once

#include <clb/nn/clip.hpp>
#include <functional>
#include <vector>

namespace clb::nn {

class ClassContexts final : public Module {
 public:
  using ClassRng = std::function<torch::Generator(int64_t label)>;

  ClassContexts() = default;
  // length: learned words of a class, which stand behind the start token and are drawn with deviation 0.01.
  ClassContexts(ClipText tower, int64_t length, ClassRng rng);

  // A task of these classes, whose sentences are tokens [labels, t]. Classes that come again go on from where they stand.
  void begin_task(const std::vector<int64_t>& labels, int64_t classes_seen, const torch::Tensor& tokens);
  // Contexts as they are now are those that end_task() keeps, whatever comes behind; said again, the last time counts.
  void remember() { remembered_ = learning_.detach().clone(); }
  void end_task();

  torch::Tensor features() const;                                          // [classes, d] float32, not normalised
  const torch::Tensor& drawn_features() const { return drawn_features_; }  // the same, of contexts as drawn

 private:
  torch::Tensor drawn(const std::vector<int64_t>& labels) const;
  torch::Tensor of(const torch::Tensor& tokens, const torch::Tensor& contexts) const;
  void parts(Parts& p) override {
    p("contexts", contexts_)("features", features_)("drawn_features", drawn_features_)("learning", learning_);
  }

  ClipText tower_;
  ClassRng rng_;
  torch::Tensor contexts_, features_;    // [classes, length, width], [classes, d]: of the classes of a task as before it
  torch::Tensor drawn_features_;         // [classes, d]
  torch::Tensor learning_, remembered_;  // [classes of the task, length, width]; between tasks [0, length, width] and undefined
  torch::Tensor labels_, tokens_;        // of the task
};

}  // namespace clb::nn
