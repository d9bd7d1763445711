#include "clb/pretrain/train.hpp"

#include <ATen/Parallel.h>
#include <torch/utils.h>

#include <algorithm>
#include <chrono>
#include <clb/base/error.hpp>
#include <clb/base/output.hpp>

#include "checkpoint.hpp"
#include "curve.hpp"
#include "learner.hpp"

namespace clb::pretrain {
namespace {

using Clock = std::chrono::steady_clock;

torch::Device device_of(const std::string& name) {
  const bool cuda = name != "cpu" && at::hasCUDA();
  if (name == "cuda" && !cuda) throw base::Error("no CUDA device is at hand; leave --device out, or give --device cpu");
  return cuda ? torch::kCUDA : torch::kCPU;
}

std::filesystem::path checkpoint_of(const TrainOptions& options) { return base::followed(options.folder / "checkpoint.safetensors"); }
std::filesystem::path curve_of(const TrainOptions& options) { return base::followed(options.folder / "curve.jsonl"); }

base::OutputRule weights_rule(const TrainOptions& options) {
  std::vector<std::filesystem::path> inputs{checkpoint_of(options), curve_of(options), options.folder / "lock"};
  if (!options.recipe.empty()) inputs.push_back(options.recipe);
  return {"a weight file that clb-pretrain wrote", is_weights_file, std::move(inputs), options.force};
}

// Makes the folder. Asked first: a training takes hours.
void require_outputs(const TrainOptions& options) {
  if (base::fs::exists(base::fs::symlink_status(options.out))) base::require_output(options.out, weights_rule(options));
  base::fs::create_directories(base::followed(options.folder));
  base::require_output(options.out, weights_rule(options));  // which may lie in that folder
  std::vector<std::filesystem::path> inputs;
  if (!options.recipe.empty()) inputs.push_back(options.recipe);
  if (!options.resume)  // else it is read, by a reader that knows its own
    base::require_output(checkpoint_of(options), {"a checkpoint of clb-pretrain", is_checkpoint, inputs, options.force});
  base::require_output(curve_of(options), {"a curve that clb-pretrain wrote", Curve::is_own, inputs, options.force});
}

double since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

double mean(const Learner::Means& means, const std::string& name) {
  return std::ranges::find(means, name, &Learner::Means::value_type::first)->second;
}

// One call of train().
class Training {
 public:
  Training(const Recipe& recipe, const TrainOptions& options)
      : options_(options),
        checkpoint_(checkpoint_of(options)),
        learner_(make_learner(recipe, device_of(options.device), options.threads)),
        before_(options.resume ? take_up() : 0),
        curve_(curve_of(options), learner_->updates()),
        curve_every_(options.curve_every > 0 ? options.curve_every : std::clamp<int64_t>(recipe.updates() / 50, 1, 100)) {}

  bool run() {
    learner_->begin();
    start_ = saved_ = point_ = Clock::now();
    point_updates_ = learner_->updates();
    while (!learner_->finished()) {
      learner_->update();
      if (learner_->updates() % curve_every_ == 0 || learner_->finished()) add_point();
      const bool stop = options_.stop && options_.stop();
      if (stop || since(saved_) > 60 * options_.checkpoint_minutes) save();
      if (stop) return learner_->finished() && write_weights();
    }
    save();
    return write_weights();
  }

 private:
  double take_up() {
    try {
      return load_checkpoint(checkpoint_, *learner_);
    } catch (const DamagedCheckpoint& e) {
      if (options_.warn) options_.warn(std::string(e.what()) + "; the training starts over");
      return 0;
    }
  }

  double seconds() const { return before_ + since(start_); }

  void save() {
    save_checkpoint(checkpoint_, *learner_, seconds());
    saved_ = Clock::now();
  }

  bool write_weights() {
    base::write_output(options_.out, weights_file(*learner_), weights_rule(options_));
    return true;
  }

  void add_point() {
    const Learner::Means means = learner_->take_means();
    curve_.add(*learner_, means, seconds());
    const int64_t size = learner_->recipe().training.batch_size;
    const double rate = static_cast<double>((learner_->updates() - point_updates_) * size) / std::max(1e-9, since(point_));
    point_ = Clock::now();
    point_updates_ = learner_->updates();
    if (!options_.progress) return;
    const int64_t images = learner_->updates() * size, total = learner_->recipe().updates() * size;
    options_.progress({.images = images,
                       .total = total,
                       .rate = rate,
                       .seconds_left = static_cast<double>(total - images) / rate,
                       .loss = mean(means, "loss"),
                       .accuracy = mean(means, "accuracy")});
  }

  const TrainOptions& options_;
  std::filesystem::path checkpoint_;
  std::unique_ptr<Learner> learner_;
  double before_;  // seconds of the trainings that this one goes on from
  Curve curve_;
  int64_t curve_every_;
  Clock::time_point start_, saved_, point_;
  int64_t point_updates_ = 0;
};

}  // namespace

bool train(const Recipe& recipe, const TrainOptions& options) {
  at::set_num_threads(1);  // the learner divides the work among its own threads; LibTorch's would wait in loops beside them
  require_outputs(options);
  const auto lock = base::FileLock::own(options.folder / "lock", "the folder " + options.folder.string(),
                                        "wait until that training ends, or give another --folder");
  return Training(recipe, options).run();
}

}  // namespace clb::pretrain
