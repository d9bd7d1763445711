// One update of the network from one batch, and all that a checkpoint must hold to go on exactly.
//
// On the processor a batch is cut into slices (recipe: training.slice); each is computed on one thread, and their gradients are summed in
// order. So the result does not depend on the number of threads.
#pragma once

#include <clb/formula/batches.hpp>

#include "network.hpp"
#include "optimizer.hpp"

namespace clb::pretrain {

class Trainer {
 public:
  Trainer(const Recipe& recipe, torch::Device device, int threads);

  void update(const formula::Batch& batch);

  const Recipe& recipe() const { return recipe_; }
  int64_t updates() const { return updates_; }
  bool finished() const { return updates_ == recipe_.updates(); }
  double factor() const;  // of the next update's learning rates: warm-up, then half a cosine

  // Means since the last take, over images: the weighted loss, its parts and the share of images whose class came first.
  struct Means {
    double loss = 0, classes = 0, mask = 0, numbers = 0, thumbnail = 0, accuracy = 0;
  };
  Means take_means();

  // Parameters, moments, counters and the sums of means, on the CPU.
  nn::TensorMap state();
  void load(const nn::TensorMap& state);

  nn::Vit& vit() { return network_.vit(); }

 private:
  void add(const Losses& losses);

  Recipe recipe_;
  torch::Device device_;
  torch::ScalarType type_;
  int threads_;
  Network network_;
  Optimizer optimizer_;
  int64_t updates_ = 0;
  torch::Tensor sums_;  // [7]: number of images, then as in Means; float64 on the CPU
};

}  // namespace clb::pretrain
