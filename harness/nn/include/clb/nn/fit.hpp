// The training loop's parts that need no data: options, learning rates, the optimiser step. clb::fit (sdk/nn.hpp) puts them into a loop.
#pragma once

#include <clb/nn/module.hpp>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace torch::optim {
class Optimizer;
}

namespace clb::nn {

struct FitOptions {
  std::string optimizer = "sgd";  // sgd | adam (weight decay added to the gradient) | adamw (decoupled)
  double lr = 0.01;
  double momentum = 0.9;  // sgd
  double weight_decay = 0;
  int64_t epochs = 5, batch_size = 16;
  std::string schedule = "constant";     // see learning_rate
  double min_lr = 0;                     // cosine
  std::vector<int64_t> milestones = {};  // multistep, in epochs
  double gamma = 0.1;                    // multistep
  int64_t warmup_epochs = 0;             // warmup_cosine
  bool rate_per_iteration = false;       // the schedule moves with every update, not with every epoch
  double clip_norm = 0;                  // of all gradients together; 0: off
  bool drop_last = false;
};

// The rate at time t of `total` (whole epochs, or fractions of one where the rate moves per iteration).
//   constant       lr
//   cosine         min + (lr - min) (1 + cos(pi t / total)) / 2; torch's CosineAnnealingLR
//   cosine_shifted lr for t < 1, then lr (1 + cos(pi (t - 1) / total)) / (1 + cos(pi / total)); what LayUP's released code does, whose
//                  counter starts a second time
//   multistep      lr gamma^(number of milestones <= t); torch's MultiStepLR
//   warmup_cosine  lr (t + 1) / warmup for t < warmup, then lr (1 + cos(pi (t - warmup) / (total - warmup))) / 2; ZSCL
//   coda           lr cos(99 pi max(0, t - 1) / (200 (total - 1))); CODA-Prompt's released schedule
double learning_rate(const FitOptions& options, double t, double total);

// What is trained: those tensors of a module that want a gradient when the Trainer is made.
struct FitGroup {
  FitGroup(Module& module, double lr_scale = 1) : module(&module), lr_scale(lr_scale) {}  // NOLINT: {pool, head} reads as a list

  Module* module;
  double lr_scale;                     // times the scheduled rate
  std::optional<double> weight_decay;  // instead of the options'
  bool decay_bias = true;              // false: none on tensors whose names end in "bias"
};

// One task's optimiser. Tensors without a gradient in a step are left alone: no momentum, no decay.
class Trainer {
 public:
  Trainer(const FitOptions& options, const std::vector<FitGroup>& groups, int64_t updates_per_epoch);
  ~Trainer();

  // Backward, clipping, the scheduled rate, one update.
  void step(const torch::Tensor& loss);

  int64_t updates() const { return updates_; }
  double rate() const;             // of the next update, before the groups' factors
  double take_mean_loss();         // of the updates since the last call; waits for the device
  int64_t trained() const;         // how many numbers
  double relative_change() const;  // ||p - p_0|| / ||p_0|| over all trained tensors
  torch::optim::Optimizer& optimizer() { return *optimizer_; }

 private:
  void set_rate(double rate);

  FitOptions options_;
  int64_t updates_per_epoch_, updates_ = 0, summed_ = 0;
  std::vector<torch::Tensor> tensors_, at_start_;
  std::vector<double> scales_;  // of the optimiser's groups
  std::unique_ptr<torch::optim::Optimizer> optimizer_;
  torch::Tensor loss_sum_;
};

// Multiplies all gradients by min(1, max_norm / (norm + 1e-6)), norm over all of them together; returns norm.
torch::Tensor clip_gradients(const std::vector<torch::Tensor>& tensors, double max_norm);

}  // namespace clb::nn
