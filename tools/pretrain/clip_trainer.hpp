// The training of an image tower and a text tower on images of things and sentences about them.
//
// The loss needs the features of the whole batch: slices compute theirs side by side, the loss gives each its gradient, and slices go back
// with that. So the result does not depend on the number of threads.
#pragma once

#include <clb/formula/ahead.hpp>
#include <optional>

#include "captioned.hpp"
#include "clip_network.hpp"
#include "learner.hpp"
#include "optimizer.hpp"

namespace clb::pretrain {

class ClipTrainer final : public Learner {
 public:
  ClipTrainer(const Recipe& recipe, torch::Device device, int threads);

  const Recipe& recipe() const override { return recipe_; }
  int64_t updates() const override { return updates_; }
  void begin() override;
  void update() override;
  // loss; accuracy: the share of images whose best sentence of the batch is true of them; sentences: the same of sentences; scale.
  Means take_means() override;
  nn::TensorMap state() override;
  void load(const nn::TensorMap& state) override;
  nn::TensorMap weights() override { return in_file(clip_); }
  nn::Metadata metadata() const override;

 private:
  void step(const Captioned& batch);
  void add(const torch::Tensor& loss, const torch::Tensor& logits, const torch::Tensor& truth);

  Recipe recipe_;
  torch::Device device_;
  torch::ScalarType type_;
  int threads_;
  CaptionedImages images_;
  nn::Clip clip_;
  Optimizer optimizer_;
  int64_t updates_ = 0;
  torch::Tensor sums_;  // [5]: number of updates, then loss, accuracy, sentences, scale; float64 on the CPU
  std::optional<formula::Ahead<Captioned>> batches_;
};

}  // namespace clb::pretrain
