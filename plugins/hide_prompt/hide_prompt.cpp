// HiDe-Prompt: a prompt for each task, put in front of keys and values. Which task an image belongs to is told by a classifier of its own
// on features without prompts. After each task both classifiers learn once more from features drawn from the statistics of all classes.
#include <clb/nn/heads.hpp>
#include <clb/nn/key_choice.hpp>
#include <clb/nn/layer_prefixes.hpp>
#include <clb/nn/loss.hpp>
#include <clb/nn/task_prompts.hpp>
#include <clb/sdk/method.hpp>
#include <clb/sdk/prompt_options.hpp>
#include <clb/sdk/prompting.hpp>
#include <clb/sdk/statistics.hpp>
#include <clb/sdk/task_inference.hpp>

namespace {

using torch::Tensor;

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
    clb::add_options(p, &HidePrompt::kept_);
    auto ca = p.in(&HidePrompt::alignment_);
    ca.integer("ca_epochs", &clb::AlignmentOptions::epochs, {0, 100000}, "epochs of the head's alignment; 0: none");
    ca.integer("ca_samples", &clb::AlignmentOptions::samples, {1, 65536}, "features drawn per cluster and epoch, and per update");
    ca.real("ca_lr", &clb::AlignmentOptions::lr, {0, 100}, "learning rate of the head's alignment, cosine to 0");
    clb::add_options(p, &HidePrompt::inference_options_);
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
    clb::require_init(low_, high_);
    vit_ = clb::backbone(ctx());
    clb::nn::require_blocks("blocks", blocks_, vit_.shape().depth);
    inference_ = {ctx(), vit_.dim()};
    const std::vector<int64_t> pairs{static_cast<int64_t>(blocks_.size()), 2, length_, vit_.dim()};
    prompts_ = clb::nn::TaskPrompts(clb::nn::uniform(pairs, low_, high_, ctx().rng("prompt")).to(ctx().device()));
    head_ = {{.dim = vit_.dim(), .init = clb::nn::HeadInit::normal(0.02)}, ctx().rng("head")};
  }

  clb::Inputs inputs() const override {
    auto inputs = clb::queried_inputs(prompted());
    return prompted() && task_id_ == "oracle" ? std::move(inputs).with_task_ids() : inputs;
  }

  void train_task() override {
    inference_.learn(ctx(), vit_, fit_, inference_options_, kept_, augment_);  // stage 1: tasks told apart without prompts
    head_.grow(task().classes_seen);
    learn();
    keep_statistics();
    clb::replay(ctx(), features_, alignment_.replay(kept_.ridge), {head_}, "alignment/",
                [this](const Tensor& rows) { return inference_.seen(head_(rows)); });
  }

  Tensor predict(const clb::Batch& b) override {
    const Tensor prompts = prompted() ? prompts_of(b) : Tensor();
    const Tensor z = feature(b.images, b.features("main:cls"), prompts), logits = head_(z);
    ctx().trace({{"batched_prompt", prompts}, {"feature", z}, {"logits", logits}});
    return logits;
  }

  void state(clb::Archive& a) override {
    a("inference", inference_.network())("prompts", prompts_.tasks(), [this] { return prompts_.first(); })("head", head_);
    a("task_of", inference_.tasks())("features.gaussians", features_.gaussians())("features.tasks", features_.tasks());
    a("plain.gaussians", inference_.kept().gaussians())("plain.tasks", inference_.kept().tasks());
  }

 private:
  bool prompted() const { return length_ > 0 && !blocks_.empty(); }

  // Stage 2: the task's prompt and the head.
  void learn() {
    clb::nn::TaskPrompt& own = prompts_.begin(task().index);
    if (prompted() && prompt_lr_scale_ > 0) clb::nn::unfreeze(own);
    const Tensor before = own.pairs.detach().clone(), stored = features_.means();
    const std::vector<clb::nn::FitGroup> groups{{head_, head_lr_scale_, rates(head_lr_scale_ * fit_.lr)},
                                                {own, prompt_lr_scale_, rates(prompt_lr_scale_ * fit_.lr)}};
    clb::SharedBlocks shared(vit_, prompted() ? clb::nn::first_of(blocks_) : vit_.shape().depth, augment_);
    clb::fit(ctx(), fit_, clb::queried_images(ctx(), augment_), groups,
             [&](const clb::Batch& b) { return loss(b, shared(b), prompts_.mixed(task().index, momentum_), stored); });
    clb::nn::freeze(own);
    own.pairs = prompts_.mixed(task().index, momentum_).detach();  // once more, for good
    if (prompted()) clb::record_change(ctx(), own.pairs, before);
  }

  Tensor loss(const clb::Batch& b, const clb::nn::Begun& images, const Tensor& prompt, const Tensor& stored) {
    const Tensor query = prompted() ? Tensor() : clb::queries(b, images, vit_, augment_),
                 prompts = prompted() ? same_for_all(prompt, b.n) : Tensor();
    const Tensor z = feature(images, query, prompts), logits = head_(z), masked = clb::nn::mask_to(task().labels, logits);
    const Tensor ce = at::cross_entropy_loss(masked, b.labels);
    ctx().trace({{"batched_prompt", prompts}, {"feature", z}, {"logits", logits}, {"logits_masked", masked}, {"ce", ce}});
    if (contrast_weight_ == 0 || !prompted()) return ce;  // without prompts nothing moves the features
    const Tensor contrastive = clb::nn::contrastive_loss(stored, z, contrast_temperature_), loss = ce + contrast_weight_ * contrastive;
    ctx().trace({{"contrastive", contrastive}, {"loss", loss}});
    return loss;
  }

  // A group's own schedule, since they end at the same rate and begin at different ones. Its first step comes after two epochs, as timm's
  // does in the released loop.
  clb::nn::Schedule rates(double base) const {
    auto options = fit_;
    options.lr = base;
    return clb::nn::one_late(base, clb::nn::schedule_of(options, static_cast<double>(options.epochs)));
  }

  // [n, d] float32: the class token beside the prompts [blocks, n, 2, p, d]; without prompts the query.
  Tensor feature(const clb::nn::Begun& images, const Tensor& query, const Tensor& prompts) const {
    if (!prompted()) return query;
    return vit_.cls(images, clb::nn::prefix_of_pairs(blocks_, prompts)).to(torch::kFloat32);
  }

  Tensor same_for_all(const Tensor& prompt, int64_t n) const {
    return clb::nn::chosen_pairs(prompt.unsqueeze(2), torch::zeros(n, torch::dtype(torch::kInt64).device(prompt.device())), legacy_);
  }

  // The prompt of each image at test.
  Tensor prompts_of(const clb::Batch& b) const {
    const Tensor& query = b.features("main:cls");
    const Tensor tasks = task_id_ == "oracle"   ? b.part(CLB_PART_TASK_IDS).to(query.device())
                         : task_id_ == "random" ? clb::nn::arbitrary_ids(query, prompts_.size())
                                                : inference_(ctx(), query);  // [n]
    ctx().trace("task_id", tasks);
    return clb::nn::chosen_pairs(prompts_.pool(test_prompts_ == "initial"), tasks, legacy_);
  }

  // Of the images as they are evaluated, with the task's prompt as it predicts.
  void keep_statistics() {
    const Tensor& prompt = prompts_.pairs(task().index);
    const auto of_task = clb::features_of(ctx(), clb::queried_images(ctx(), false), fit_.batch_size, [&](const clb::Batch& b) {
      return feature(b.images, b.features("main:cls"), same_for_all(prompt, b.n));
    });
    ctx().trace("statistics.feature", of_task.features);
    clb::remember(ctx(), features_, of_task, kept_.gaussians(), "features");
  }

  // Defaults: the authors' CIFAR-100. Their batches of 24 are those of each of 8 cards, and rates are not multiplied.
  int64_t length_ = 5;
  std::vector<int64_t> blocks_{0, 1, 2, 3, 4};
  double low_ = -1, high_ = 1, momentum_ = 0.01, contrast_weight_ = 0.1, contrast_temperature_ = 0.8, head_lr_scale_ = 0.1,
         prompt_lr_scale_ = 1;
  clb::nn::StatisticsOptions kept_;
  clb::AlignmentOptions alignment_{.epochs = 30, .samples = 120, .lr = 0.005};
  clb::TaskInferenceOptions inference_options_{.epochs = 20, .lr = 4.6875e-5, .alignment = {.epochs = 30, .samples = 24, .lr = 4.6875e-4}};
  std::string task_id_ = "inferred", test_prompts_ = "trained";
  bool legacy_ = false, augment_ = true;
  clb::nn::FitOptions fit_{.optimizer = "adam",
                           .lr = 2.8125e-3,
                           .epochs = 50,
                           .batch_size = 192,
                           .schedule = "multistep",
                           .milestones = {30},
                           .gamma = 0.1,
                           .clip_norm = 1};

  clb::nn::Vit vit_;
  clb::InferredTasks inference_;
  clb::nn::TaskPrompts prompts_;  // frozen but for the newest while it learns
  clb::nn::GrowingLinear head_;
  clb::nn::FeatureMemory features_;  // beside the task's prompt
};

}  // namespace

CLB_METHOD(HidePrompt)
