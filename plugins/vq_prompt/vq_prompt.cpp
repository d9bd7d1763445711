// VQ-Prompt: an image's frozen feature weighs a pool's prompts, the entry nearest to the weighted sum is the prompt that it gets (vector
// quantisation), and gradients pass straight through to the sum. After each task a copy of the head learns once more from features drawn
// from the statistics of all classes.
#include <clb/nn/codebook.hpp>
#include <clb/nn/heads.hpp>
#include <clb/nn/layer_prefixes.hpp>
#include <clb/nn/loss.hpp>
#include <clb/sdk/method.hpp>
#include <clb/sdk/prompt_options.hpp>
#include <clb/sdk/prompting.hpp>
#include <clb/sdk/statistics.hpp>

namespace {

using clb::nn::Selection;
using torch::Tensor;

// Replay: batches of `size` features, as many an epoch as there are old classes. The first update has the full rate (the optimiser's group
// keeps it), those behind it a tenth and a cosine.
clb::ReplayOptions replay_of(int64_t size, int64_t epochs, int64_t old_classes, double lr, double weight_decay, double ridge) {
  const int64_t updates = epochs * old_classes;
  return {
      .fit = {.optimizer = "adamw", .lr = lr, .weight_decay = weight_decay, .epochs = epochs, .batch_size = size, .iterations = updates},
      .each = size,
      .ridge = ridge,
      .schedule = clb::nn::one_late(lr, clb::nn::cosine_rate(lr / 10, static_cast<double>(updates), 1e-6))};
}

class VqPrompt final : public clb::Method {
 public:
  static constexpr clb::About about{
      .id = "vq_prompt",
      .version = "1.0.0",
      .paper = "Jiao et al., NeurIPS 2024, arXiv:2410.20444",
      .capabilities = clb::kBf16 | clb::kBitwise,
  };
  static constexpr clb::ValidationValue validation_values[] = {{"batch_size", 16}, {"epochs", 2}, {"ca_epochs", 2}, {"freeze_updates", 0}};

  static void params(clb::Params<VqPrompt>& p) {
    clb::add_options(p, &VqPrompt::prompt_);
    p.real("prompt_lr_scale", &VqPrompt::prompt_lr_scale_, {0, 1000}, "factor on the learning rate of the pool; 0: it stays as drawn");
    p.flag("held_cosine", &VqPrompt::held_cosine_, "in place of schedule: the full rate once, some updates at min_lr, a cosine to min_lr");
    p.integer("freeze_updates", &VqPrompt::freeze_updates_, {0, 1e9}, "held_cosine: updates at min_lr before the cosine");
    p.integer("schedule_updates", &VqPrompt::schedule_updates_, {0, 1e9},
              "held_cosine: updates per epoch that it reckons with; 0: as many as there are");
    p.integer("ca_epochs", &VqPrompt::ca_epochs_, {0, 100000}, "epochs of replay from class statistics; 0: none (VQ-Prompt-S)");
    p.integer("ca_ratio", &VqPrompt::ca_ratio_, {1, 4096}, "features drawn per class and epoch, and per update, over batch_size");
    p.real("ca_lr", &VqPrompt::ca_lr_, {0, 100}, "learning rate of the first update of replay; a tenth and a cosine behind it");
    p.real("ca_weight_decay", &VqPrompt::ca_weight_decay_, {0, 10}, "weight decay of replay");
    p.integer("centroids", &VqPrompt::centroids_, {1, 1000}, "normal distributions per class (k-means)");
    p.real("ridge", &VqPrompt::ridge_, {0, 100}, "added to the variances that features are drawn with");
    p.choice("classifier", &VqPrompt::classifier_, {"aligned", "trained"}, "which head predicts: behind the replay, or before it");
    p.flag("augment", &VqPrompt::augment_, "train with the training transform; off: on images as evaluated, with the cache's queries");
    p.flag("augment_statistics", &VqPrompt::augment_statistics_, "class statistics with the training transform, as released");
    clb::add_test_prompts(p, &VqPrompt::test_prompts_);
    clb::add_options(p, &VqPrompt::fit_);
  }

  void create() override {
    clb::require_halves(prompt_.pool.length);
    clb::require_init(prompt_.pool.low, prompt_.pool.high);
    vit_ = clb::backbone(ctx());
    clb::nn::require_blocks("blocks", prompt_.pool.blocks, vit_.shape().depth);
    prompt_.pool.dim = vit_.dim();
    pool_ = {prompt_.pool, ctx().rng("pool")};
    clb::nn::move_to(pool_, ctx().device());
    if (prompt_lr_scale_ == 0 || !prompted()) clb::nn::freeze(pool_);
    if (test_prompts_ == "initial") initial_ = clb::as_drawn(ctx(), pool_);
    head_ = {{.dim = vit_.dim(), .init = clb::nn::HeadInit::torch_linear()}, ctx().rng("head")};
    aligned_ = head_;
  }

  clb::Inputs inputs() const override { return clb::queried_inputs(prompted()); }

  void train_task() override {
    head_.grow(task().classes_seen);
    learn();
    // The replayed head takes over the rows of the task's classes as they were trained, and keeps its other ones. The next task goes on
    // from the head that was not replayed: so one training has both heads. Rows of old classes get no gradient in it, so for classes that
    // come once this is what the released code computes with one head.
    aligned_.take_over(head_, task().labels);
    if (ca_epochs_ == 0) return;
    keep_statistics();
    align();
  }

  Tensor predict(const clb::Batch& b) override {
    const Tensor& query = b.features("main:cls");
    const clb::nn::Codebook& pool = test_prompts_ == "initial" ? initial_ : pool_;
    const Tensor z = feature(b.images, query, select(pool, query)), logits = classifier_ == "aligned" ? aligned_(z) : head_(z);
    ctx().trace("logits", logits);
    return logits;
  }

  void state(clb::Archive& a) override {
    a("pool", pool_)("head", head_)("aligned", aligned_);
    a("memory.gaussians", memory_.gaussians())("memory.tasks", memory_.tasks());
  }

 private:
  bool prompted() const { return prompt_.pool.length > 0 && !prompt_.pool.blocks.empty(); }

  Selection select(const clb::nn::Codebook& pool, const Tensor& query) const {
    if (!prompted()) return {};
    Selection s = pool.select(query, prompt_.selection);
    ctx().trace({{"query", query}, {"scores", s.scores}, {"alpha", s.weights}, {"soft_prompt", s.soft}});
    ctx().trace({{"distances", s.distances}, {"code", s.codes}, {"prompts", s.prompts}});
    return s;
  }

  // What the head reads, [n, d] float32: the class token, beside the selected prompts.
  Tensor feature(const clb::nn::Begun& images, const Tensor& query, const Selection& s) const {
    const Tensor feature =
        prompted() ? vit_.cls(images, clb::nn::prefix_of_halves(prompt_.pool.blocks, s.prompts)).to(torch::kFloat32) : query;
    ctx().trace("feature", feature);
    return feature;
  }

  // Pool and head; the task's classes alone compete, which are all of them where the tasks are domains.
  void learn() {
    const int64_t updates = ctx().train().drop_last(fit_.drop_last).batches(fit_.batch_size).info().batches_per_epoch;
    std::vector<clb::nn::FitGroup> groups{head_};
    if (prompted() && prompt_lr_scale_ > 0) groups.emplace_back(pool_, prompt_lr_scale_, rates(prompt_lr_scale_ * fit_.lr, updates));
    const Tensor before = pool_.prompts().detach().clone();
    clb::SharedBlocks shared(vit_, first_prompted(), augment_);
    clb::fit(ctx(), fit_, clb::queried_images(ctx(), augment_), groups, [&](const clb::Batch& b) { return loss(b, shared(b)); },
             {.schedule = rates(fit_.lr, updates)});
    if (!prompted()) return;
    clb::record_usage(ctx(), "pool", prompt_.pool.blocks, pool_.take_usage());  // how often each entry was taken in this task
    clb::record_change(ctx(), pool_.prompts(), before);
  }

  int64_t first_prompted() const { return prompted() ? clb::nn::first_of(prompt_.pool.blocks) : vit_.shape().depth; }

  Tensor loss(const clb::Batch& b, const clb::nn::Begun& images) {
    const Tensor query = clb::queries(b, images, vit_, augment_);
    const Selection s = select(pool_, query);
    const Tensor logits = head_(feature(images, query, s));
    const Tensor ce = at::cross_entropy_loss(clb::nn::mask_to(task().labels, logits), b.labels);
    ctx().trace({{"logits", logits}, {"ce", ce}});
    if (!prompted()) return ce;
    pool_.count_use(s, prompt_.selection);
    const auto terms = clb::nn::codebook_terms(s, query, prompt_.terms);
    const Tensor loss = ce + terms.sum;
    ctx().trace(
        {{"commit_mse", terms.commitment}, {"vq_mse", terms.vq}, {"layer_loss", terms.layers}, {"prompt_loss", terms.sum}, {"loss", loss}});
    return loss;
  }

  // Of a group whose full rate is `base`. The released schedule, of updates: that rate once (its constructor steps), some at min_lr, then a
  // cosine to it. Nothing: the options' own schedule.
  clb::nn::Schedule rates(double base, int64_t updates) const {
    if (!held_cosine_) return {};
    const int64_t total = (schedule_updates_ > 0 ? schedule_updates_ : updates) * fit_.epochs;
    const auto held = clb::nn::held_cosine_rate(base, fit_.min_lr, static_cast<double>(freeze_updates_), static_cast<double>(total));
    return clb::nn::in_epochs(clb::nn::one_late(base, held), updates);
  }

  // Mean and variance of each class's features with the prompts as they are now; they are not renewed.
  void keep_statistics() {
    const bool augmented = augment_ && augment_statistics_;
    clb::SharedBlocks shared(vit_, first_prompted(), augmented);
    const auto of_task = clb::features_of(ctx(), clb::queried_images(ctx(), augmented), fit_.batch_size, [&](const clb::Batch& b) {
      const clb::nn::Begun images = shared(b);
      const Tensor query = clb::queries(b, images, vit_, augmented);
      return feature(images, query, select(pool_, query));
    });
    clb::remember(ctx(), memory_, of_task, {.covariance = "diagonal", .per_class = centroids_, .unbiased = false}, "statistics");
  }

  void align() {
    const auto options =
        replay_of(fit_.batch_size * ca_ratio_, ca_epochs_, memory_.classes_before(task().index), ca_lr_, ca_weight_decay_, ridge_);
    clb::nn::unfreeze(aligned_);
    clb::replay(ctx(), memory_, options, {aligned_}, "alignment/",
                [&](const Tensor& rows) { return aligned_(rows).narrow(1, 0, task().classes_seen); });
    clb::nn::freeze(aligned_);
  }

  // Defaults: the authors' CIFAR-100.
  clb::QuantisedPromptOptions prompt_{.pool = {.blocks = {0, 1, 2, 3, 4}}};
  double prompt_lr_scale_ = 5, ca_lr_ = 1e-4, ca_weight_decay_ = 5e-4, ridge_ = 1e-4;
  int64_t freeze_updates_ = 80, schedule_updates_ = 40, ca_epochs_ = 10, ca_ratio_ = 4, centroids_ = 1;
  std::string classifier_ = "aligned", test_prompts_ = "trained";
  bool held_cosine_ = true, augment_ = true, augment_statistics_ = true;
  clb::nn::FitOptions fit_{
      .optimizer = "adamw", .lr = 2.5e-3, .epochs = 20, .batch_size = 128, .min_lr = 1e-6, .rate_per_iteration = true, .drop_last = true};

  clb::nn::Vit vit_;
  clb::nn::Codebook pool_, initial_;
  clb::nn::GrowingLinear head_, aligned_;  // as trained; behind the replay
  clb::nn::FeatureMemory memory_;
};

}  // namespace

CLB_METHOD(VqPrompt)
