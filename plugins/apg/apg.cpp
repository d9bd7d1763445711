// APG: in the middle of a frozen ViT a small network makes one prompt for each image, by attention from the image's class token to a
// learned token of each class. A pool of normal distributions of old classes' features keeps that network and the classifier from
// forgetting.
#include <clb/nn/heads.hpp>
#include <clb/nn/knowledge_pool.hpp>
#include <clb/nn/list.hpp>
#include <clb/nn/loss.hpp>
#include <clb/nn/mixup.hpp>
#include <clb/nn/prompt_generators.hpp>
#include <clb/nn/prompt_tokens.hpp>
#include <clb/sdk/method.hpp>
#include <clb/sdk/nn.hpp>
#include <clb/sdk/prompting.hpp>

namespace {

using torch::Tensor;

struct Tokens final : clb::nn::Module {  // of the classes of a task, [classes, d]
  Tensor rows = torch::empty({0, 0});

 private:
  void parts(clb::nn::Parts& p) override { p("rows", rows); }
};

// [n, classes] of several logits for each class, side by side: their sum, weighted by their softmax.
Tensor joined_proxies(const Tensor& logits, int64_t proxies) {
  const Tensor of_class = logits.unflatten(1, {-1, proxies});
  return (of_class.softmax(2) * of_class).sum(2);
}

// Every head of every sample is to look at the token of its class.
Tensor attention_loss(const Tensor& raw, const Tensor& labels) {
  const Tensor rows = raw.squeeze(2).narrow(2, 1, raw.size(3) - 1).flatten(0, 1);  // [n heads, classes]
  return at::cross_entropy_loss(rows, labels.repeat_interleave(raw.size(1)));
}

// Holds a prompt below `scale` times the tokens beside it; both by their mean L1 norm.
Tensor norm_loss(const Tensor& prompt, const Tensor& tokens, double weight, double scale) {
  return weight * at::relu(prompt.abs().sum(2).mean() - scale * tokens.abs().sum(2).to(torch::kFloat32).mean());
}

class Apg final : public clb::Method {
 public:
  static constexpr clb::About about{
      .id = "apg",
      .version = "1.0.0",
      .paper = "Tang et al., ICCV 2023: When Prompt-based Incremental Learning Does Not Meet Strong Pretraining, arXiv:2308.10445",
      .capabilities = clb::kBf16 | clb::kBitwise,
  };

  static constexpr clb::ValidationValue validation_values[] = {{"lower_blocks", 3},     {"epochs", 2},      {"tune_epochs", 1},
                                                               {"tune_epochs_more", 0}, {"pool_items", 16}, {"pool_per_class", 20}};

  static void params(clb::Params<Apg>& p) {
    p.integer("lower_blocks", &Apg::lower_, {1, 1000}, "blocks before the prompt; at least one must come behind it").counts_blocks();
    p.integer("generator_heads", &Apg::heads_, {1, 1024}, "heads of the generator's attention; they divide the network's width");
    p.real("generator_dropout", &Apg::dropout_, {0, 0.99}, "dropout in the generator's two MLPs, in training alone");
    p.integer("proxies", &Apg::proxies_, {1, 1024}, "rows of the classifier for each class");
    p.flag("prompt", &Apg::prompt_, "off: no prompt and no generator, the same classifier on frozen features (an ablation)");
    p.flag("plain_first_task", &Apg::plain_first_, "without prompts at test until a second task was learned, as released");
    p.flag("pool_in_training", &Apg::pool_in_training_, "what is known of old classes takes part in training");
    p.flag("fine_tune", &Apg::fine_tune_, "train generator and classifier on the pool alone after each task but the first");
    p.choice("covariance", &Apg::covariance_, {"full", "diagonal"}, "of the pool's normal distributions");
    p.integer("pool_items", &Apg::pool_items_, {1, 65536}, "classes drawn for each update");
    p.integer("pool_each", &Apg::pool_each_, {1, 1024}, "rows of each");
    p.integer("pool_per_class", &Apg::pool_per_class_, {1, 1e6}, "classes drawn in an epoch of fine-tuning, times the classes seen");
    auto tune = p.in(&Apg::tune_);
    using Fit = clb::nn::FitOptions;
    tune.integer("tune_epochs", &Fit::epochs, {0, 100000}, "epochs of fine-tuning ...");
    p.integer("tune_epochs_more", &Apg::tune_epochs_more_, {0, 1000}, "... and so many more with each task");
    tune.integer("tune_warmup_epochs", &Fit::warmup_epochs, {0, 100000}, "epochs of it in which the rate rises");
    tune.real("tune_lr", &Fit::lr, {0, 100}, "learning rate of fine-tuning");
    tune.real("tune_warmup_lr", &Fit::warmup_lr, {0, 100}, "where it begins");
    tune.real("tune_min_lr", &Fit::min_lr, {0, 100}, "where it ends");
    clb::add_test_prompts(p, &Apg::test_prompts_).neutral("trained");
    p.real("norm_weight", &Apg::norm_weight_, {0, 100}, "weight of what holds prompts small");
    p.real("norm_scale", &Apg::norm_scale_, {0, 1e6}, "how much longer than the tokens beside it a prompt may be");
    auto mix = p.in(&Apg::mix_);
    mix.real("mixup", &clb::nn::MixOptions::mixup, {0, 100}, "alpha of mixup; 0: none");
    mix.real("cutmix", &clb::nn::MixOptions::cutmix, {0, 100}, "alpha of CutMix; 0: none");
    mix.real("cutmix_share", &clb::nn::MixOptions::cutmix_share, {0, 1}, "share of batches with CutMix, where there are both");
    mix.real("smoothing", &clb::nn::MixOptions::smoothing, {0, 0.999}, "label smoothing");
    clb::FitParams(p, &Apg::fit_)
        .optimizer()
        .lr()
        .momentum()
        .weight_decay()
        .epochs()
        .batch_size()
        .schedule({"constant", "cosine", "timm_cosine", "multistep"})
        .min_lr()
        .milestones()
        .gamma()
        .warmup_epochs()
        .warmup_lr()
        .rate_per_iteration()
        .clip_norm()
        .drop_last();
  }

  void create() override {
    vit_ = clb::backbone(ctx());
    const auto refuse = [](const std::string& why) { throw clb::PluginError(CLB_E_INVALID, why); };
    if (vit_.dim() % heads_ != 0)
      refuse("generator_heads is " + std::to_string(heads_) + ", which does not divide the network's width " + std::to_string(vit_.dim()));
    if (lower_ >= vit_.shape().depth)
      refuse("lower_blocks is " + std::to_string(lower_) + ", but the network has only " + std::to_string(vit_.shape().depth) +
             " blocks; leave one for the prompt");
    generator_ = {vit_.dim(), heads_, dropout_, ctx().rng("generator")};
    if (test_prompts_ == "initial") initial_ = clb::as_drawn(ctx(), generator_);
    const double deviation = 1 / std::sqrt(static_cast<double>(vit_.dim()));
    classifier_ = {{.dim = vit_.dim(), .init = clb::nn::HeadInit::normal(deviation)}, ctx().rng("classifier")};
  }

  clb::Inputs inputs() const override { return plain() ? clb::Inputs::features("main:cls") : clb::Inputs::images(); }

  void train_task() override {
    add_classes();
    const int64_t old = pool_.size();
    clb::fit(ctx(), fit_, ctx().train().train_view().images(), trained(), [&](const clb::Batch& b) { return loss(b, old); });
    record_distance("trained", old);
    remember();
    if (old > 0 && fine_tune_) {
      tune();
      record_distance("tuned", old);
      pool_.forget(task().index);
      remember();
    }
    clb::nn::freeze(tokens_);
  }

  Tensor predict(const clb::Batch& b) override {
    return scores(plain() ? b.features("main:cls") : pass(b.images, test_prompts_ == "initial").feature);
  }

  void state(clb::Archive& a) override {
    a("generator", generator_)("tokens", tokens_.items(), [] { return Tokens(); })("behind", behind_)("classifier", classifier_);
    a("pool.low", pool_.low)("pool.features", pool_.features)("pool.prompts", pool_.prompts)("pool.tasks", pool_.tasks);
  }

 private:
  struct Pass {
    Tensor low;                         // tokens before the prompt [n, t, d]
    clb::nn::AttentionPrompt::Made of;  // undefined without a prompt
    Tensor feature;                     // [n, d]
  };

  bool plain() const { return !prompt_ || (plain_first_ && task().index <= 0); }

  std::vector<clb::nn::FitGroup> trained() {
    if (!prompt_) return {classifier_};
    return {generator_, tokens_, classifier_};
  }

  Tensor tokens() {  // [classes, d]
    std::vector<Tensor> rows;
    for (const Tokens& of_task : tokens_) rows.push_back(of_task.rows);
    return at::cat(rows);
  }

  // As task `t` began with them. As released, those of the first are drawn otherwise than later ones.
  Tensor drawn_tokens(int64_t t) const {
    const int64_t before = t == 0 ? 0 : behind_[static_cast<size_t>(t) - 1], count = behind_[static_cast<size_t>(t)] - before;
    const auto rng = ctx().rng("tokens", {t});
    return (before == 0 ? clb::nn::normal({count, vit_.dim()}, 0, 0.02, rng) : clb::nn::uniform({count, vit_.dim()}, 0, 1, rng))
        .to(ctx().device());
  }

  Tensor initial_tokens() const {  // [classes, d]
    std::vector<Tensor> rows;
    for (int64_t t = 0; t < tokens_.size(); ++t) rows.push_back(drawn_tokens(t));
    return at::cat(rows);
  }

  Tensor scores(const Tensor& features) const { return joined_proxies(classifier_(features), proxies_); }  // [n, classes]

  Pass pass(const Tensor& images, bool initial = false) {
    if (!prompt_) return {{}, {}, vit_.query(images)};
    Tensor x = vit_.embed(images);
    for (int64_t i = 0; i < lower_; ++i) x = vit_.block(i, x);
    const Tensor query = x.select(1, 0).to(torch::kFloat32);
    Pass result{x, initial ? initial_(query, initial_tokens()) : generator_(query, tokens()), {}};
    x = clb::nn::insert_rows(x, 1, result.of.prompt);
    const int64_t last = vit_.shape().depth - 1;
    for (int64_t i = lower_; i < last; ++i) x = vit_.block(i, x);
    result.feature = vit_.norm(vit_.blocks()[last].first_row(x)).squeeze(1);
    return result;
  }

  // A token and rows of the classifier for each new class. Tokens of classes that are not of this task stand still.
  void add_classes() {
    classifier_.grow(task().classes_seen * proxies_);
    behind_.push_back(task().classes_seen);
    tokens_.add({}).rows = drawn_tokens(task().index);
    for (int64_t t = 0; t < tokens_.size(); ++t) {
      const int64_t first = t == 0 ? 0 : behind_[static_cast<size_t>(t) - 1], end = behind_[static_cast<size_t>(t)];
      const bool own =
          std::any_of(task().labels.begin(), task().labels.end(), [&](int64_t label) { return first <= label && label < end; });
      own ? clb::nn::unfreeze(tokens_[t]) : clb::nn::freeze(tokens_[t]);
    }
  }

  Tensor loss(const clb::Batch& b, int64_t old) {
    const auto rng = ctx().rng("batch", {task().index, b.step});
    const clb::nn::MixedBatch mix = clb::nn::mixed_batch(b.images, b.labels, task().classes_seen, mix_, rng("mix"));
    const Pass p = pass(mix.images);
    Tensor sum = clb::nn::soft_cross_entropy(scores(p.feature), mix.targets);
    if (prompt_) sum = sum + attention_loss(p.of.raw, b.labels) + norm_loss(p.of.prompt, p.low, norm_weight_, norm_scale_);
    if (old > 0 && pool_in_training_) sum = sum + pool_loss(pool_.draw(old, pool_items_, pool_each_, rng));
    return sum;
  }

  // Of what was drawn: prompts as they were when the classes were learned, and the classes.
  Tensor pool_loss(const clb::nn::KnowledgePool::Drawn& drawn) {
    const Tensor classes = at::cross_entropy_loss(scores(drawn.features), drawn.labels);
    return prompt_ ? at::l1_loss(generator_(drawn.low, tokens()).prompt, drawn.prompts) + classes : classes;
  }

  void tune() {
    clb::nn::FitOptions options = tune_;
    options.epochs += tune_epochs_more_ * task().index;
    options.weight_decay = fit_.weight_decay;
    const int64_t updates = std::max<int64_t>(1, pool_per_class_ * task().classes_seen / pool_items_);  // an epoch; a remainder is left out
    clb::nn::Trainer trainer(options, trained(), updates);
    for (int64_t epoch = 0; epoch < options.epochs; ++epoch) {
      for (int64_t k = 0; k < updates; ++k) {
        ctx().progress("fine-tuning", trainer.updates(), updates * options.epochs);
        trainer.step(pool_loss(pool_.draw(pool_.size(), pool_items_, pool_each_, ctx().rng("tune", {task().index, epoch, k}))));
      }
      clb::record_loss(ctx(), "tuning/", epoch, trainer.take_mean_loss());
    }
    clb::record_updates(ctx(), "tuning/", trainer, trainer.updates() * pool_items_ * pool_each_);
  }

  // The task's classes as they are now.
  void remember() {
    const torch::NoGradGuard no_grad;
    std::vector<Tensor> low, features, prompts, labels;
    for (const clb::Batch& b : ctx().train().eval_view().images().batches(fit_.batch_size)) {
      ctx().progress("statistics", b.step, 0);
      const Pass p = pass(b.images);
      features.push_back(p.feature.to(torch::kFloat32));
      low.push_back(prompt_ ? p.low.select(1, 0).to(torch::kFloat32) : features.back());
      prompts.push_back(prompt_ ? p.of.prompt.squeeze(1) : torch::zeros_like(features.back()));
      labels.push_back(b.labels);
    }
    const Tensor of = at::cat(labels), all_low = at::cat(low), all_features = at::cat(features), all_prompts = at::cat(prompts);
    for (const int64_t label : task().labels) {
      const Tensor rows = of.eq(label).nonzero().squeeze(1);
      if (rows.numel() == 0) continue;
      const auto gaussian = [&](const Tensor& values) {
        const clb::nn::GaussianOptions options{.covariance = covariance_, .ridge = 1e-5};
        return clb::nn::gaussians_of(label, values.index_select(0, rows), options, ctx().rng("gaussian")).front();
      };
      pool_.low.push_back(gaussian(all_low));
      pool_.features.push_back(gaussian(all_features));
      pool_.prompts.push_back(all_prompts.index_select(0, rows).mean(0));
      pool_.tasks.push_back(task().index);
    }
  }

  // How far the prompts of old classes have moved from what they were, as pool_loss has it.
  void record_distance(const std::string& after, int64_t old) {
    if (old == 0 || !prompt_) return;
    const torch::NoGradGuard no_grad;
    const clb::nn::KnowledgePool::Drawn drawn = pool_.draw(old, 4 * old, 4, ctx().rng("distance", {task().index}));
    const Tensor distance = at::l1_loss(generator_(drawn.low, tokens()).prompt, drawn.prompts);
    ctx().metric(("prompt_distance/" + after).c_str(), task().index, distance.item<double>());
  }

  // Defaults: the authors' CIFAR-100, two cards of 96 images: rates times 192 / 1024.
  int64_t lower_ = 6, heads_ = 4, proxies_ = 10, pool_items_ = 128, pool_each_ = 4, pool_per_class_ = 500, tune_epochs_more_ = 5;
  double dropout_ = 0.1, norm_weight_ = 0.01, norm_scale_ = 100;
  bool prompt_ = true, plain_first_ = true, pool_in_training_ = true, fine_tune_ = true;
  std::string covariance_ = "full", test_prompts_ = "trained";
  clb::nn::MixOptions mix_;
  clb::nn::FitOptions fit_{.optimizer = "adamw",
                           .lr = 1.875e-4,
                           .weight_decay = 0.05,
                           .epochs = 100,
                           .batch_size = 192,
                           .schedule = "timm_cosine",
                           .min_lr = 9.375e-5,
                           .warmup_epochs = 5,
                           .warmup_lr = 1.875e-5};
  clb::nn::FitOptions tune_{.optimizer = "adamw",
                            .lr = 1.875e-4,
                            .epochs = 20,
                            .schedule = "timm_cosine",
                            .min_lr = 1.875e-5,
                            .warmup_epochs = 5,
                            .warmup_lr = 1.875e-6};

  clb::nn::Vit vit_;
  clb::nn::AttentionPrompt generator_, initial_;  // initial_: as drawn
  clb::nn::List<Tokens> tokens_;                  // of each task
  std::vector<int64_t> behind_;                   // classes seen after each task
  clb::nn::GrowingLinear classifier_;
  clb::nn::KnowledgePool pool_;
};

}  // namespace

CLB_METHOD(Apg)
