#include "learner.hpp"

#include <clb/nn/fit.hpp>

#include "clip_trainer.hpp"
#include "trainer.hpp"

namespace clb::pretrain {

double Learner::factor() const {
  const auto total = static_cast<double>(recipe().updates());
  const nn::FitOptions schedule{
      .lr = 1, .schedule = "warmup_cosine", .warmup_epochs = static_cast<int64_t>(recipe().training.warmup * total)};
  return nn::learning_rate(schedule, static_cast<double>(updates()), total);
}

std::unique_ptr<Learner> make_learner(const Recipe& recipe, torch::Device device, int threads) {
  if (recipe.text) return std::make_unique<ClipTrainer>(recipe, device, threads);
  return std::make_unique<Trainer>(recipe, device, threads);
}

}  // namespace clb::pretrain
