// What prompt-based methods share that needs a session: images with the frozen network's view of them (the query), and heads trained once
// more on features drawn from what is kept of all classes.
#pragma once

#include <clb/nn/feature_memory.hpp>
#include <clb/sdk/nn.hpp>
#include <string>
#include <vector>

namespace clb {

// Which prompts predict, of every method that trains some: an ablation for a kept state.
template <class M>
auto add_test_prompts(Params<M>& p, std::string M::*test_prompts) {
  return p.choice("test_prompts", test_prompts, {"trained", "initial"}, "prompts that predict; initial: as drawn (ablation)");
}

// A copy of what was just drawn, on the device of the run, for test_prompts = "initial".
template <class Module>
Module as_drawn(const Context& ctx, const Module& module) {
  Module copy = nn::copy_of(module);
  nn::move_to(copy, ctx.device());
  return copy;
}

// The task's images as queries() takes them: with the training transform, or as they are evaluated. The second kind is the same in
// every epoch, so that the host's cache has the frozen feature of each.
inline StreamRequest queried_images(const Context& ctx, bool augmented) {
  return augmented ? ctx.train().train_view().images() : ctx.train().eval_view().images().features("main:cls");
}

// [n, d] float32: the class token of the network without prompts, from the cache where the batch brings it, else from one frozen pass.
inline torch::Tensor queries(const Batch& b, const nn::Vit& vit, bool augmented) {
  return augmented ? vit.query(b.images).to(torch::kFloat32) : b.features("main:cls");
}

// How often each entry of a pool was taken, counts [entries], under the reserved name of usage; `pool`: "KIND/BLOCK", 0 where one choice
// serves all blocks.
inline void record_usage(const Context& ctx, const std::string& pool, const torch::Tensor& counts) {
  const torch::Tensor numbers = counts.detach().to(torch::kCPU, torch::kFloat64);
  for (int64_t k = 0; k < numbers.numel(); ++k) ctx.metric((CLB_METRIC_USAGE + pool).c_str(), k, numbers[k].item<double>());
}

// How far a task moved its prompts: the length of the difference over their length before.
inline void record_change(const Context& ctx, const torch::Tensor& now, const torch::Tensor& before) {
  const torch::Tensor moved = (now.detach() - before).norm() / before.norm().clamp_min(1e-12);
  ctx.metric("prompts/" CLB_METRIC_RELATIVE_CHANGE, ctx.task().index, moved.item<double>());
}

struct LabelledFeatures {
  torch::Tensor features, labels;  // [n, d] float32, [n] int64
};

// One pass over a stream of the task's samples, without gradients: feature(batch) [n, d].
template <class Feature>
LabelledFeatures features_of(const Context& ctx, const StreamRequest& samples, int64_t batch_size, Feature feature) {
  const torch::NoGradGuard no_grad;
  std::vector<torch::Tensor> features, labels;
  for (const Batch& b : samples.batches(batch_size)) {
    ctx.progress("statistics", b.step, 0);
    features.push_back(feature(b).to(torch::kFloat32));
    labels.push_back(b.labels);
  }
  return {at::cat(features), at::cat(labels)};
}

struct ReplayOptions {
  nn::FitOptions fit = {};   // batch_size: features per update; where fit.iterations is set the schedule counts updates
  int64_t each = 16;         // features drawn of every distribution in an epoch ...
  double ridge = 1e-4;       // ... with this added to the variances
  bool spread_only = false;  // see nn::DrawOptions
  nn::Schedule schedule = {};
};

// Trains `heads` on features drawn from the memory: in each of fit.epochs epochs as many updates as earlier tasks left classes, so that
// only a part of what could be drawn is used, as HiDe-Prompt and VQ-Prompt do it. classify(rows) gives logits of the classes seen, which
// all compete. Nothing happens where there are no earlier classes. Records as a fit of this phase.
template <class Classify>
void replay(const Context& ctx, const nn::FeatureMemory& memory, const ReplayOptions& options, const std::vector<nn::FitGroup>& heads,
            const std::string& phase, Classify classify) {
  const int64_t task = ctx.task().index, updates = memory.classes_before(task), epochs = options.fit.epochs;
  if (updates == 0 || epochs == 0) return;
  nn::Trainer trainer(options.fit, heads, updates, options.schedule);
  const nn::DrawOptions wanted{
      .each = options.each, .rows = updates * options.fit.batch_size, .ridge = options.ridge, .spread_only = options.spread_only};
  int64_t features = 0;
  for (int64_t epoch = 0; epoch < epochs; ++epoch) {
    ctx.progress("epochs of replay", epoch, epochs);
    const nn::DrawnRows drawn = memory.draw(wanted, ctx.rng((phase + "replay").c_str(), {task, epoch}));
    nn::align(trainer, drawn, options.fit.batch_size, classify);
    features += drawn.rows.size(0);
    record_loss(ctx, phase, epoch, trainer.take_mean_loss());
  }
  record_updates(ctx, phase, trainer, features);
}

}  // namespace clb
