// VQ-Prompt: an image's frozen feature weighs a pool's prompts, the entry nearest to the weighted sum is the prompt that it gets (vector
// quantisation), and gradients pass straight through to the sum. After each task a copy of the head learns once more from features drawn
// from the statistics of all classes.
#include <algorithm>
#include <clb/nn/codebook.hpp>
#include <clb/nn/heads.hpp>
#include <clb/nn/layer_prefixes.hpp>
#include <clb/nn/loss.hpp>
#include <clb/sdk/method.hpp>
#include <clb/sdk/prompting.hpp>
#include <clb/sdk/statistics.hpp>
#include <cmath>
#include <map>
#include <utility>

namespace {

using clb::nn::Selection;
using torch::Tensor;

// The released schedule, of updates: the full rate once (its constructor steps), `hold` updates at `low`, then a cosine to `low`.
clb::nn::Schedule held_rates(double base, double low, double hold, double total) {
  return clb::nn::one_late(base, clb::nn::held_cosine_rate(base, low, hold, total));
}

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
    auto pool = p.in(&VqPrompt::pool_options_);
    pool.integer("pool_size", &clb::nn::CodebookOptions::entries, {1, 4096}, "prompts in the pool of each layer (N)");
    pool.integer("prompt_length", &clb::nn::CodebookOptions::length, {0, 256}, "rows of a prompt, half of them keys (L_p); 0 = no prompts");
    p.integers("blocks", &VqPrompt::blocks_, {0, 1000}, "blocks with a pool");
    pool.real("init_low", &clb::nn::CodebookOptions::low, {-10, 10}, "prompts and keys start uniform from here ...");
    pool.real("init_high", &clb::nn::CodebookOptions::high, {-10, 10}, "... to here");
    auto selection = p.in(&VqPrompt::selection_);
    selection.choice("selection", &clb::nn::SelectionOptions::rule, {"quantised", "soft", "nearest_key"},
                     "the entry nearest to the weighted sum, the sum itself, or the entry of the largest score");
    selection.choice("estimator", &clb::nn::SelectionOptions::estimator, {"straight_through", "stop_gradient"},
                     "gradients of quantised prompts: to the sum, or to the entry alone (cross-entropy then moves no key)");
    selection.real("temperature", &clb::nn::SelectionOptions::temperature, {1e-6, 1e6}, "of the softmax over scores (tau)");
    auto terms = p.in(&VqPrompt::terms_);
    terms.real("lambda_commitment", &clb::nn::CodebookTermOptions::commitment, {0, 1000},
               "weight of the term that draws the sum to the entry");
    terms.real("lambda_vq", &clb::nn::CodebookTermOptions::vq, {0, 1000}, "weight of the term that draws the entry to the sum");
    terms.choice("term_reduction", &clb::nn::CodebookTermOptions::reduction, {"mean", "sum"},
                 "over a prompt's numbers: released code mean, paper sum");
    terms.real("key_weight", &clb::nn::CodebookTermOptions::key, {0, 1000},
               "weight of the cosine of query and taken key, as in L2P (ablation); 0: none");
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
    const auto refuse = [](const std::string& why) { throw clb::PluginError(CLB_E_INVALID, why); };
    if (pool_options_.length % 2 != 0)
      refuse("prompt_length is " + std::to_string(pool_options_.length) + "; half of a prompt are keys, so give an even number");
    if (pool_options_.low > pool_options_.high) refuse("init_low lies above init_high; exchange them");
    vit_ = clb::backbone(ctx());
    clb::nn::require_blocks("blocks", blocks_, vit_.shape().depth);
    pool_options_.layers = static_cast<int64_t>(blocks_.size());
    pool_options_.dim = vit_.dim();
    pool_ = drawn_pool();
    if (prompt_lr_scale_ == 0 || !prompted()) clb::nn::freeze(pool_);
    if (test_prompts_ == "initial") initial_ = drawn_pool();
    head_ = {{.dim = vit_.dim(), .init = clb::nn::HeadInit::torch_linear()}, ctx().rng("head")};
    aligned_ = head_;
  }

  // The query is a frozen feature, so at prediction it comes from the host's cache.
  clb::Inputs inputs() const override {
    return prompted() ? clb::Inputs::images().with_features("main:cls") : clb::Inputs::features("main:cls");
  }

  void train_task() override {
    head_.grow(task().classes_seen);
    learn();
    renew_aligned();
    if (ca_epochs_ == 0) return;
    keep_statistics();
    align();
  }

  Tensor predict(const clb::Batch& b) override {
    const Tensor& query = b.features("main:cls");
    const clb::nn::Codebook& pool = test_prompts_ == "initial" ? initial_ : pool_;
    return logits(classifier_ == "aligned" ? aligned_ : head_, feature(b.images, query, select(pool, query)));
  }

  void state(clb::Archive& a) override {
    a("pool", pool_)("head", head_)("aligned", aligned_);
    a("memory.gaussians", memory_.gaussians())("memory.tasks", memory_.tasks());
  }

 private:
  bool prompted() const { return pool_options_.length > 0 && !blocks_.empty(); }

  clb::nn::Codebook drawn_pool() const {
    clb::nn::Codebook pool(pool_options_, ctx().rng("pool"));
    clb::nn::move_to(pool, ctx().device());
    return pool;
  }

  Selection select(const clb::nn::Codebook& pool, const Tensor& query) const {
    if (!prompted()) return {};
    Selection s = pool.select(query, selection_);
    ctx().trace({{"query", query}, {"scores", s.scores}, {"alpha", s.weights}, {"soft_prompt", s.soft}});
    ctx().trace({{"distances", s.distances}, {"code", s.codes}, {"prompts", s.prompts}});
    return s;
  }

  // What the head reads, [n, d] float32: the class token, beside the selected prompts.
  Tensor feature(const Tensor& images, const Tensor& query, const Selection& s) const {
    const Tensor feature = prompted() ? vit_.cls(images, clb::nn::prefix_of_halves(blocks_, s.prompts)).to(torch::kFloat32) : query;
    ctx().trace("feature", feature);
    return feature;
  }

  Tensor logits(const clb::nn::GrowingLinear& head, const Tensor& feature) const {
    const Tensor logits = head(feature);
    ctx().trace("logits", logits);
    return logits;
  }

  // Pool and head; the task's classes alone compete, which are all of them where the tasks are domains.
  void learn() {
    const int64_t updates = ctx().train().drop_last(fit_.drop_last).batches(fit_.batch_size).info().batches_per_epoch;
    std::vector<clb::nn::FitGroup> groups{head_};
    if (prompted() && prompt_lr_scale_ > 0) {
      groups.emplace_back(pool_, prompt_lr_scale_).schedule = rates(prompt_lr_scale_ * fit_.lr, updates);
    }
    used_ = torch::zeros({pool_options_.layers, pool_options_.entries}, torch::dtype(torch::kFloat64).device(ctx().device()));
    const Tensor before = pool_.prompts().detach().clone();
    clb::fit(ctx(), fit_, clb::queried_images(ctx(), augment_), groups, [&](const clb::Batch& b) { return loss(b); },
             {.schedule = rates(fit_.lr, updates)});
    if (prompted()) record_pool(before);
  }

  Tensor loss(const clb::Batch& b) {
    const Tensor query = clb::queries(b, vit_, augment_);
    const Selection s = select(pool_, query);
    const Tensor masked = clb::nn::mask_to(task().labels, logits(head_, feature(b.images, query, s)));
    const Tensor ce = at::cross_entropy_loss(masked, b.labels);
    ctx().trace("ce", ce);
    if (!prompted()) return ce;
    used_ += selection_.rule == "soft" ? s.weights.detach().to(torch::kFloat64).sum(1)
                                       : at::one_hot(s.codes, pool_options_.entries).to(torch::kFloat64).sum(1);
    const auto terms = clb::nn::codebook_terms(s, query, terms_);
    const Tensor loss = ce + terms.sum;
    ctx().trace(
        {{"commit_mse", terms.commitment}, {"vq_mse", terms.vq}, {"layer_loss", terms.layers}, {"prompt_loss", terms.sum}, {"loss", loss}});
    return loss;
  }

  // Of a group whose full rate is `base`; nothing: the options' own schedule. A fit counts time in epochs, which have `updates` updates
  // here.
  clb::nn::Schedule rates(double base, int64_t updates) const {
    if (!held_cosine_) return {};
    const int64_t reckoned = schedule_updates_ > 0 ? schedule_updates_ : updates;
    const auto table = held_rates(base, fit_.min_lr, static_cast<double>(freeze_updates_), static_cast<double>(reckoned * fit_.epochs));
    return [=](double epochs) { return table(std::round(epochs * static_cast<double>(updates))); };
  }

  // How often each entry was taken in this task, and how far the prompts moved.
  void record_pool(const Tensor& before) {
    for (size_t layer = 0; layer < blocks_.size(); ++layer)
      clb::record_usage(ctx(), "pool/" + std::to_string(blocks_[layer]), used_[static_cast<int64_t>(layer)]);
    clb::record_change(ctx(), pool_.prompts(), before);
  }

  // The replayed head takes over the rows of the task's classes as they were trained, and keeps its other ones. The next task goes on from
  // the head that was not replayed: so one training has both heads. Rows of old classes get no gradient in it, so for classes that come
  // once this is what the released code computes with one head.
  void renew_aligned() {
    std::map<std::string, Tensor> old;
    aligned_.parameters([&](const std::string& name, Tensor& t) { old[name] = t.detach().to(ctx().device()); });
    std::vector<int64_t> kept;
    for (int64_t c = 0; c < old["bias"].size(0); ++c)
      if (std::find(task().labels.begin(), task().labels.end(), c) == task().labels.end()) kept.push_back(c);
    const Tensor rows = torch::tensor(kept, torch::dtype(torch::kInt64).device(ctx().device()));
    aligned_ = clb::nn::copy_of(head_);
    clb::nn::freeze(aligned_);
    aligned_.parameters([&](const std::string& name, Tensor& t) { t.index_copy_(0, rows, old[name].index_select(0, rows)); });
  }

  // Mean and variance of each class's features with the prompts as they are now; they are not renewed.
  void keep_statistics() {
    const bool augmented = augment_ && augment_statistics_;
    const auto of_task = clb::features_of(ctx(), clb::queried_images(ctx(), augmented), fit_.batch_size, [&](const clb::Batch& b) {
      const Tensor query = clb::queries(b, vit_, augmented);
      return feature(b.images, query, select(pool_, query));
    });
    memory_.add(task().index, of_task.features, of_task.labels, {.covariance = "diagonal", .per_class = centroids_, .unbiased = false},
                ctx().rng("statistics", {task().index}));
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
  clb::nn::CodebookOptions pool_options_;
  clb::nn::SelectionOptions selection_;
  clb::nn::CodebookTermOptions terms_;
  std::vector<int64_t> blocks_{0, 1, 2, 3, 4};
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
  Tensor used_;  // [layers, entries]: how often each entry was taken in this task
};

}  // namespace

CLB_METHOD(VqPrompt)
