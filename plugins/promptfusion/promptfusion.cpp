// PromptFusion: two frozen experts that learn by prompts alone. The stabilizer is a CLIP whose classes are sentences with learned words,
// which stand still after their task; the booster is a ViT with visual prompts and a head, which goes on learning. A learned share fuses
// their logits. In the form lite a gate decides for each image whether the booster is asked at all.
#include <clb/nn/class_contexts.hpp>
#include <clb/nn/expert_gate.hpp>
#include <clb/nn/heads.hpp>
#include <clb/nn/prompt_tokens.hpp>
#include <clb/nn/replay_weights.hpp>
#include <clb/sdk/exemplars.hpp>
#include <clb/sdk/method.hpp>
#include <clb/sdk/prompt_options.hpp>
#include <clb/sdk/prompting.hpp>
#include <clb/sdk/text.hpp>

namespace {

using torch::Tensor;

// The feature of either expert, [n, d] float32, is the mean of what the last block puts out at the prompts [p, d], not at the class token.
Tensor stabilizer_feature(const clb::nn::ClipImage& clip, const Tensor& images, const Tensor& prompts) {
  const Tensor rows = clip.tokens(images, clb::nn::PrependedPrompts(prompts)).narrow(1, 1, prompts.size(0));
  return clip.project(clip.norm(rows.mean(1))).to(torch::kFloat32);
}
Tensor booster_feature(const clb::nn::Vit& vit, const Tensor& images, const Tensor& prompts) {
  const Tensor rows = vit.tokens(images, clb::nn::PrependedPrompts(prompts, vit.cls_position())).narrow(1, 1, prompts.size(0));
  return rows.to(torch::kFloat32).mean(1);
}

// The booster's share is sigmoid(lambda): -inf leaves the stabilizer alone, +inf the booster.
Tensor fused(const Tensor& stabilizer, const Tensor& booster, const Tensor& lambda) {
  const Tensor share = lambda.sigmoid();
  return (1 - share) * stabilizer + share * booster;
}

// What is learned beside the words and the head.
struct Learned final : clb::nn::Module {
  Tensor image_prompts, booster_prompts, lambda;  // [p, d] in CLIP's image tower, [p, d] in the ViT, []

 private:
  void parts(clb::nn::Parts& p) override { p("image_prompts", image_prompts)("booster_prompts", booster_prompts)("lambda", lambda); }
};

class PromptFusion final : public clb::Method {
 public:
  static constexpr clb::About about{
      .id = "promptfusion",
      .version = "1.0.0",
      .paper = "Chen et al., ECCV 2024, arXiv:2303.07223",
      .capabilities = clb::kTextTower | clb::kRawReplay | clb::kBf16 | clb::kBitwise,
  };
  static constexpr const char* roles[] = {"main", "clip"};
  static constexpr clb::ValidationValue validation_values[] = {{"context_length", 4}, {"filler_length", 4}};  // its CLIP reads 40 tokens

  static void params(clb::Params<PromptFusion>& p) {
    using P = PromptFusion;
    p.choice("form", &P::form_, {"full", "lite"},
             "full: a learned share fuses both experts; lite: a gate asks the booster for some images");
    p.choice("predict_by", &P::predict_by_, {"fused", "stabilizer", "booster"}, "experts that predict; one alone is an ablation");
    clb::add_test_prompts(p, &P::test_prompts_);
    p.integer("booster_prompts", &P::booster_prompts_, {1, 256}, "visual prompts of the ViT");
    p.integer("image_prompts", &P::image_prompts_, {1, 256}, "visual prompts of CLIP's image tower");
    p.integer("context_length", &P::context_length_, {1, 256}, "learned words before the name of each class (M)");
    p.integer("filler_length", &P::filler_length_, {0, 256}, "words X between these and the name, which stay as they are");
    p.real("lambda", &P::lambda_, {-1000, 1000}, "full: where lambda starts; the booster's share is sigmoid(lambda)");
    p.flag("learn_lambda", &P::learn_lambda_, "full: train lambda; off: it stays, and -1000 or 1000 trains one expert alone");
    p.flag("weight_mask", &P::weight_mask_, "from the second task on learned weights of old and new classes in the loss");
    p.flag("stale_contexts", &P::stale_contexts_, "learned words are kept as before the last update of their task, as released");
    clb::add_options(p, &P::gate_options_);
    p.choice("test_gate", &P::test_gate_, {"likelier", "drawn"}, "lite: how the gate decides at test; drawn: as released")
        .implies(clb::kStochastic, "drawn");
    p.flag("augment", &P::augment_, "train with the training transforms; off: on images as evaluated, as released");
    clb::add_options(p, &P::memory_);
    clb::FitParams fit(p, &P::fit_);
    fit.optimizer().lr().momentum().weight_decay().epochs().batch_size().schedule({"constant", "cosine"}).min_lr().clip_norm().drop_last();
  }

  void create() override {
    vit_ = clb::backbone(ctx(), "main");
    clip_ = clb::clip(ctx(), "clip");
    learned_.image_prompts = clb::nn::normal({image_prompts_, clip_.image.dim()}, 0, 1, ctx().rng("image_prompts"));
    learned_.booster_prompts = clb::nn::uniform({booster_prompts_, vit_.dim()}, -1, 1, ctx().rng("booster_prompts"));
    learned_.lambda = torch::tensor(lambda_, torch::kFloat32);
    initial_ = clb::as_drawn(ctx(), learned_);
    clb::nn::unfreeze(learned_);
    learned_.lambda.requires_grad_(!lite() && learn_lambda_);
    contexts_ = {clip_.text, context_length_, [this](int64_t label) { return torch::Generator(ctx().rng("context", {label})); }};
    weights_ = clb::nn::ReplayWeights(fit_.batch_size);
    head_ = {{.dim = vit_.dim(), .init = clb::nn::HeadInit::torch_linear()}, ctx().rng("head")};
    if (lite()) gate_ = {clip_.image.features(), gate_options_, ctx().rng("gate")};
  }

  clb::Inputs inputs() const override {
    if (predict_by_ == "booster") return clb::Inputs::images();
    return predict_by_ == "stabilizer" ? clb::Inputs::features(kClipImages) : clb::Inputs::images().with(kClipImages);
  }

  void train_task() override {
    head_.grow(task().classes_seen);
    contexts_.begin_task(task().labels, task().classes_seen, tokens(task().labels));
    weights_.begin_task(task().index, task().labels, task().classes_seen);
    learn();
    contexts_.end_task();
    const auto samples = ctx().train_and_memory().eval_view().features("clip:image");
    clb::keep_exemplars(ctx(), samples, 1024, memory_.quota(task().classes_seen),
                        [](const clb::Batch& b) { return b.features("clip:image"); });
  }

  Tensor predict(const clb::Batch& b) override {
    const Learned& prompts = test_prompts_ == "initial" ? initial_ : learned_;
    const auto booster = [&](const Tensor& images) { return head_(booster_feature(vit_, images, prompts.booster_prompts)); };
    if (predict_by_ == "booster") return booster(b.images);
    const Tensor feature = stabilizer_feature(clip_.image, b.part(kClipImages), prompts.image_prompts);
    const Tensor stabilizer =
        clip_.logits(feature, test_prompts_ == "initial" ? contexts_.drawn_features() : contexts_.features());  // [n, c]
    if (predict_by_ == "stabilizer") return stabilizer;
    if (!lite()) return fused(stabilizer, booster(b.images), learned_.lambda);
    const Tensor choices = gate_(clb::nn::unit_rows(feature));  // [n, 2]
    const bool drawn = test_gate_ == "drawn";
    const Tensor choice = drawn ? gate_.drawn(choices, ctx().rng("test_gate", {task().index, b.step})) : gate_.likelier(choices);
    const Tensor asked = choice.select(1, 0).nonzero().squeeze(1);
    return asked.numel() == 0 ? stabilizer : stabilizer.index_add(0, asked, booster(b.images.index_select(0, asked)));
  }

  void state(clb::Archive& a) override { a("learned", learned_)("contexts", contexts_)("head", head_)("weights", weights_)("gate", gate_); }

 private:
  static constexpr const char* kClipImages = "images:clip";
  bool lite() const { return form_ == "lite"; }

  Tensor tokens(const std::vector<int64_t>& classes) const {  // [classes, t]
    return clb::context_tokens(ctx(), context_length_ + filler_length_, classes, "clip");
  }

  void learn() {
    std::optional<clb::nn::ExpertGate> before;  // the gate of the task before
    if (lite() && task().index > 0) clb::nn::freeze(before.emplace(clb::nn::copy_of(gate_)));
    auto stream = ctx().train_and_memory().images().part(kClipImages);
    clb::FitExtras extras;
    if (stale_contexts_) extras.before_update = [&](const clb::Batch&) { contexts_.remember(); };
    clb::fit(
        ctx(), fit_, augment_ ? stream.train_view() : stream.eval_view(), {learned_, contexts_, head_, weights_, gate_},
        [&](const clb::Batch& b) { return loss(b, before ? &*before : nullptr); }, extras);
  }

  Tensor loss(const clb::Batch& b, const clb::nn::ExpertGate* before) {
    const Tensor feature = stabilizer_feature(clip_.image, b.part(kClipImages), learned_.image_prompts);
    const Tensor stabilizer = clip_.logits(feature, contexts_.features()),
                 booster = head_(booster_feature(vit_, b.images, learned_.booster_prompts));
    Tensor logits, penalty;
    if (lite()) {
      const Tensor unit = clb::nn::unit_rows(feature), choices = gate_(unit);
      const Tensor choice = gate_.drawn(choices, ctx().rng("gate", {task().index, b.step}));
      logits = clb::nn::gated(stabilizer, booster, choice);
      penalty = gate_.penalty(unit, choices, choice, before);
    } else {
      logits = fused(stabilizer, booster, learned_.lambda);
    }
    const bool weighted = weight_mask_ && task().index > 0;
    const Tensor nll = weighted ? weights_.loss(logits, b.labels) : at::cross_entropy_loss(logits, b.labels);
    ctx().trace({{"logits", logits}, {"nll", nll}, {"penalty", penalty}});
    return penalty.defined() ? nll + penalty : nll;
  }

  // Defaults: the released CIFAR-100, but for test_gate, which is drawn there.
  std::string form_ = "full", predict_by_ = "fused", test_prompts_ = "trained", test_gate_ = "likelier";
  int64_t booster_prompts_ = 30, image_prompts_ = 30, context_length_ = 30, filler_length_ = 30;
  double lambda_ = 1;
  bool learn_lambda_ = true, weight_mask_ = true, stale_contexts_ = true, augment_ = false;
  clb::nn::ExpertGateOptions gate_options_;
  clb::MemoryOptions memory_{.total = 5000};
  clb::nn::FitOptions fit_{.optimizer = "adamw",
                           .lr = 2e-3,
                           .weight_decay = 1e-4,
                           .epochs = 3,
                           .batch_size = 32,
                           .schedule = "cosine",
                           .clip_norm = 1,
                           .drop_last = true};

  clb::nn::Vit vit_;
  clb::nn::Clip clip_;
  Learned learned_, initial_;  // initial_: as drawn
  clb::nn::ClassContexts contexts_;
  clb::nn::ReplayWeights weights_;
  clb::nn::GrowingLinear head_;
  clb::nn::ExpertGate gate_;  // without tensors in the form full
};

}  // namespace

CLB_METHOD(PromptFusion)
