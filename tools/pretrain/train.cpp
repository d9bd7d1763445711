#include "clb/pretrain/train.hpp"

#include <ATen/Parallel.h>
#include <torch/utils.h>

#include <chrono>
#include <clb/base/error.hpp>
#include <clb/base/file.hpp>
#include <clb/formula/batches.hpp>

#include "checkpoint.hpp"
#include "curve.hpp"
#include "trainer.hpp"

namespace clb::pretrain {
namespace {

using Clock = std::chrono::steady_clock;

torch::Device device_of(const std::string& name) {
  const bool cuda = name != "cpu" && at::hasCUDA();
  if (name == "cuda" && !cuda) throw base::Error("no CUDA device is at hand; leave --device out, or give --device cpu");
  return cuda ? torch::kCUDA : torch::kCPU;
}

double since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

// One call of train().
class Training {
 public:
  Training(const Recipe& recipe, const TrainOptions& options)
      : options_(options),
        checkpoint_(options.folder / "checkpoint.safetensors"),
        trainer_(recipe, device_of(options.device), options.threads),
        before_(options.resume ? take_up() : 0),
        curve_(options.folder / "curve.jsonl", trainer_.updates()) {}

  bool run() {
    const Recipe& recipe = trainer_.recipe();
    const formula::Painter painter(recipe.images);
    formula::Batches batches(painter, recipe.training.batch_size, trainer_.updates(), recipe.updates(), options_.threads);
    start_ = saved_ = point_ = Clock::now();
    point_updates_ = trainer_.updates();
    while (!trainer_.finished()) {
      trainer_.update(batches.next());
      if (trainer_.updates() % options_.curve_every == 0 || trainer_.finished()) add_point();
      const bool stop = options_.stop && options_.stop();
      if (stop || since(saved_) > 60 * options_.checkpoint_minutes) save();
      if (stop) return trainer_.finished() && write_weights();
    }
    save();
    return write_weights();
  }

 private:
  double take_up() {
    try {
      return load_checkpoint(checkpoint_, trainer_);
    } catch (const DamagedCheckpoint& e) {
      if (options_.warn) options_.warn(std::string(e.what()) + "; the training starts over");
      return 0;
    }
  }

  double seconds() const { return before_ + since(start_); }

  void save() {
    save_checkpoint(checkpoint_, trainer_, seconds());
    saved_ = Clock::now();
  }

  bool write_weights() {
    base::write_file_atomic(options_.out, weights_file(trainer_));
    return true;
  }

  void add_point() {
    const Trainer::Means means = trainer_.take_means();
    curve_.add(trainer_, means, seconds());
    const int64_t size = trainer_.recipe().training.batch_size;
    const double rate = static_cast<double>((trainer_.updates() - point_updates_) * size) / std::max(1e-9, since(point_));
    point_ = Clock::now();
    point_updates_ = trainer_.updates();
    if (!options_.progress) return;
    const int64_t images = trainer_.updates() * size, total = trainer_.recipe().updates() * size;
    options_.progress({.images = images,
                       .total = total,
                       .rate = rate,
                       .seconds_left = static_cast<double>(total - images) / rate,
                       .loss = means.loss,
                       .accuracy = means.accuracy});
  }

  const TrainOptions& options_;
  std::filesystem::path checkpoint_;
  Trainer trainer_;
  double before_;  // seconds of the trainings that this one goes on from
  Curve curve_;
  Clock::time_point start_, saved_, point_;
  int64_t point_updates_ = 0;
};

}  // namespace

bool train(const Recipe& recipe, const TrainOptions& options) {
  at::set_num_threads(1);  // the trainer divides the work among its own threads; LibTorch's would wait in loops beside them
  base::fs::create_directories(options.folder);
  const auto lock = base::FileLock::try_lock(options.folder / "lock");
  if (!lock)
    throw base::Error("the folder " + options.folder.string() +
                      " is in use by another training; wait until it ends, or give another --folder");
  return Training(recipe, options).run();
}

}  // namespace clb::pretrain
