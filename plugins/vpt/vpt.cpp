// VPT: learned tokens beside an image's own are all that is trained of a frozen network, together with a linear head. On every task in
// turn, which is sequential fine-tuning of prompts, or on the first task alone.
#include <clb/nn/heads.hpp>
#include <clb/nn/loss.hpp>
#include <clb/nn/prompt_tokens.hpp>
#include <clb/sdk/method.hpp>
#include <clb/sdk/nn.hpp>
#include <clb/sdk/prompting.hpp>

namespace {

class Vpt final : public clb::Method {
 public:
  static constexpr clb::About about{
      .id = "vpt",
      .version = "1.0.0",
      .paper = "Jia et al., ECCV 2022, arXiv:2203.12119",
      .capabilities = clb::kBf16 | clb::kBitwise,
  };

  static constexpr clb::ValidationValue validation_values[] = {{"epochs", 3}};

  static void params(clb::Params<Vpt>& p) {
    p.choice("prompts", &Vpt::form_, {"deep", "shallow"}, "fresh tokens before every block, or one set before the first");
    p.integer("prompt_length", &Vpt::length_, {0, 256}, "tokens of each set; 0: none, a head on frozen features");
    p.choice("prompt_init", &Vpt::init_, {"uniform", "zeros"},
             "how tokens start: uniform within sqrt(6 / (3 patch^2 + d)), or LAMDA-PILOT's zeros");
    p.choice("trained_on", &Vpt::trained_on_, {"every_task", "first_task"},
             "tasks that train the prompts; the head is trained on each task in any case");
    p.choice("loss_over", &Vpt::loss_over_, {"task", "seen"}, "classes that compete in the loss: those of the task, or all seen");
    p.real("head_deviation", &Vpt::head_deviation_, {0, 10}, "standard deviation of new rows of the head");
    clb::add_test_prompts(p, &Vpt::test_prompts_).neutral("trained");
    clb::add_options(p, &Vpt::fit_);
  }

  void create() override {
    vit_ = clb::backbone(ctx());
    const clb::nn::PromptTokensOptions options{.length = length_, .deep = form_ == "deep", .zero_init = init_ == "zeros"};
    prompts_.emplace(vit_.shape(), options, ctx().rng("prompts"));
    if (test_prompts_ == "initial") initial_ = clb::as_drawn(ctx(), *prompts_);
    head_ = {{.dim = vit_.dim(), .init = clb::nn::HeadInit::normal(head_deviation_)}, ctx().rng("head")};
  }

  // A network that stands still serves its features from the host's cache: the plain one, or that with the prompts of the first task.
  clb::Inputs inputs() const override {
    if (length_ == 0) return clb::Inputs::features("main:cls");
    if (trained_on_ == "every_task" || initial_) return clb::Inputs::images();
    auto prompts = *prompts_;
    clb::register_part(ctx(), kPrompted, vit_.dim(), prompts);
    return clb::Inputs::features(kPrompted);
  }

  torch::Tensor extract(const std::string& kind, const clb::Batch& b) override {
    return kind == kPrompted ? feature(b.images, *prompts_).to(torch::kFloat32) : Method::extract(kind, b);
  }

  void train_task() override {
    head_.grow(task().classes_seen);
    clb::nn::FitGroup head(head_);
    head.decay_bias = false;  // as the authors' optimiser
    clb::fit(ctx(), fit_, ctx().train().train_view().images(), {*prompts_, head}, [&](const clb::Batch& b) {
      const auto x = feature(b.images, *prompts_), logits = head_(x);
      const auto loss = at::cross_entropy_loss(loss_over_ == "task" ? clb::nn::mask_to(task().labels, logits) : logits, b.labels);
      ctx().trace("feature", x);
      ctx().trace("logits", logits);
      ctx().trace("loss", loss);
      return loss;
    });
    if (trained_on_ == "first_task") clb::nn::freeze(*prompts_);
  }

  torch::Tensor predict(const clb::Batch& b) override {
    if (length_ == 0) return head_(b.features("main:cls"));
    if (initial_) return head_(feature(b.images, *initial_));
    return head_(trained_on_ == "first_task" ? b.features(kPrompted) : feature(b.images, *prompts_));
  }

  void state(clb::Archive& a) override { a("prompts", *prompts_)("head", head_); }

 private:
  static constexpr const char* kPrompted = "prompted";

  // [n, d]
  torch::Tensor feature(const torch::Tensor& images, const clb::nn::PromptTokens& prompts) const { return vit_.cls(images, prompts); }

  // Defaults: within the authors' search for VPT-deep (rate 0.25 * 64 / 256); they have no continual setting.
  std::string form_ = "deep", init_ = "uniform", trained_on_ = "every_task", loss_over_ = "task", test_prompts_ = "trained";
  int64_t length_ = 5;
  double head_deviation_ = 0.02;
  clb::nn::FitOptions fit_{.optimizer = "sgd",
                           .lr = 0.0625,
                           .momentum = 0.9,
                           .weight_decay = 1e-3,
                           .epochs = 100,
                           .batch_size = 64,
                           .schedule = "warmup_cosine",
                           .warmup_epochs = 10};

  clb::nn::Vit vit_;
  std::optional<clb::nn::PromptTokens> prompts_, initial_;  // initial_: as drawn, where they are to predict
  clb::nn::GrowingLinear head_;
};

}  // namespace

CLB_METHOD(Vpt)
