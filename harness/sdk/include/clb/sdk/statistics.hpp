// What is kept of the features of a task's classes, and heads trained once more on features drawn from what is kept of all classes.
#pragma once

#include <clb/nn/alignment.hpp>
#include <clb/nn/feature_memory.hpp>
#include <clb/sdk/nn.hpp>
#include <string>
#include <vector>

namespace clb {

struct LabelledFeatures {
  torch::Tensor features, labels;  // [n, d] float32, [n] int64
  torch::Tensor ids;               // [n] int64 where the stream was asked for sample ids
};

// One pass over a stream of samples, without gradients: feature(batch) [n, d]. what: named in the progress.
template <class Feature>
LabelledFeatures features_of(const Context& ctx, const StreamRequest& samples, int64_t batch_size, Feature feature,
                             const char* what = "statistics") {
  const torch::NoGradGuard no_grad;
  std::vector<torch::Tensor> features, labels, ids;
  for (const Batch& b : samples.batches(batch_size)) {
    ctx.progress(what, b.step, 0);
    features.push_back(feature(b).to(torch::kFloat32));
    labels.push_back(b.labels);
    if (b.sample_ids.defined()) ids.push_back(b.sample_ids);
  }
  return {at::cat(features), at::cat(labels), ids.empty() ? torch::Tensor() : at::cat(ids)};
}

// What it leaves in a memory, whose clusters draw from ctx.rng(rng, {task}).
inline void remember(const Context& ctx, nn::FeatureMemory& memory, const LabelledFeatures& of_task, const nn::GaussianOptions& options,
                     const char* rng) {
  memory.add(ctx.task().index, of_task.features, of_task.labels, options, ctx.rng(rng, {ctx.task().index}));
}

// A fit on what is drawn, in place of a stream: epoch(number) makes its updates with the trainer and returns how many rows they saw.
// Records as a fit of this phase.
template <class Epoch>
void fit_drawn(const Context& ctx, nn::Trainer& trainer, int64_t epochs, const std::string& phase, Epoch epoch) {
  int64_t rows = 0;
  for (int64_t e = 0; e < epochs; ++e) {
    ctx.progress("epochs on drawn rows", e, epochs);
    rows += epoch(e);
    record_loss(ctx, phase, e, trainer.take_mean_loss());
  }
  record_updates(ctx, phase, trainer, rows);
}

// `each` rows of every distribution in another order, with the random numbers of one epoch; warns in the first one where a covariance had
// to be changed.
inline nn::DrawnRows draw_shuffled(const Context& ctx, const std::vector<nn::ClassGaussian>& classes, int64_t each, const NamedRng& rng,
                                   int64_t epoch) {
  int64_t count = 0;
  const auto noise = [&](const std::string& name) {
    ctx.progress("classes drawn", count++, static_cast<int64_t>(classes.size()));
    return rng(name);
  };
  const nn::DrawnRows rows = nn::draw_rows(classes, each, noise);
  if (rows.jitter > 0 && epoch == 0) {
    ctx.warn("a covariance is not positive definite; " + std::to_string(rows.jitter) + " was added to its diagonal");
  }
  return nn::shuffled(rows, rng("order"));
}

struct ReplayOptions {
  nn::FitOptions fit = {};   // batch_size: features per update; where fit.iterations is set the schedule counts updates
  int64_t each = 16;         // features drawn of every distribution in an epoch ...
  double ridge = 1e-4;       // ... with this added to the variances
  bool spread_only = false;  // see nn::DrawOptions
  nn::Schedule schedule = {};
};

// The options of HiDe-Prompt's replays: sgd, whose cosine moves with the epochs; an update has as many features as a distribution gives.
struct AlignmentOptions {
  int64_t epochs = 30, samples = 24;
  double lr = 0.005;

  ReplayOptions replay(double ridge) const {
    return {.fit = {.lr = lr, .momentum = 0.9, .epochs = epochs, .batch_size = samples, .schedule = "cosine"},
            .each = samples,
            .ridge = ridge,
            .spread_only = true};
  }
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
  fit_drawn(ctx, trainer, epochs, phase, [&](int64_t epoch) {
    const nn::DrawnRows drawn = memory.draw(wanted, ctx.rng((phase + "replay").c_str(), {task, epoch}));
    nn::align(trainer, drawn, options.fit.batch_size, classify);
    return drawn.rows.size(0);
  });
}

}  // namespace clb
