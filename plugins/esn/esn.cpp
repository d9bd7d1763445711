// ESN: every task (a stage) learns a small classifier of its own over all tokens of a frozen network with prompts, apart from those before
// it. Energies of all stages are pulled to one anchor, so that they can be compared: at test the stage is elected by its energy, by votes
// at several temperatures, and its classifier says the class.
#include <clb/nn/blocks.hpp>
#include <clb/nn/energy.hpp>
#include <clb/nn/heads.hpp>
#include <clb/nn/key_choice.hpp>
#include <clb/nn/prompt_tokens.hpp>
#include <clb/sdk/method.hpp>
#include <clb/sdk/prompting.hpp>

namespace {

using torch::Tensor;

// Prompts [p, d] behind the class token, without positions; and tokens() as the last block puts them out, before the final norm.
struct StageTokens final : clb::nn::Injection {
  explicit StageTokens(Tensor prompts) : prompts(std::move(prompts)) {}
  clb::nn::InjectionSlices split(const std::vector<int64_t>& counts) const override { return alike(counts); }
  bool changes_operations() const override { return false; }
  void parts(clb::nn::Parts& p) override { p("prompts", prompts); }
  Tensor before_block(int64_t block, const Tensor& x) const override { return block == 0 ? clb::nn::insert_rows(x, 1, prompts) : x; }
  Tensor at(clb::nn::Site site, int64_t, const Tensor& x, const Tensor& y) const override { return site == clb::nn::Site::kNorm ? x : y; }
  Tensor prompts;
};

struct Prompts final : clb::nn::Module {
  void parts(clb::nn::Parts& p) override { p("tokens", tokens); }
  Tensor tokens;  // [p, d], the same for all stages
};

// What one task leaves; nothing of it is touched again.
struct Stage final : clb::nn::Module {
  Stage(const clb::nn::BlocksShape& network, const Tensor& class_token, const clb::nn::Rng& rng)
      : token(class_token.detach().to(torch::kFloat32, /*non_blocking=*/false, /*copy=*/true)),
        block({.dim = network.dim, .depth = 1, .heads = network.heads, .mlp = network.dim / 2}, {.eps = 1e-5}),
        head({.dim = network.dim, .init = clb::nn::HeadInit::torch_linear()}, rng) {
    block.parameters([&](const std::string& name, Tensor& t) {
      if (name.starts_with("norm")) return;  // 1 and 0
      t = name.ends_with("bias") ? torch::zeros_like(t) : clb::nn::normal(t.sizes(), 0, 0.02, rng("block." + name));
    });
    clb::nn::unfreeze(*this);
  }

  Tensor attended(const Tensor& tokens) const {  // [n, t, d] -> [n, d]; logits [n, k]
    const Tensor own = clb::nn::as_type_of(tokens, token).expand({tokens.size(0), 1, tokens.size(2)});
    return block.first_row(at::cat({own, tokens}, 1)).squeeze(1);
  }
  Tensor operator()(const Tensor& tokens) const { return head(attended(tokens)); }
  void parts(clb::nn::Parts& p) override { p("token", token)("block", block)("head", head); }

  Tensor token;  // [1, 1, d], at first the network's class token
  clb::nn::Block block;
  clb::nn::GrowingLinear head;
};

// Scores of all classes seen, [n, classes]: the elected stage's logits [n, k] with the largest at 0, the others' with theirs at -1. So
// where a question asks for other tasks' classes alone, their own stages answer. A class of several stages (domains) has its largest score.
Tensor answers(const std::vector<Tensor>& logits, const std::vector<Tensor>& labels, const Tensor& stage, int64_t classes) {
  Tensor scores = torch::full({stage.size(0), classes}, -INFINITY, logits[0].options());
  for (size_t s = 0; s < logits.size(); ++s) {
    const Tensor lost = stage.ne(static_cast<int64_t>(s)).to(torch::kFloat32).unsqueeze(1);
    const Tensor mine = logits[s] - logits[s].amax(1, /*keepdim=*/true) - lost;
    scores.index_copy_(1, labels[s], at::maximum(scores.index_select(1, labels[s]), mine));
  }
  return scores;
}

class Esn final : public clb::Method {
 public:
  static constexpr clb::About about{
      .id = "esn",
      .version = "1.0.0",
      .paper = "Wang et al., AAAI 2023, arXiv:2211.15969",
      .capabilities = clb::kBf16 | clb::kBitwise,
  };

  static constexpr clb::ValidationValue validation_values[] = {{"prompt_length", 5}, {"epochs", 3}};

  static void params(clb::Params<Esn>& p) {
    p.integer("prompt_length", &Esn::length_, {0, 1024}, "prompts, which all stages share; 0: none");
    p.choice("trained_on", &Esn::trained_on_, {"every_task", "first_task"},
             "tasks that train the prompts: the released code every task, the paper the first alone");
    p.choice("energy", &Esn::energy_, {"released", "paper"},
             "free energy that training pulls to the anchor: -logsumexp(-z) in the released code, -logsumexp(z) in the paper");
    p.real("align_weight", &Esn::align_weight_, {0, 1000}, "weight of the squared distance to the anchor (lambda); 0: no alignment");
    p.real("anchor", &Esn::anchor_, {-1000, 1000}, "free energy that every stage is pulled to");
    p.real("beta", &Esn::beta_, {1e-4, 1e4}, "inverse temperature of the energy in training");
    p.reals("temperatures", &Esn::temperatures_, {1e-4, 1e4},
            "candidates; each task adds the one at which its own stage wins most of its images, the first one counts for the first task");
    p.choice("voters", &Esn::voters_, {"chosen", "all"}, "temperatures that vote: those that tasks added, or all candidates");
    clb::add_test_prompts(p, &Esn::test_prompts_);
    clb::FitParams fit(p, &Esn::fit_);
    fit.optimizer().lr().momentum().weight_decay().epochs().batch_size().schedule({"constant", "cosine"}).min_lr().clip_norm().drop_last();
  }

  void create() override {
    if (temperatures_.empty()) throw clb::PluginError(CLB_E_INVALID, "temperatures is empty; one at least has to vote");
    vit_ = clb::backbone(ctx());
    vit_.parameters([&](const std::string& name, Tensor& t) { class_token_ = name == "cls_token" ? t : class_token_; });
    prompts_.tokens = clb::nn::linear_weight(length_, vit_.dim(), ctx().rng("prompts")).to(ctx().device()).requires_grad_();
    if (test_prompts_ == "initial") initial_ = clb::as_drawn(ctx(), prompts_);
  }

  clb::Inputs inputs() const override { return clb::Inputs::images(); }

  void train_task() override {
    Stage& stage = own_stage();
    const Tensor labels = labels_.back(), before = prompts_.tokens.detach().clone();
    const bool prompts_learn = task().index == 0 || trained_on_ == "every_task";
    if (!prompts_learn) clb::nn::freeze(prompts_);
    clb::fit(ctx(), fit_, ctx().train().train_view().images(), {stage, prompts_}, [&](const clb::Batch& b) {
      const Tensor tokens = tokens_of(b.images, prompts_, prompts_learn), s = stage.attended(tokens), logits = stage.head(s);
      const Tensor ce = at::cross_entropy_loss(logits, at::searchsorted(labels, b.labels));
      const Tensor energy = clb::nn::free_energy(energy_ == "released" ? -logits : logits, beta_);  // the election has logsumexp(z)
      const Tensor align = align_weight_ * (energy - anchor_).square().mean(), loss = ce + align;
      ctx().trace({{"tokens", tokens}, {"s", s}, {"logits", logits}, {"energy", energy}, {"ce", ce}, {"align", align}, {"loss", loss}});
      return loss;
    });
    clb::nn::freeze(stage);
    if (length_ > 0) clb::record_change(ctx(), prompts_.tokens, before);
    add_temperature();
  }

  Tensor predict(const clb::Batch& b) override {
    const std::vector<Tensor> logits = all_logits(b.images, test_prompts_ == "initial" ? initial_ : prompts_);
    const Tensor stage = clb::nn::elected(logits, voters_ == "all" ? temperatures_ : chosen_);  // [n]
    ctx().trace("stage", stage);
    return answers(logits, labels_, stage, task().classes_seen);
  }

  void state(clb::Archive& a) override {
    a("prompts", prompts_)("stages", stages_, [this] { return make_stage(0); })("labels", labels_)("chosen", chosen_);
  }

 private:
  Stage make_stage(int64_t task) const { return {vit_.shape(), class_token_, ctx().rng("stage", {task})}; }
  // Of a new task drawn anew, with a row of the head for each of its classes.
  Stage& own_stage() {
    if (static_cast<int64_t>(stages_.size()) <= task().index) {
      stages_.push_back(make_stage(task().index));
      stages_.back().head.grow(static_cast<int64_t>(task().labels.size()));
    }
    labels_.resize(stages_.size());
    labels_.back() = torch::tensor(task().labels, torch::dtype(torch::kInt64).device(ctx().device()));
    return stages_.back();
  }

  // [n, 1 + p + patches, d]; the pass leaves nothing behind for gradients unless the prompts learn.
  Tensor tokens_of(const Tensor& images, const Prompts& prompts, bool learns) const {
    const at::AutoGradMode mode(learns && length_ > 0);
    return vit_.tokens(images, StageTokens(prompts.tokens));
  }

  // Of every stage [n, k]; one pass with the newest prompts serves all, as released.
  std::vector<Tensor> all_logits(const Tensor& images, const Prompts& prompts) const {
    const Tensor tokens = tokens_of(images, prompts, false);
    std::vector<Tensor> logits;
    for (const Stage& stage : stages_) logits.push_back(stage(tokens));
    return logits;
  }

  // The candidate at which most of the task's images are given to its own stage; of equals, and so for the first task, the first.
  void add_temperature() {
    const torch::NoGradGuard no_grad;
    std::vector<Tensor> right, levels;
    for (const clb::Batch& b : ctx().train().eval_view().images().batches(fit_.batch_size)) {
      ctx().progress("temperatures", b.step, 0);
      const std::vector<Tensor> logits = all_logits(b.images, prompts_);
      std::vector<Tensor> votes;
      for (const double t : temperatures_) votes.push_back(clb::nn::energy_vote(logits, t));
      right.push_back(at::stack(votes, 1).eq(task().index));  // [n, temperatures]
      levels.push_back(clb::nn::energy_scores(logits, 1));
    }
    const Tensor share = at::cat(right).to(torch::kFloat64).mean(0), level = at::cat(levels).to(torch::kFloat64);
    const auto best = clb::nn::first_largest(share, 1).item<int64_t>();
    chosen_.push_back(temperatures_[static_cast<size_t>(best)]);
    ctx().metric("temperature", task().index, chosen_.back());
    ctx().metric("temperature/own_images", task().index, share[best].item<double>());
    for (int64_t s = 0; s < level.size(1); ++s) {  // of this task's images: what the election compares
      ctx().metric("energy/mean", s, level.select(1, s).mean().item<double>());
      ctx().metric("energy/deviation", s, level.select(1, s).std(/*unbiased=*/false).item<double>());
    }
  }

  // Defaults: the authors' CIFAR-100, as released.
  int64_t length_ = 100;
  std::string trained_on_ = "every_task", energy_ = "released", voters_ = "chosen", test_prompts_ = "trained";
  double align_weight_ = 0.1, anchor_ = -10, beta_ = 1;
  std::vector<double> temperatures_{0.001, 0.01, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0};
  clb::nn::FitOptions fit_{.lr = 0.01, .momentum = 0.9, .weight_decay = 5e-4, .epochs = 30, .batch_size = 128, .schedule = "cosine"};

  clb::nn::Vit vit_;
  Tensor class_token_;
  Prompts prompts_, initial_;  // initial_: as drawn, where they are to predict
  std::vector<Stage> stages_;
  std::vector<Tensor> labels_;  // of each stage [k], ascending
  std::vector<double> chosen_;  // of each task
};

}  // namespace

CLB_METHOD(Esn)
