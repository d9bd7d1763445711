// The training loop's parts that need no data: options, the schedule of an update, the step. clb::fit (sdk/nn.hpp) puts them into a loop.
//
// Threads: a frozen network that something is hung into takes slices of the images side by side, each on one thread, forward and backward
// (slices.hpp). Everything else with gradients runs on the calling thread, and each operation inside it uses as many threads as the run was
// given (`run.threads`; at::get_num_threads()). A method starts no threads of its own.
#pragma once

#include <clb/nn/module.hpp>
#include <clb/nn/optimizer.hpp>
#include <clb/nn/schedule.hpp>
#include <functional>
#include <string>
#include <vector>

namespace clb::nn {

// Everything that a fit can be told. A method declares those that it has as its parameters (clb::FitParams) and sets the others itself; an
// option that is new here reaches no method that does not ask for it.
struct FitOptions {
  std::string optimizer = "sgd";  // sgd | adam (weight decay added to the gradient) | adamw (decoupled)
  double lr = 0.01;
  double momentum = 0.9;  // sgd
  double weight_decay = 0;
  int64_t epochs = 5, batch_size = 16;
  std::string schedule = "constant";     // see schedule_by_name; its time is counted in epochs, or in updates where `iterations` rules
  double min_lr = 0;                     // linear, cosine, timm_cosine: where they end
  std::vector<int64_t> milestones = {};  // multistep
  double gamma = 0.1;                    // multistep, step
  int64_t warmup_epochs = 0;             // warmup_cosine, timm_cosine
  bool rate_per_iteration = false;       // the schedule moves with every update, not with every epoch
  double clip_norm = 0;                  // of all gradients together; 0: off
  bool drop_last = false;

  bool nesterov = false;              // sgd
  double beta1 = 0.9, beta2 = 0.999;  // adam, adamw
  bool amsgrad = false;               // adam, adamw
  int64_t iterations = 0;             // updates of a task; 0: `epochs` rules
  int64_t warmup_iterations = 0;      // warmup_cosine, timm_cosine where `iterations` rules
  double warmup_lr = 0;               // timm_cosine: where it begins
  int64_t step_every = 1;             // step
  bool shuffle = true;                // false: samples in the order of the stream
};

// What differs from the options in some task, the first one as a rule; a number that says nothing changes nothing.
struct FitChange {
  int64_t epochs = 0;        // 0: as in the options
  double lr = 0;             // 0: as in the options
  double weight_decay = -1;  // below 0: as in the options
};

FitOptions changed(const FitOptions& options, const FitChange& change);

// The options of a task: changed by `first` in the first one (index 0), as they are in all others.
inline FitOptions of_task(const FitOptions& options, const FitChange& first, int64_t task) {
  return task == 0 ? changed(options, first) : options;
}

// The options' schedule; t and total in epochs, or both in updates where `iterations` rules.
Schedule schedule_of(const FitOptions& options, double total);
inline double learning_rate(const FitOptions& options, double t, double total) { return schedule_of(options, total)(t); }

// Of one task: learning rates, clipping, losses, over an optimiser of its own or over one that outlives the task.
class Trainer {
 public:
  // schedule: instead of the options', of epochs (or updates), which it may not need. lasting: goes on with its moments.
  Trainer(const FitOptions& options, const std::vector<FitGroup>& groups, int64_t updates_per_epoch, Schedule schedule = {},
          Optimizer* lasting = nullptr);
  Trainer(const Trainer&) = delete;

  // backward, then update. change_gradients(), if any, runs in between: gradients are there (t.grad(), undefined where a tensor took no
  // part) and may be replaced, before they are clipped.
  void step(const torch::Tensor& loss, const std::function<void()>& change_gradients = {});

  int64_t updates() const { return updates_; }
  double time() const;             // of the next update, as the schedule counts it
  double rate() const;             // of the next update, before the groups' factors
  double take_mean_loss();         // of the updates since the last call; waits for the device
  int64_t trained() const;         // how many numbers
  double relative_change() const;  // ||p - p_0|| / ||p_0|| over all trained tensors
  torch::optim::Optimizer& optimizer() { return optimizer_->torch(); }

 private:
  FitOptions options_;
  Schedule schedule_;
  int64_t updates_per_epoch_, updates_ = 0, summed_ = 0;
  Optimizer own_;
  Optimizer* optimizer_;
  std::vector<torch::Tensor> at_start_;
  torch::Tensor loss_sum_;
};

// Multiplies all gradients by min(1, max_norm / (norm + 1e-6)), norm over all of them together; returns norm.
torch::Tensor clip_gradients(const std::vector<torch::Tensor>& tensors, double max_norm);

}  // namespace clb::nn
