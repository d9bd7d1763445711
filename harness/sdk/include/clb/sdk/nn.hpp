// Joins the SDK and nn, and is the only header that does: the run's backbone, the options of a fit as parameters, the training loop.
#pragma once

#include <clb/nn/fit.hpp>
#include <clb/nn/vit.hpp>
#include <clb/sdk/context.hpp>
#include <clb/sdk/error.hpp>
#include <clb/sdk/params.hpp>
#include <cmath>
#include <functional>
#include <string>
#include <vector>

namespace clb {

// The network whose weights the experiment names under this role: on the run's device, in its precision, frozen.
inline nn::Vit backbone(const Context& ctx, const char* role = "main") {
  const clb_weights weights = ctx.weights(role);
  const auto file = std::span(static_cast<const uint8_t*>(weights.bytes), weights.size);
  return nn::read_vit(file, weights.options, std::string("weights.") + role).to(ctx.device(), ctx.dtype());
}

// Declares the options of a fit as parameters of the method.
template <class T>
void describe(Params<T>& p, nn::FitOptions T::*fit) {
  using Fit = nn::FitOptions;
  auto in = p.in(fit);
  in.choice("optimizer", &Fit::optimizer, {"sgd", "adam", "adamw"}, "sgd, adam (decay added to the gradient) or adamw (decoupled decay)");
  in.real("lr", &Fit::lr, {0, 100}, "learning rate");
  in.real("momentum", &Fit::momentum, {0, 1}, "momentum of sgd");
  in.real("weight_decay", &Fit::weight_decay, {0, 10}, "weight decay");
  in.integer("epochs", &Fit::epochs, {0, 100000}, "epochs per task");
  in.integer("batch_size", &Fit::batch_size, {1, 65536}, "images per update");
  in.choice("schedule", &Fit::schedule, {"constant", "cosine", "multistep", "warmup_cosine", "coda"}, "how the learning rate moves");
  in.real("min_lr", &Fit::min_lr, {0, 100}, "where schedule cosine ends");
  in.integers("milestones", &Fit::milestones, {0, 100000}, "epochs after which schedule multistep lowers the rate");
  in.real("gamma", &Fit::gamma, {0, 1}, "factor at each milestone");
  in.integer("warmup_epochs", &Fit::warmup_epochs, {0, 100000}, "epochs in which schedule warmup_cosine raises the rate");
  in.flag("rate_per_iteration", &Fit::rate_per_iteration, "move the learning rate with every update, not with every epoch");
  in.real("clip_norm", &Fit::clip_norm, {0, 1e6}, "largest norm of all gradients together; 0: no clipping");
  in.flag("drop_last", &Fit::drop_last, "leave out the last batch of an epoch when it is not full");
}

// Trains the groups on the stream (view and images are the caller's choice; order, epochs and batches come from the options), which are in
// training mode meanwhile and on the run's device from then on. loss(batch) gives the batch's loss; after_update(batch), if any, runs
// behind each update. Records the mean `loss` of each epoch and, for the task, `updates`, `images_x_epochs`, `dropped` (samples per epoch
// left out by drop_last) and `relative_change` (of what is trained).
template <class Loss>
void fit(const Context& ctx, const nn::FitOptions& options, StreamRequest stream, const std::vector<nn::FitGroup>& groups, Loss loss,
         const std::function<void(const Batch&)>& after_update = {}) {
  for (const auto& group : groups) nn::move_to(*group.module, ctx.device());
  if (options.epochs == 0) return;
  for (const auto& group : groups) group.module->train(true);
  Batches batches = std::move(stream).shuffled().epochs(options.epochs).drop_last(options.drop_last).batches(options.batch_size);
  const clb_stream_info info = batches.info();
  nn::Trainer trainer(options, groups, info.batches_per_epoch);

  int64_t images = 0;
  const auto end_epoch = [&](int64_t epoch) {
    const double mean = trainer.take_mean_loss();
    if (!std::isfinite(mean)) {
      throw PluginError(CLB_E_NUMERIC, "the loss of epoch " + std::to_string(epoch) + " of task " + std::to_string(ctx.task().index) +
                                           " is not finite; lower lr or set clip_norm");
    }
    ctx.metric("loss", epoch, mean);
  };
  for (Batch batch; batches.next(batch);) {
    ctx.progress("update", trainer.updates(), info.batches);
    trainer.step(loss(batch));
    if (after_update) after_update(batch);
    images += batch.n;
    if (trainer.updates() % info.batches_per_epoch == 0) end_epoch(batch.epoch);
  }
  for (const auto& group : groups) group.module->train(false);

  const int64_t task = ctx.task().index;
  if (trainer.updates() == 0) ctx.warn("no update was made: the task has fewer samples than batch_size, and drop_last is on");
  ctx.metric("updates", task, static_cast<double>(trainer.updates()));
  ctx.metric("images_x_epochs", task, static_cast<double>(images));
  ctx.metric("dropped", task, static_cast<double>(info.dropped));
  ctx.metric("relative_change", task, trainer.relative_change());
}

}  // namespace clb
