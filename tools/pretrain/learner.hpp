// A training as train() drives it: what is done in one update, and all that a checkpoint must hold to go on exactly.
#pragma once

#include <clb/nn/weights.hpp>
#include <clb/pretrain/recipe.hpp>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace clb::pretrain {

class Learner {
 public:
  virtual ~Learner() = default;

  virtual const Recipe& recipe() const = 0;
  virtual int64_t updates() const = 0;
  bool finished() const { return updates() == recipe().updates(); }
  double factor() const;  // of the next update's learning rates: warm-up, then half a cosine

  virtual void begin() = 0;  // once, before the first update: draws batches from here on
  virtual void update() = 0;

  // Means over images since the last take, by the names of the curve; "loss" and "accuracy" are among them.
  using Means = std::vector<std::pair<std::string, double>>;
  virtual Means take_means() = 0;

  // Parameters, moments, counters and the sums of means, on the CPU.
  virtual nn::TensorMap state() = 0;
  virtual void load(const nn::TensorMap& state) = 0;

  // The network as a file of weights holds it, in float32, and what is told of it beside the recipe.
  virtual nn::TensorMap weights() = 0;
  virtual nn::Metadata metadata() const = 0;
};

// What the recipe describes: a ViT with heads, or two towers where it has a table [network.text].
std::unique_ptr<Learner> make_learner(const Recipe& recipe, torch::Device device, int threads);

}  // namespace clb::pretrain
