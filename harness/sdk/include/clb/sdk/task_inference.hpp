// Task identity from features without prompts, the first stage of HiDe-Prompt (Wang et al., NeurIPS 2023): a classifier of its own tells an
// image's class, and so its task. After each task it learns once more from features drawn from the statistics of all classes.
#pragma once

#include <clb/nn/key_choice.hpp>
#include <clb/nn/loss.hpp>
#include <clb/nn/task_inference.hpp>
#include <clb/sdk/prompting.hpp>
#include <clb/sdk/statistics.hpp>
#include <string>

namespace clb {

struct TaskInferenceOptions {
  int64_t epochs = 20;
  double lr = 1e-3;  // constant
  AlignmentOptions alignment = {};
};

template <class T>
void add_options(Params<T>& p, TaskInferenceOptions T::*inference) {
  auto in = p.in(inference);
  in.integer("tii_epochs", &TaskInferenceOptions::epochs, {0, 100000}, "epochs of task inference per task");
  in.real("tii_lr", &TaskInferenceOptions::lr, {0, 100}, "learning rate of task inference, constant");
  auto alignment = in.in(&TaskInferenceOptions::alignment);
  alignment.integer("tii_ca_epochs", &AlignmentOptions::epochs, {0, 100000}, "epochs of its alignment; 0: none");
  alignment.integer("tii_ca_samples", &AlignmentOptions::samples, {1, 65536}, "features drawn per cluster and epoch, and per update");
  alignment.real("tii_ca_lr", &AlignmentOptions::lr, {0, 100}, "learning rate of its alignment, cosine to 0");
}

class InferredTasks {
 public:
  InferredTasks() = default;
  InferredTasks(const Context& ctx, int64_t dim) : network_(dim, ctx.rng("inference")) {}

  // Learns the task's classes, which compete among themselves, from features of `vit` without prompts (those of the cache where images are
  // not `augmented`): `fit` as it is but for the options here. Then all classes, from what is kept of them. Throws Error (invalid) where a
  // class has come in an earlier task. Records with the phases "inference/" and "inference/alignment/".
  void learn(const Context& ctx, const nn::Vit& vit, nn::FitOptions fit_options, const TaskInferenceOptions& options,
             const nn::StatisticsOptions& kept, bool augmented) {
    tasks_.claim(ctx.task().index, ctx.task().labels);
    network_.grow(ctx.task().classes_seen);
    fit_options.lr = options.lr;
    fit_options.epochs = options.epochs;
    fit_options.schedule = "constant";
    const StreamRequest plain = ctx.train().eval_view().features("main:cls");
    const auto loss_of = [&](const Batch& b) {
      const torch::Tensor z = queries(b, b.images, vit, augmented), mapped = network_.mapped(z), logits = network_(z);
      const torch::Tensor masked = nn::mask_to(ctx.task().labels, logits), loss = at::cross_entropy_loss(masked, b.labels);
      ctx.trace({{"tii.feature", z}, {"tii.mlp_out", mapped}, {"tii.logits", logits}, {"tii.logits_masked", masked}, {"tii.loss", loss}});
      return loss;
    };
    fit(ctx, fit_options, augmented ? queried_images(ctx, true) : plain, {network_}, loss_of, {.phase = "inference/"});
    const auto of_task = features_of(ctx, plain, fit_options.batch_size, [](const Batch& b) { return b.features("main:cls"); });
    remember(ctx, kept_, of_task, kept.gaussians(), "plain");
    replay(ctx, kept_, options.alignment.replay(kept.ridge), {network_}, "inference/alignment/",
           [this](const torch::Tensor& rows) { return seen(network_(rows)); });
    record_clusters(ctx);
  }

  torch::Tensor seen(const torch::Tensor& logits) const { return logits.narrow(1, 0, tasks_.classes()); }  // of the classes that came

  // The tasks [n] int64 of images with these features [n, d].
  torch::Tensor operator()(const Context& ctx, const torch::Tensor& features) const {
    const torch::Tensor logits = network_(features);
    ctx.trace("tii_logits", logits);
    return tasks_.of(seen(logits).argmax(1));
  }

  // For whoever saves them: the classifier, the task of each class, and what is kept of all classes.
  nn::TaskInference& network() { return network_; }
  std::vector<int64_t>& tasks() { return tasks_.tasks(); }
  nn::FeatureMemory& kept() { return kept_; }

 private:
  // To which tasks the clusters of all classes are assigned: where a few tasks' prompts do all the work shows here.
  void record_clusters(const Context& ctx) const {
    const torch::NoGradGuard no_grad;
    const int64_t tasks = ctx.task().index + 1;
    if (tasks > 1) record_usage(ctx, "prompt/0", nn::count_ids((*this)(ctx, kept_.means()), tasks));
  }

  nn::TaskInference network_;
  nn::ClassTasks tasks_;
  nn::FeatureMemory kept_;
};

}  // namespace clb
