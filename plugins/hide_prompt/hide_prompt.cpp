// HiDe-Prompt: a prompt for each task, put in front of keys and values. Which task an image belongs to is told by a classifier of its own
// on features without prompts. After each task both classifiers learn once more from features drawn from the statistics of all classes.
#include <algorithm>
#include <clb/nn/heads.hpp>
#include <clb/nn/key_choice.hpp>
#include <clb/nn/layer_norm.hpp>
#include <clb/nn/layer_prefixes.hpp>
#include <clb/nn/loss.hpp>
#include <clb/nn/mlp.hpp>
#include <clb/sdk/method.hpp>
#include <clb/sdk/prompting.hpp>
#include <clb/sdk/statistics.hpp>
#include <utility>

namespace {

using torch::Tensor;

// Task-identity inference: a residual MLP with a norm behind it, and a head. The norm has torch's eps, 1e-5; the network's is 1e-6.
class TaskInference final : public clb::nn::Module {
 public:
  TaskInference() = default;
  TaskInference(int64_t dim, const clb::nn::Rng& rng)
      : mlp_(drawn(2 * dim, dim, "fc1", rng), drawn(dim, 2 * dim, "fc2", rng)),
        norm_(dim),
        head_({.dim = dim, .init = clb::nn::HeadInit::normal(0.02)}, [rng](const std::string& name) { return rng("head/" + name); }) {
    clb::nn::unfreeze(*this);
  }

  void grow(int64_t classes) { head_.grow(classes); }
  Tensor mapped(const Tensor& feature) const { return norm_(mlp_(feature) + feature); }  // [n, d] -> [n, d]
  Tensor operator()(const Tensor& feature) const { return head_(mapped(feature)); }      // [n, classes]

 private:
  static clb::nn::Linear drawn(int64_t out, int64_t in, const std::string& name, const clb::nn::Rng& rng) {
    return clb::nn::Linear::drawn(out, in, [&](const std::string& tensor) { return rng(name + "/" + tensor); });
  }
  void parts(clb::nn::Parts& p) override { p("mlp", mlp_)("mlp.norm", norm_)("head", head_); }

  clb::nn::Mlp mlp_;
  clb::nn::LayerNorm norm_;
  clb::nn::GrowingLinear head_;
};

// The keys and values of a task, [blocks, 2, p, d].
struct TaskPrompt final : clb::nn::Module {
  Tensor pairs;

 private:
  void parts(clb::nn::Parts& p) override { p("pairs", pairs); }
};

// (1 - momentum) own + momentum mean of the older ones, which get no gradient.
Tensor mixed(const Tensor& own, const std::vector<Tensor>& older, double momentum) {
  if (older.empty() || momentum == 0) return own;
  return (1 - momentum) * own + momentum * at::stack(older).mean(0).detach();
}

// Every row, of old classes and of this batch, should resemble itself most: cross-entropy of the products of all rows, which are not
// normalised. stored [k, d] or undefined, features [n, d].
Tensor contrastive_loss(const Tensor& stored, const Tensor& features, double temperature) {
  const Tensor rows = stored.defined() ? at::cat({stored, features}) : features;
  return at::cross_entropy_loss(rows.matmul(rows.t()) / temperature, torch::arange(rows.size(0), rows.options().dtype(torch::kInt64)));
}

// Of a head, or of the task inference: the cosine moves with the epochs.
clb::ReplayOptions alignment_of(int64_t samples, int64_t epochs, double lr, double ridge) {
  return {.fit = {.lr = lr, .momentum = 0.9, .epochs = epochs, .batch_size = samples, .schedule = "cosine"},
          .each = samples,
          .ridge = ridge,
          .spread_only = true};
}

class HidePrompt final : public clb::Method {
 public:
  static constexpr clb::About about{
      .id = "hide_prompt",
      .version = "1.0.0",
      .paper = "Wang et al., NeurIPS 2023, arXiv:2310.07234",
      .capabilities = clb::kBf16 | clb::kBitwise,
  };
  // Two clusters: of the four images per class that some checks have, ten would be as many as there are images.
  static constexpr clb::ValidationValue validation_values[] = {{"batch_size", 16},   {"epochs", 2},         {"centroids", 2},
                                                               {"ca_epochs", 2},     {"ca_samples", 16},    {"tii_epochs", 2},
                                                               {"tii_ca_epochs", 2}, {"tii_ca_samples", 16}};

  static void params(clb::Params<HidePrompt>& p) {
    p.integer("prompt_length", &HidePrompt::length_, {0, 256}, "rows of keys, and of values, of a task's prompt (L_e); 0 = no prompts");
    p.integers("blocks", &HidePrompt::blocks_, {0, 1000}, "blocks with prompts");
    p.real("init_low", &HidePrompt::low_, {-10, 10}, "the first task's prompt starts uniform from here ...");
    p.real("init_high", &HidePrompt::high_, {-10, 10}, "... to here; later ones start as a copy of the one before");
    p.real("prompt_momentum", &HidePrompt::momentum_, {0, 1}, "share of the older tasks' mean prompt in a task's");
    p.real("contrast_weight", &HidePrompt::contrast_weight_, {0, 1000}, "weight of the contrastive term (reg)");
    p.real("contrast_temperature", &HidePrompt::contrast_temperature_, {1e-3, 1e6}, "its temperature");
    p.real("head_lr_scale", &HidePrompt::head_lr_scale_, {0, 1000}, "factor on the learning rate of the head");
    p.real("prompt_lr_scale", &HidePrompt::prompt_lr_scale_, {0, 1000}, "factor on that of the prompts; 0: they stay as drawn");
    p.choice("statistics", &HidePrompt::statistics_, {"multi_centroid", "variance", "covariance"}, "what is kept of a class's features");
    p.integer("centroids", &HidePrompt::centroids_, {1, 1000}, "statistics multi_centroid: clusters per class, each with its variances");
    p.real("ridge", &HidePrompt::ridge_, {0, 100}, "added to the variances that features are drawn with");
    p.integer("ca_epochs", &HidePrompt::ca_epochs_, {0, 100000}, "epochs of the head's alignment; 0: none");
    p.integer("ca_samples", &HidePrompt::ca_samples_, {1, 65536}, "features drawn per cluster and epoch, and per update");
    p.real("ca_lr", &HidePrompt::ca_lr_, {0, 100}, "learning rate of the head's alignment, cosine to 0");
    auto tii = p.in(&HidePrompt::tii_fit_);
    tii.integer("tii_epochs", &clb::nn::FitOptions::epochs, {0, 100000}, "epochs of task inference per task");
    tii.real("tii_lr", &clb::nn::FitOptions::lr, {0, 100}, "learning rate of task inference, constant");
    p.integer("tii_ca_epochs", &HidePrompt::tii_ca_epochs_, {0, 100000}, "epochs of its alignment; 0: none");
    p.integer("tii_ca_samples", &HidePrompt::tii_ca_samples_, {1, 65536}, "features drawn per cluster and epoch, and per update");
    p.real("tii_ca_lr", &HidePrompt::tii_ca_lr_, {0, 100}, "learning rate of its alignment, cosine to 0");
    p.choice("task_id", &HidePrompt::task_id_, {"inferred", "oracle", "random"},
             "whose prompt a test image gets: of the task inferred, of its own (task ids), or of any")
        .implies(clb::kTaskIdTest, "oracle");
    p.flag("legacy_prefix_reshape", &HidePrompt::legacy_, "prompts of a batch laid out as in the released code, across its images")
        .implies(clb::kBatchDependent);
    p.flag("augment", &HidePrompt::augment_, "train with the training transform; off: on images as evaluated, with the cache's features");
    clb::add_test_prompts(p, &HidePrompt::test_prompts_);
    clb::add_options(p, &HidePrompt::fit_);
  }

  void create() override {
    if (low_ > high_) throw clb::PluginError(CLB_E_INVALID, "init_low lies above init_high; exchange them");
    vit_ = clb::backbone(ctx());
    clb::nn::require_blocks("blocks", blocks_, vit_.shape().depth);
    tii_ = {vit_.dim(), ctx().rng("inference")};
    head_ = {{.dim = vit_.dim(), .init = clb::nn::HeadInit::normal(0.02)}, ctx().rng("head")};
    initial_ = first_prompt();
  }

  clb::Inputs inputs() const override {
    if (!prompted()) return clb::Inputs::features("main:cls");
    auto inputs = clb::Inputs::images().with_features("main:cls");
    return task_id_ == "oracle" ? std::move(inputs).with_task_ids() : inputs;
  }

  void train_task() override {
    claim_classes();
    infer_tasks();
    learn();
    keep_statistics();
    clb::replay(ctx(), features_, alignment_of(ca_samples_, ca_epochs_, ca_lr_, ridge_), {head_}, "alignment/",
                [this](const Tensor& rows) { return seen(head_(rows)); });
  }

  Tensor predict(const clb::Batch& b) override {
    const Tensor prompts = prompted() ? prompts_of(b) : Tensor();
    const Tensor z = feature(b.images, b.features("main:cls"), prompts), logits = head_(z);
    ctx().trace({{"batched_prompt", prompts}, {"feature", z}, {"logits", logits}});
    return logits;
  }

  void state(clb::Archive& a) override {
    a("inference", tii_)("prompts", prompts_, [this] { return first_prompt(); })("head", head_)("task_of", task_of_);
    a("features.gaussians", features_.gaussians())("features.tasks", features_.tasks());
    a("plain.gaussians", plain_.gaussians())("plain.tasks", plain_.tasks());
  }

 private:
  bool prompted() const { return length_ > 0 && !blocks_.empty(); }
  int64_t classes() const { return static_cast<int64_t>(task_of_.size()); }
  Tensor seen(const Tensor& logits) const { return logits.narrow(1, 0, classes()); }
  clb::StreamRequest plain_features() const { return ctx().train().eval_view().features("main:cls"); }

  TaskPrompt first_prompt() const {
    TaskPrompt first;
    const auto layers = static_cast<int64_t>(blocks_.size());
    first.pairs = clb::nn::uniform({layers, 2, length_, vit_.dim()}, low_, high_, ctx().rng("prompt")).to(ctx().device());
    return first;
  }

  // The task is inferred from the class, so a class is of one task.
  void claim_classes() {
    for (const int64_t label : task().labels) {
      if (label < classes() && task_of_[static_cast<size_t>(label)] >= 0) {
        throw clb::PluginError(CLB_E_INVALID,
                               "a class comes in a second task, but hide_prompt tells tasks by their classes; use it on a "
                               "stream of new classes (protocol.kind = \"class\")");
      }
      task_of_.resize(std::max(task_of_.size(), static_cast<size_t>(label) + 1), -1);
      task_of_[static_cast<size_t>(label)] = task().index;
    }
    tii_.grow(task().classes_seen);
    head_.grow(task().classes_seen);
  }

  // Stage 1: the task's classes told apart without prompts; then all classes, on features drawn from what is kept of them.
  void infer_tasks() {
    auto options = fit_;
    options.lr = tii_fit_.lr;
    options.epochs = tii_fit_.epochs;
    options.schedule = "constant";
    clb::fit(
        ctx(), options, augment_ ? clb::queried_images(ctx(), true) : plain_features(), {tii_},
        [&](const clb::Batch& b) {
          const Tensor z = clb::queries(b, vit_, augment_), mapped = tii_.mapped(z), logits = tii_(z);
          const Tensor masked = clb::nn::mask_to(task().labels, logits), loss = at::cross_entropy_loss(masked, b.labels);
          ctx().trace(
              {{"tii.feature", z}, {"tii.mlp_out", mapped}, {"tii.logits", logits}, {"tii.logits_masked", masked}, {"tii.loss", loss}});
          return loss;
        },
        {.phase = "inference/"});
    keep(plain_, clb::features_of(ctx(), plain_features(), fit_.batch_size, [](const clb::Batch& b) { return b.features("main:cls"); }),
         "plain");
    clb::replay(ctx(), plain_, alignment_of(tii_ca_samples_, tii_ca_epochs_, tii_ca_lr_, ridge_), {tii_}, "inference/alignment/",
                [this](const Tensor& rows) { return seen(tii_(rows)); });
    record_usage();
  }

  // Stage 2: the task's prompt and the head.
  void learn() {
    while (static_cast<int64_t>(prompts_.size()) <= task().index)
      prompts_.push_back(clb::nn::copy_of(prompts_.empty() ? first_prompt() : prompts_.back()));
    for (auto& prompt : prompts_) clb::nn::freeze(prompt);
    TaskPrompt& own = prompts_[static_cast<size_t>(task().index)];
    std::vector<clb::nn::FitGroup> groups;
    groups.emplace_back(head_, head_lr_scale_).schedule = rates(head_lr_scale_ * fit_.lr);
    if (prompted() && prompt_lr_scale_ > 0) {
      clb::nn::unfreeze(own);
      groups.emplace_back(own, prompt_lr_scale_).schedule = rates(prompt_lr_scale_ * fit_.lr);
    }
    const Tensor before = own.pairs.detach().clone();
    std::vector<Tensor> older;
    for (int64_t t = 0; t < task().index; ++t) older.push_back(prompts_[static_cast<size_t>(t)].pairs.detach());
    const Tensor stored = features_.means();
    clb::fit(ctx(), fit_, clb::queried_images(ctx(), augment_), groups,
             [&](const clb::Batch& b) { return loss(b, mixed(own.pairs, older, momentum_), stored); });
    clb::nn::freeze(own);
    own.pairs = mixed(own.pairs, older, momentum_).detach();  // once more, for good
    if (prompted()) clb::record_change(ctx(), own.pairs, before);
  }

  Tensor loss(const clb::Batch& b, const Tensor& prompt, const Tensor& stored) {
    const Tensor query = prompted() ? Tensor() : clb::queries(b, vit_, augment_),
                 prompts = prompted() ? same_for_all(prompt, b.n) : Tensor();
    const Tensor z = feature(b.images, query, prompts), logits = head_(z), masked = clb::nn::mask_to(task().labels, logits);
    const Tensor ce = at::cross_entropy_loss(masked, b.labels);
    ctx().trace({{"batched_prompt", prompts}, {"feature", z}, {"logits", logits}, {"logits_masked", masked}, {"ce", ce}});
    if (contrast_weight_ == 0 || !prompted()) return ce;  // without prompts nothing moves the features
    const Tensor contrastive = contrastive_loss(stored, z, contrast_temperature_), loss = ce + contrast_weight_ * contrastive;
    ctx().trace({{"contrastive", contrastive}, {"loss", loss}});
    return loss;
  }

  // A group's own schedule, since they end at the same rate and begin at different ones. Its first step comes after two epochs, as timm's
  // does in the released loop.
  clb::nn::Schedule rates(double base) const {
    auto options = fit_;
    options.lr = base;
    const auto schedule = clb::nn::schedule_of(options, static_cast<double>(options.epochs));
    return clb::nn::one_late(base, schedule);
  }

  // [n, d] float32: the class token beside the prompts [blocks, n, 2, p, d]; without prompts the query.
  Tensor feature(const Tensor& images, const Tensor& query, const Tensor& prompts) const {
    if (!prompted()) return query;
    return vit_.cls(images, clb::nn::prefix_of_pairs(blocks_, prompts)).to(torch::kFloat32);
  }

  Tensor same_for_all(const Tensor& prompt, int64_t n) const {
    return clb::nn::chosen_pairs(prompt.unsqueeze(2), torch::zeros(n, torch::dtype(torch::kInt64).device(prompt.device())), legacy_);
  }

  // The prompt of each image at test.
  Tensor prompts_of(const clb::Batch& b) const {
    const Tensor tasks = tasks_of(b);
    ctx().trace("task_id", tasks);
    std::vector<Tensor> pool;
    for (const auto& prompt : prompts_) pool.push_back(test_prompts_ == "initial" ? initial_.pairs : prompt.pairs);
    return clb::nn::chosen_pairs(at::stack(pool, 2), tasks, legacy_);
  }

  Tensor tasks_of(const clb::Batch& b) const {  // [n] int64
    const Tensor& feature = b.features("main:cls");
    if (task_id_ == "oracle") return b.part(CLB_PART_TASK_IDS).to(feature.device());
    if (task_id_ == "random") {  // by which numbers of the feature are largest: the same in every batch, and in another process
      const Tensor largest = std::get<1>(feature.topk(std::min<int64_t>(4, feature.size(1)), 1));
      const Tensor weights = torch::tensor({1, 7, 31, 127}, largest.options()).narrow(0, 0, largest.size(1));
      return (largest * weights).sum(1).remainder(static_cast<int64_t>(prompts_.size()));
    }
    return inferred(feature);
  }

  Tensor inferred(const Tensor& feature) const {
    const Tensor logits = tii_(feature);
    ctx().trace("tii_logits", logits);
    const Tensor tasks = torch::tensor(task_of_, torch::dtype(torch::kInt64).device(feature.device()));
    return tasks.index_select(0, seen(logits).argmax(1));
  }

  // Of the images as they are evaluated, with the task's prompt as it predicts.
  void keep_statistics() {
    const Tensor& prompt = prompts_[static_cast<size_t>(task().index)].pairs;
    const auto of_task = clb::features_of(ctx(), clb::queried_images(ctx(), false), fit_.batch_size, [&](const clb::Batch& b) {
      return feature(b.images, b.features("main:cls"), same_for_all(prompt, b.n));
    });
    ctx().trace("statistics.feature", of_task.features);
    keep(features_, of_task, "features");
  }

  void keep(clb::nn::FeatureMemory& memory, const clb::LabelledFeatures& of_task, const char* name) {
    const bool clusters = statistics_ == "multi_centroid";
    const clb::nn::GaussianOptions options{
        .covariance = statistics_ == "covariance" ? "full" : "diagonal", .per_class = clusters ? centroids_ : 1, .unbiased = !clusters};
    memory.add(task().index, of_task.features, of_task.labels, options, ctx().rng(name, {task().index}));
  }

  // To which tasks the clusters of all classes are assigned: where a few tasks' prompts do all the work shows here.
  void record_usage() {
    if (task().index == 0) return;
    const torch::NoGradGuard no_grad;
    clb::record_usage(ctx(), "prompt/0", clb::nn::count_ids(inferred(plain_.means()), task().index + 1));
  }

  // Defaults: the authors' CIFAR-100. Their batches of 24 are those of each of 8 cards, and rates are not multiplied.
  int64_t length_ = 5, centroids_ = 10, ca_epochs_ = 30, ca_samples_ = 120, tii_ca_epochs_ = 30, tii_ca_samples_ = 24;
  std::vector<int64_t> blocks_{0, 1, 2, 3, 4};
  double low_ = -1, high_ = 1, momentum_ = 0.01, contrast_weight_ = 0.1, contrast_temperature_ = 0.8, head_lr_scale_ = 0.1,
         prompt_lr_scale_ = 1, ridge_ = 1e-4, ca_lr_ = 0.005, tii_ca_lr_ = 4.6875e-4;
  std::string statistics_ = "multi_centroid", task_id_ = "inferred", test_prompts_ = "trained";
  bool legacy_ = false, augment_ = true;
  clb::nn::FitOptions fit_{.optimizer = "adam",
                           .lr = 2.8125e-3,
                           .epochs = 50,
                           .batch_size = 192,
                           .schedule = "multistep",
                           .milestones = {30},
                           .gamma = 0.1,
                           .clip_norm = 1};
  clb::nn::FitOptions tii_fit_{.lr = 4.6875e-5, .epochs = 20};

  clb::nn::Vit vit_;
  TaskInference tii_;
  TaskPrompt initial_;
  std::vector<TaskPrompt> prompts_;  // of each task; frozen but for the newest while it learns
  clb::nn::GrowingLinear head_;
  std::vector<int64_t> task_of_;             // of each class; -1: not seen
  clb::nn::FeatureMemory features_, plain_;  // beside the task's prompt; without prompts
};

}  // namespace

CLB_METHOD(HidePrompt)
