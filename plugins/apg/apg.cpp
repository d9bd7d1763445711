// APG: in the middle of a frozen ViT a small network makes one prompt for each image, by attention from the image's class token to a
// learned token of each class. A pool of normal distributions of old classes' features keeps that network and the classifier from
// forgetting.
#include <clb/nn/class_tokens.hpp>
#include <clb/nn/heads.hpp>
#include <clb/nn/knowledge_pool.hpp>
#include <clb/nn/loss.hpp>
#include <clb/nn/mixup.hpp>
#include <clb/nn/prompt_generators.hpp>
#include <clb/nn/prompt_tokens.hpp>
#include <clb/sdk/method.hpp>
#include <clb/sdk/prompt_options.hpp>
#include <clb/sdk/prompting.hpp>
#include <clb/sdk/statistics.hpp>

namespace {

using torch::Tensor;

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
    clb::add_options(p, &Apg::known_);
    clb::add_test_prompts(p, &Apg::test_prompts_).neutral("trained");
    p.real("norm_weight", &Apg::norm_weight_, {0, 100}, "weight of what holds prompts small");
    p.real("norm_scale", &Apg::norm_scale_, {0, 1e6}, "how much longer than the tokens beside it a prompt may be");
    clb::add_options(p, &Apg::mix_);
    clb::FitParams(p, &Apg::fit_).common().shaped({"constant", "cosine", "timm_cosine", "multistep"}).warmup_lr().limits();
  }

  void create() override {
    vit_ = clb::backbone(ctx());
    if (lower_ >= vit_.shape().depth) {
      throw clb::PluginError(CLB_E_INVALID, "lower_blocks is " + std::to_string(lower_) + ", but the network has only " +
                                                std::to_string(vit_.shape().depth) + " blocks; leave one for the prompt");
    }
    generator_ = {vit_.dim(), heads_, dropout_, ctx().rng("generator")};
    if (test_prompts_ == "initial") initial_ = clb::as_drawn(ctx(), generator_);
    tokens_ = {vit_.dim(), [this](int64_t of_task) { return ctx().rng("tokens", {of_task}); }};
    const double deviation = 1 / std::sqrt(static_cast<double>(vit_.dim()));
    classifier_ = {{.dim = vit_.dim(), .init = clb::nn::HeadInit::normal(deviation)}, ctx().rng("classifier")};
  }

  clb::Inputs inputs() const override { return plain() ? clb::Inputs::features("main:cls") : clb::Inputs::images(); }

  void train_task() override {
    const int64_t old = pool_.size();
    classifier_.grow(task().classes_seen * proxies_);
    tokens_.begin_task(task().labels, task().classes_seen);
    clb::SharedBlocks shared(vit_, lower_, /*queried=*/false);
    const auto images = ctx().train().train_view().images().sample_ids();
    clb::fit(ctx(), fit_, images, trained(), [&](const clb::Batch& b) { return loss(b, shared, old); });
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
    a("generator", generator_)("tokens", tokens_.tasks(), [] { return clb::nn::TokensOfTask(); })("behind", tokens_.behind());
    a("classifier", classifier_);
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

  Tensor scores(const Tensor& features) const { return clb::nn::joined_proxies(classifier_(features), proxies_); }  // [n, classes]

  Pass pass(const clb::nn::Begun& images, bool initial = false) {
    if (!prompt_) return {{}, {}, vit_.query(images)};
    const Tensor x = images.block == lower_ ? images.x : vit_.begin(images.x, lower_).x;
    const Tensor query = x.select(1, 0).to(torch::kFloat32);
    Pass result{x, initial ? initial_(query, tokens_.drawn()) : generator_(query, tokens_.all()), {}};
    result.feature = vit_.cls_of_embedded(clb::nn::insert_rows(x, 1, result.of.prompt), lower_);
    return result;
  }

  Tensor loss(const clb::Batch& b, clb::SharedBlocks& shared, int64_t old) {
    const auto rng = ctx().rng("batch", {task().index, b.step});
    const clb::nn::MixedBatch mix = clb::nn::mixed_batch(b.images, b.labels, task().classes_seen, mix_, rng("mix"));
    const Pass p = pass(mix.images.is_same(b.images) ? shared(b) : mix.images);
    Tensor sum = clb::nn::soft_cross_entropy(scores(p.feature), mix.targets);
    if (prompt_)
      sum = sum + clb::nn::attention_loss(p.of.raw, b.labels) + clb::nn::norm_loss(p.of.prompt, p.low, norm_weight_, norm_scale_);
    if (old > 0 && pool_in_training_) sum = sum + pool_loss(pool_.draw(old, known_.draw, rng));
    return sum;
  }

  // Of what was drawn: prompts as they were when the classes were learned, and the classes.
  Tensor pool_loss(const clb::nn::KnowledgePool::Rows& drawn) {
    const Tensor classes = at::cross_entropy_loss(scores(drawn.features), drawn.labels);
    return prompt_ ? at::l1_loss(generator_(drawn.low, tokens_.all()).prompt, drawn.prompts) + classes : classes;
  }

  void tune() {
    clb::nn::FitOptions options = known_.tune;
    options.epochs += known_.tune_epochs_more * task().index;
    options.weight_decay = fit_.weight_decay;
    const int64_t updates = std::max<int64_t>(1, known_.draw.per_class * task().classes_seen / known_.draw.items);  // of an epoch
    clb::nn::Trainer trainer(options, trained(), updates);
    clb::fit_drawn(ctx(), trainer, options.epochs, "tuning/", [&](int64_t epoch) {
      for (int64_t k = 0; k < updates; ++k) {
        ctx().progress("fine-tuning", trainer.updates(), updates * options.epochs);
        trainer.step(pool_loss(pool_.draw(pool_.size(), known_.draw, ctx().rng("tune", {task().index, epoch, k}))));
      }
      return updates * known_.draw.items * known_.draw.each;
    });
  }

  // The task's classes as they are now.
  void remember() {
    const auto seen = clb::features_of(ctx(), ctx().train().eval_view().images(), fit_.batch_size, [&](const clb::Batch& b) {
      const Pass p = pass(b.images);
      const Tensor feature = p.feature.to(torch::kFloat32);
      if (!prompt_) return at::stack({feature, feature, torch::zeros_like(feature)}, 1);
      return at::stack({p.low.select(1, 0).to(torch::kFloat32), feature, p.of.prompt.squeeze(1)}, 1);  // [n, 3, d]
    });
    const Tensor low = seen.features.select(1, 0), features = seen.features.select(1, 1), prompts = seen.features.narrow(1, 2, 1);
    pool_.remember(task().index, task().labels, {low, features, prompts, seen.labels}, known_.draw.covariance);
  }

  // How far the prompts of old classes have moved from what they were, as pool_loss has it.
  void record_distance(const std::string& after, int64_t old) {
    if (old == 0 || !prompt_) return;
    const torch::NoGradGuard no_grad;
    const clb::nn::KnowledgePool::Rows drawn = pool_.draw(old, 4 * old, 4, ctx().rng("distance", {task().index}));
    const Tensor distance = at::l1_loss(generator_(drawn.low, tokens_.all()).prompt, drawn.prompts);
    ctx().metric(("prompt_distance/" + after).c_str(), task().index, distance.item<double>());
  }

  // Defaults: the authors' CIFAR-100, two cards of 96 images: rates times 192 / 1024.
  int64_t lower_ = 6, heads_ = 4, proxies_ = 10;
  double dropout_ = 0.1, norm_weight_ = 0.01, norm_scale_ = 100;
  bool prompt_ = true, plain_first_ = true, pool_in_training_ = true, fine_tune_ = true;
  std::string test_prompts_ = "trained";
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
  clb::KnowledgeOptions known_{.tune = {.optimizer = "adamw",
                                        .lr = 1.875e-4,
                                        .epochs = 20,
                                        .schedule = "timm_cosine",
                                        .min_lr = 1.875e-5,
                                        .warmup_epochs = 5,
                                        .warmup_lr = 1.875e-6}};

  clb::nn::Vit vit_;
  clb::nn::AttentionPrompt generator_, initial_;  // initial_: as drawn
  clb::nn::ClassTokens tokens_;
  clb::nn::GrowingLinear classifier_;
  clb::nn::KnowledgePool pool_;
};

}  // namespace

CLB_METHOD(Apg)
