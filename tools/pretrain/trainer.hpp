// The training of a ViT with heads.
//
// On the processor a batch is cut into slices (recipe: training.slice); each is computed on one thread, and their gradients are summed in
// order. So the result does not depend on the number of threads.
#pragma once

#include <clb/formula/batches.hpp>
#include <optional>

#include "learner.hpp"
#include "network.hpp"
#include "optimizer.hpp"

namespace clb::pretrain {

class Trainer final : public Learner {
 public:
  Trainer(const Recipe& recipe, torch::Device device, int threads);

  const Recipe& recipe() const override { return recipe_; }
  int64_t updates() const override { return updates_; }
  void begin() override;
  void update() override;
  Means take_means() override;  // the weighted loss, its parts and the share of images whose class came first
  nn::TensorMap state() override;
  void load(const nn::TensorMap& state) override;
  nn::TensorMap weights() override;
  nn::Metadata metadata() const override { return {{"format", "pt"}}; }

 private:
  void update(const formula::Batch& batch);
  void add(const Losses& losses);

  Recipe recipe_;
  torch::Device device_;
  torch::ScalarType type_;
  int threads_;
  Network network_;
  Optimizer optimizer_;
  int64_t updates_ = 0;
  torch::Tensor sums_;  // [7]: number of images, then loss, classes, mask, numbers, thumbnail, accuracy; float64 on the CPU
  std::optional<formula::Painter> painter_;
  std::optional<formula::Batches> batches_;
};

}  // namespace clb::pretrain
