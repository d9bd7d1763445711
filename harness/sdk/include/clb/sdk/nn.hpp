// Joins the SDK and nn, and is the only header that does (method.hpp knows nn's errors alone): the run's backbone, the options of a fit and
// of a tuner as parameters, the training loop, the adaptation to the first task.
#pragma once

#include <algorithm>
#include <array>
#include <clb/nn/class_gaussians.hpp>
#include <clb/nn/clip.hpp>
#include <clb/nn/fit.hpp>
#include <clb/nn/heads.hpp>
#include <clb/nn/tuned_vit.hpp>
#include <clb/nn/vit.hpp>
#include <clb/sdk/context.hpp>
#include <clb/sdk/error.hpp>
#include <clb/sdk/params.hpp>
#include <cmath>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace clb {

// The network whose weights the experiment names under this role: on the run's device, in its precision, frozen.
inline nn::Vit backbone(const Context& ctx, const char* role = "main") {
  const clb_weights weights = ctx.weights(role);
  const auto file = std::span(static_cast<const uint8_t*>(weights.bytes), weights.size);
  return nn::read_vit(file, weights.options, std::string("weights.") + role).to(ctx.device(), ctx.weights_dtype());
}

// The same for a CLIP (format openclip or openai_clip): both towers.
inline nn::Clip clip(const Context& ctx, const char* role = "clip") {
  const clb_weights weights = ctx.weights(role);
  const auto file = std::span(static_cast<const uint8_t*>(weights.bytes), weights.size);
  nn::Clip clip = nn::read_clip(file, weights.options, std::string("weights.") + role).to(ctx.device(), ctx.weights_dtype());
  clip.text.compute_in(ctx.dtype());
  return clip;
}

// Declares a kind of features that extract() derives from `part`, whose hash is taken here: runs with equal parts share them. A part that
// is trained once more has other features: they need another name, and a hash taken after the training.
inline void register_part(const Context& ctx, const std::string& kind, int64_t dim, nn::Module& part) {
  ctx.register_hashed_part(kind, dim, nn::content_hash(part));
}

// The options of a fit that a method has, as its parameters; of those that are not named the member keeps what its initialiser says.
//
// Options that came after runs had been stored have neutral values: a method may add one later and changes no run that does not use it.
//
//   clb::FitParams(p, &Mine::fit_).optimizer().lr().epochs().batch_size().schedule({"constant", "cosine"}).min_lr();
template <class T>
class FitParams {
  using Fit = nn::FitOptions;
  using Names = std::initializer_list<const char*>;

 public:
  FitParams(Params<T>& p, nn::FitOptions T::*fit) : in_(p.in(fit)) {}

  FitParams& optimizer(Names names = {"sgd", "adam", "adamw"}) {
    in_.choice("optimizer", &Fit::optimizer, names, "sgd, adam (decay added to the gradient) or adamw (decoupled decay)");
    return *this;
  }
  FitParams& lr() {
    in_.real("lr", &Fit::lr, {0, 100}, "learning rate");
    return *this;
  }
  FitParams& momentum() {
    in_.real("momentum", &Fit::momentum, {0, 1}, "momentum of sgd");
    return *this;
  }
  FitParams& nesterov() {
    in_.flag("nesterov", &Fit::nesterov, "Nesterov's momentum in sgd").neutral(false);
    return *this;
  }
  FitParams& betas() {
    in_.real("beta1", &Fit::beta1, {0, 0.999999}, "decay of the mean of gradients in adam and adamw").neutral(0.9);
    in_.real("beta2", &Fit::beta2, {0, 0.999999}, "decay of the mean of squared gradients in adam and adamw").neutral(0.999);
    return *this;
  }
  FitParams& amsgrad() {
    in_.flag("amsgrad", &Fit::amsgrad, "adam and adamw divide by the largest mean so far (AMSGrad)").neutral(false);
    return *this;
  }
  FitParams& weight_decay() {
    in_.real("weight_decay", &Fit::weight_decay, {0, 10}, "weight decay");
    return *this;
  }
  FitParams& epochs() {
    in_.integer("epochs", &Fit::epochs, {0, 100000}, "epochs per task");
    return *this;
  }
  FitParams& iterations() {
    in_.integer("iterations", &Fit::iterations, {0, 1e9}, "updates per task; 0: the number of epochs rules").neutral(0);
    return *this;
  }
  FitParams& batch_size() {
    in_.integer("batch_size", &Fit::batch_size, {1, 65536}, "images per update");
    return *this;
  }
  FitParams& schedule(Names names) {
    in_.choice("schedule", &Fit::schedule, names, "how the learning rate moves");
    return *this;
  }
  FitParams& min_lr() {
    in_.real("min_lr", &Fit::min_lr, {0, 100}, "where schedule cosine ends");
    return *this;
  }
  FitParams& milestones() {
    in_.integers("milestones", &Fit::milestones, {0, 100000}, "epochs after which schedule multistep lowers the rate");
    return *this;
  }
  FitParams& gamma() {
    in_.real("gamma", &Fit::gamma, {0, 1}, "factor at each milestone");
    return *this;
  }
  FitParams& step_every() {
    in_.integer("step_every", &Fit::step_every, {1, 100000}, "epochs between the steps of schedule step").neutral(1);
    return *this;
  }
  FitParams& warmup_epochs() {
    in_.integer("warmup_epochs", &Fit::warmup_epochs, {0, 100000}, "epochs in which schedule warmup_cosine raises the rate");
    return *this;
  }
  FitParams& warmup_iterations() {
    in_.integer("warmup_iterations", &Fit::warmup_iterations, {0, 1e9}, "the same in updates, where the length is in updates").neutral(0);
    return *this;
  }
  FitParams& warmup_lr() {
    in_.real("warmup_lr", &Fit::warmup_lr, {0, 100}, "where schedule timm_cosine begins").neutral(0);
    return *this;
  }
  FitParams& rate_per_iteration() {
    in_.flag("rate_per_iteration", &Fit::rate_per_iteration, "move the learning rate with every update, not with every epoch");
    return *this;
  }
  FitParams& clip_norm() {
    in_.real("clip_norm", &Fit::clip_norm, {0, 1e6}, "largest norm of all gradients together; 0: no clipping");
    return *this;
  }
  FitParams& drop_last() {
    in_.flag("drop_last", &Fit::drop_last, "leave out the last batch of an epoch when it is not full");
    return *this;
  }
  FitParams& shuffle() {
    in_.flag("shuffle", &Fit::shuffle, "draw the order of an epoch; off: samples as they come").neutral(true);
    return *this;
  }

  // What most methods have of these, in three groups.
  FitParams& common() { return optimizer().lr().momentum().weight_decay().epochs().batch_size(); }
  FitParams& shaped(Names schedules) { return schedule(schedules).min_lr().milestones().gamma().warmup_epochs(); }
  FitParams& limits() { return rate_per_iteration().clip_norm().drop_last(); }

 private:
  ParamScope<T, nn::FitOptions> in_;
};

// The options that the methods of before FitParams have all of. Nothing is added here: their runs, rows and series stay what they are.
template <class T>
void add_options(Params<T>& p, nn::FitOptions T::*fit) {
  FitParams(p, fit).common().shaped({"constant", "cosine", "cosine_shifted", "multistep", "warmup_cosine", "coda"}).limits();
}

// What the first task does otherwise (nn::of_task). Methods of before have names of their own for the same struct.
template <class T>
void add_options(Params<T>& p, nn::FitChange T::*first) {
  auto in = p.in(first);
  in.integer("first_epochs", &nn::FitChange::epochs, {0, 100000}, "epochs of the first task; 0: as of the others").neutral(0);
  in.real("first_lr", &nn::FitChange::lr, {0, 100}, "learning rate of the first task; 0: as of the others").neutral(0);
  in.real("first_weight_decay", &nn::FitChange::weight_decay, {-1, 10}, "weight decay of the first task; below 0: as of the others")
      .neutral(-1);
}

// Declares the options of a tuner as parameters of the method. What is returned may follow the declaration of `tuner`.
template <class T>
auto add_options(Params<T>& p, nn::TunerOptions T::*tuner) {
  using Tuner = nn::TunerOptions;
  auto in = p.in(tuner);
  auto declared = in.choice("tuner", &Tuner::tuner, {"none", "finetune", "vpt_shallow", "vpt_deep", "ssf", "adapter"},
                            "what adapts the network to the first task; finetune: the network itself");
  in.integer("prompt_length", &Tuner::prompt_length, {1, 256}, "tokens per layer of tuner vpt_shallow and vpt_deep");
  in.flag("prompt_zero_init", &Tuner::prompt_zero_init, "vpt: tokens start as zeros (LAMDA-PILOT), else uniform as in VPT's paper");
  in.integer("bottleneck", &Tuner::bottleneck, {1, 4096}, "hidden units of tuner adapter (r)");
  in.real("adapter_scale", &Tuner::adapter_scale, {0, 100}, "factor on the adapter's output");
  in.real("adapter_dropout", &Tuner::adapter_dropout, {0, 0.99}, "dropout behind the adapter's ReLU");
  return declared;
}

// The records of a fit. A task's main fit has none before its names; a further fit in the same task gives a phase ("alignment/"), else its
// numbers would take the place of the first one's. The table's note "under-trained" reads the main fit's `updates`.
inline void record_loss(const Context& ctx, const std::string& phase, int64_t epoch, double mean) {
  if (!std::isfinite(mean)) {
    throw PluginError(CLB_E_NUMERIC, "the " + phase + "loss of epoch " + std::to_string(epoch) + " of task " +
                                         std::to_string(ctx.task().index) + " is not finite; lower lr or set clip_norm");
  }
  ctx.metric((phase + CLB_METRIC_LOSS).c_str(), epoch, mean);
}
inline void record_updates(const Context& ctx, const std::string& phase, const nn::Trainer& trainer, int64_t images) {
  const int64_t task = ctx.task().index;
  ctx.metric((phase + CLB_METRIC_TRAINABLE_PARAMETERS).c_str(), task, static_cast<double>(trainer.trained()));
  ctx.metric((phase + CLB_METRIC_UPDATES).c_str(), task, static_cast<double>(trainer.updates()));
  ctx.metric((phase + CLB_METRIC_IMAGES_X_EPOCHS).c_str(), task, static_cast<double>(images));
  ctx.metric((phase + CLB_METRIC_RELATIVE_CHANGE).c_str(), task, trainer.relative_change());
}

// What a method may add to a fit.
struct FitExtras {
  std::function<void(const Batch&)> before_update = {};  // gradients are there and may be replaced: GPM, A-GEM (nn/subspace.hpp)
  std::function<void(const Batch&)> after_update = {};   // averages of weights, ...
  nn::Schedule schedule = {};                            // instead of the options': of epochs, or of updates where `iterations` rules
  nn::Optimizer* optimizer = nullptr;                    // goes on with its moments, and outlives the fit
  std::string phase = "";                                // see record_loss
};

// Trains the groups on the stream (view and images are the caller's choice; order, length and batches come from the options), which are in
// training mode meanwhile and on the run's device from then on. loss(batch) gives the batch's loss, the method's own terms included.
// Records the mean `loss` of each epoch (the last may be in part) and, for the task, `trainable_parameters`, `updates`, `images_x_epochs`,
// `relative_change` (of what is trained) and `dropped` (samples per epoch left out by drop_last).
template <class Loss>
void fit(const Context& ctx, const nn::FitOptions& options, StreamRequest stream, const std::vector<nn::FitGroup>& groups, Loss loss,
         const FitExtras& extras = {}) {
  for (const auto& group : groups) nn::move_to(*group.module, ctx.device());
  if (options.epochs == 0 && options.iterations == 0) return;
  for (const auto& group : groups) group.module->train(true);
  if (options.shuffle) stream = stream.shuffled();
  const int64_t epochs = options.iterations > 0 ? options.iterations : options.epochs;  // an epoch has an update at least
  Batches batches = stream.epochs(epochs).drop_last(options.drop_last).batches(options.batch_size);
  const clb_stream_info info = batches.info();
  const int64_t updates = options.iterations > 0 ? std::min(options.iterations, info.batches) : info.batches;
  nn::Trainer trainer(options, groups, info.batches_per_epoch, extras.schedule, extras.optimizer);

  int64_t images = 0;
  for (Batch batch; trainer.updates() < updates && batches.next(batch);) {
    ctx.progress("update", trainer.updates(), updates);
    trainer.step(loss(batch), [&] {
      if (extras.before_update) extras.before_update(batch);
    });
    if (extras.after_update) extras.after_update(batch);
    images += batch.n;
    if (trainer.updates() % info.batches_per_epoch == 0 || trainer.updates() == updates)
      record_loss(ctx, extras.phase, batch.epoch, trainer.take_mean_loss());
  }
  for (const auto& group : groups) group.module->train(false);

  if (trainer.updates() == 0) ctx.warn("no update was made: the task has fewer samples than batch_size, and drop_last is on");
  record_updates(ctx, extras.phase, trainer, images);
  ctx.metric((extras.phase + CLB_METRIC_DROPPED).c_str(), ctx.task().index, static_cast<double>(info.dropped));
}

// The moments of an optimiser that outlives a task, in a method's state().
inline void archive_entries(Archive& archive, nn::Optimizer& optimizer) {
  nn::OptimizerState state = optimizer.state();
  archive("names", state.names)("steps", state.steps)("moments", state.moments);
  optimizer.set_state(std::move(state));
}

// What is kept of classes (nn/class_gaussians.hpp), likewise.
inline void archive_entries(Archive& archive, std::vector<nn::ClassGaussian>& classes) {
  std::vector<int64_t> labels;
  std::vector<torch::Tensor> means, covariances;
  for (const auto& c : classes) {
    labels.push_back(c.label);
    means.push_back(c.mean);
    covariances.push_back(c.covariance);
  }
  archive("labels", labels)("means", means)("covariances", covariances);
  if (means.size() != labels.size() || covariances.size() != labels.size())
    throw PluginError(CLB_E_STATE, "the saved state is damaged: classes, means and covariances are not equally many");
  classes.clear();
  for (size_t k = 0; k < labels.size(); ++k) classes.push_back({labels[k], means[k], covariances[k]});
}

// First-session adaptation (APER, RanPAC, LayUP): on the first task the tuner learns with a cosine head that is then thrown away; `vit` is
// frozen ever after. Cross-entropy over the task's classes, training view. Other tasks and tuner `none`: nothing happens.
// head: `sigma` 1 and learned (APER), 30 and fixed (LayUP).
inline void adapt_in_first_task(const Context& ctx, const nn::FitOptions& options, nn::TunedVit& vit, nn::CosineHeadOptions head = {}) {
  if (ctx.task().index != 0 || vit.plain()) return;
  head.dim = vit.dim();
  nn::CosineHead classifier(head, ctx.rng("adaptation_head"));
  classifier.grow(ctx.task().classes_seen);
  fit(ctx, options, ctx.train().train_view().images(), {vit, classifier}, [&](const Batch& b) {
    const auto loss = at::cross_entropy_loss(classifier(vit.cls(b.images)), b.labels);
    ctx.trace("adaptation_loss", loss);
    return loss;
  });
  nn::freeze(vit);
}

// What RanPAC, LayUP and FeCAM learn from: features of the frozen network, or of one that a tuner adapts to the first task. The host
// computes either once for each image. Parameters: what is tuned.
//
//   create:      features_ = {ctx(), tuner_};
//   inputs:      return Inputs::features(features_.kind(ctx()));
//   train_task:  features_.adapt(ctx(), fit_); then ctx().train()...features(features_.kind())
//   extract:     return features_.extract(batch);
class AdaptedFeatures final : public nn::Module {
 public:
  AdaptedFeatures() = default;

  // blocks: 0, the class token after the final norm; else those that the last `blocks` blocks put out, side by side. Tuner `none` needs no
  // network: a dataset of feature vectors will do.
  AdaptedFeatures(const Context& ctx, const nn::TunerOptions& tuner, int64_t blocks = 0)
      : kind_(blocks == 0 ? "main:cls" : "main:cls@last" + std::to_string(blocks)) {
    if (tuner.tuner == "none") return;
    const nn::Vit vit = backbone(ctx);
    const int64_t depth = vit.shape().depth;
    if (blocks > depth) {
      throw PluginError(CLB_E_INVALID, "blocks is " + std::to_string(blocks) + ", but the network has only " + std::to_string(depth));
    }
    kind_ = "tuned";
    first_block_ = blocks == 0 ? -1 : depth - blocks;
    dim_ = vit.dim() * std::max<int64_t>(1, blocks);
    tuned_ = {vit, tuner, ctx.rng("tuner")};
  }

  // For every task; see adapt_in_first_task.
  void adapt(const Context& ctx, const nn::FitOptions& options, const nn::CosineHeadOptions& head = {}) {
    adapt_in_first_task(ctx, options, tuned_, head);
    if (tuned_.plain() && ctx.task().index == 0) ctx.metric(CLB_METRIC_TRAINABLE_PARAMETERS, 0, 0);
    if (ctx.task().index == 0) content_.reset();
    kind(ctx);
  }

  const std::string& kind() const { return kind_; }
  const std::string& kind(const Context& ctx) const {  // tells the host of it as well
    if (tuned_.plain()) return kind_;
    if (!content_) {
      nn::TunedVit tuned = tuned_;
      content_ = nn::content_hash(tuned);
    }
    ctx.register_hashed_part(kind_, dim_, *content_);
    return kind_;
  }

  torch::Tensor extract(const Batch& b) const {  // [n, d] float32
    const auto features = first_block_ < 0 ? tuned_.cls(b.images) : tuned_.cls_of_blocks(b.images, first_block_).flatten(1);
    return features.to(torch::kFloat32);
  }

  void parameters(const nn::ParameterVisitor& visit) override {  // which may change them
    tuned_.parameters(visit);
    content_.reset();
  }

 private:
  std::string kind_ = "main:cls";
  mutable std::optional<std::array<uint8_t, 32>> content_;  // of what is tuned; nothing: not taken yet
  int64_t first_block_ = -1, dim_ = 0;
  nn::TunedVit tuned_;
};

}  // namespace clb
