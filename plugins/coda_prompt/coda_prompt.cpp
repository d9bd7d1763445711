// CODA-Prompt: each image's prompt is a sum of components, weighed by how well their keys suit its frozen feature. Every task adds
// components of its own, orthogonal to those there are; older ones stand still and go on to take part.
#include <clb/nn/heads.hpp>
#include <clb/nn/layer_prefixes.hpp>
#include <clb/nn/loss.hpp>
#include <clb/nn/orthogonal.hpp>
#include <clb/nn/prompt_components.hpp>
#include <clb/nn/tensors.hpp>
#include <clb/sdk/method.hpp>
#include <clb/sdk/prompting.hpp>

namespace {

using Components = clb::nn::PromptComponents;
using torch::Tensor;

class CodaPrompt final : public clb::Method {
 public:
  static constexpr clb::About about{
      .id = "coda_prompt",
      .version = "1.0.0",
      .paper = "Smith et al., CVPR 2023, arXiv:2211.13218",
      .capabilities = clb::kBf16 | clb::kBitwise,
  };
  static constexpr clb::ValidationValue validation_values[] = {{"batch_size", 16}, {"epochs", 3}};  // a batch of 128 would be left out

  static void params(clb::Params<CodaPrompt>& p) {
    p.integer("components", &CodaPrompt::components_, {0, 10000}, "components in all (M); 0 = no prompts");
    p.integer("tasks", &CodaPrompt::tasks_, {1, 10000}, "tasks that they are shared out among: each adds components / tasks, rounded down");
    p.integer("prompt_length", &CodaPrompt::length_, {2, 512}, "rows of a component (L_p), an even number: half keys, half values");
    p.integers("blocks", &CodaPrompt::blocks_, {0, 1000}, "blocks with prompts");
    p.real("ortho_weight", &CodaPrompt::ortho_weight_, {0, 1e6}, "weight of the orthogonality penalty (mu; lambda in the paper: 0.1)");
    p.flag("attention", &CodaPrompt::attention_, "components attend to features; off: keys are held against the query as it is");
    p.flag("freeze_old", &CodaPrompt::freeze_old_, "components of older tasks stand still; off: all there are learn on");
    p.flag("augment", &CodaPrompt::augment_, "train with the training transform; off: on images as evaluated, with the cache's queries");
    clb::add_test_prompts(p, &CodaPrompt::test_prompts_);
    clb::add_options(p, &CodaPrompt::fit_);
  }

  void create() override {
    vit_ = clb::backbone(ctx());
    clb::nn::require_blocks("blocks", blocks_, vit_.shape().depth);
    clb::require_halves(length_);
    if (components_ > 0 && components_ < tasks_) {
      throw clb::PluginError(CLB_E_INVALID, "components is " + std::to_string(components_) + ", fewer than tasks, " +
                                                std::to_string(tasks_) + "; every task needs one at least");
    }
    if (test_prompts_ == "initial" && !freeze_old_) {
      throw clb::PluginError(
          CLB_E_INVALID,
          "test_prompts = \"initial\" needs freeze_old: what components were drawn beside is known only where it stands still");
    }
    old_ = own_ = Components::none(static_cast<int64_t>(blocks_.size()), length_, vit_.dim(), ctx().device());
    head_ = {{.dim = vit_.dim(), .init = clb::nn::HeadInit::torch_linear()}, ctx().rng("head")};
  }

  clb::Inputs inputs() const override { return clb::queried_inputs(prompted()); }

  void train_task() override {
    head_.grow(task().classes_seen);
    add_components();
    usage_ = Tensor();
    clb::SharedBlocks shared(vit_, prompted() ? clb::nn::first_of(blocks_) : vit_.shape().depth, augment_);
    clb::fit(ctx(), fit_, clb::queried_images(ctx(), augment_), {own_, head_}, [&](const clb::Batch& b) {
      const Components all = old_.with(own_);
      const auto images = shared(b);
      const auto query = clb::queries(b, images, vit_, augment_), weights = weights_of(query, all);
      count_use(weights);
      const auto logits = clb::nn::mask_to(task().labels, forward(images, query, weights, all.prompts));
      const auto ce = torch::nn::functional::cross_entropy(logits, b.labels);
      const auto loss = ortho_weight_ > 0 ? ce + ortho_weight_ * penalty(all) : ce;
      ctx().trace("ce", ce);
      ctx().trace("loss", loss);
      return loss;
    });
    ++tasks_begun_;
    record();
  }

  Tensor predict(const clb::Batch& b) override {
    const Components all = old_.with(own_);
    const auto& query = b.features("main:cls");
    return forward(b.images, query, weights_of(query, all), test_prompts_ == "initial" ? drawn(all) : all.prompts);
  }

  void state(clb::Archive& a) override {
    drawn_ = Tensor();
    a("tasks_begun", tasks_begun_)("old", old_)("own", own_)("head", head_);
  }

 private:
  bool prompted() const { return components_ > 0 && !blocks_.empty(); }

  // Those of this task are the newest rows; what is there of them already is kept (a state between two tasks has none).
  void add_components() {
    const int64_t share = components_ / tasks_, behind = std::min(tasks_begun_ + 1, tasks_) * share;
    if (freeze_old_ && components_ > 0 && tasks_begun_ >= tasks_) {
      throw clb::PluginError(CLB_E_INVALID, "all components are given out: tasks is " + std::to_string(tasks_) +
                                                ", but the stream has more; set it to their number");
    }
    Components all = old_.with(own_).rows(0, behind);
    if (all.count() < behind) all = all.grown(behind, blocks_, ctx().rng("components"));
    const int64_t first = freeze_old_ ? tasks_begun_ * share : 0;
    old_ = all.rows(0, first);
    own_ = all.rows(first, behind);
    at_start_ = own_.prompts.clone();
    drawn_ = Tensor();
    clb::nn::unfreeze(own_);
  }

  // The prompts [b, k, L, d] as drawn: those of each task beside older ones, which stand still since.
  Tensor drawn(const Components& trained) {
    if (!drawn_.defined()) drawn_ = trained.drawn_prompts(components_ / tasks_, blocks_, ctx().rng("components"));
    return drawn_;
  }

  // [b, n, k]: the cosine of q * A_k and K_k, from products of matrices: the n k d numbers q * A_k are never in memory.
  Tensor weights_of(const Tensor& query, const Components& c) const {  // query [n, d]
    const auto keys = clb::nn::unit_rows(c.keys);
    if (!attention_) return clb::nn::unit_rows(query).matmul(keys.transpose(1, 2));
    const auto products = query.matmul((c.attention * keys).transpose(1, 2));
    const auto squares = query.square().matmul(c.attention.square().transpose(1, 2));
    return products / squares.clamp_min(1e-24).sqrt();
  }

  // Logits of all classes seen. components [b, k, L, d], weights [b, n, k].
  Tensor forward(const clb::nn::Begun& images, const Tensor& query, const Tensor& weights, const Tensor& components) const {
    const auto prompts = weights.matmul(components.flatten(2)).unflatten(2, {length_, vit_.dim()});           // [b, n, L, d]
    const auto feature = prompted() ? vit_.cls(images, clb::nn::prefix_of_halves(blocks_, prompts)) : query;  // [n, d]
    const auto logits = head_(feature);
    ctx().trace({{"alpha", weights}, {"prompts", prompts}, {"feature", feature}, {"logits", logits}});
    return logits;
  }

  Tensor penalty(const Components& c) const {  // as released: a mean over pairs of components, summed over kinds and blocks
    const auto sum =
        clb::nn::orthogonality_loss(c.keys) + clb::nn::orthogonality_loss(c.attention) + clb::nn::orthogonality_loss(c.flat_prompts());
    ctx().trace("ortho", sum);
    return sum;
  }

  void count_use(const Tensor& weights) {  // an image is shared out among the components by the size of their weights
    const auto sizes = weights.detach().abs();
    const auto used = (sizes / sizes.sum(2, /*keepdim=*/true).clamp_min(1e-12)).sum(1);  // [b, k]
    usage_ = usage_.defined() ? usage_ + used : used;
  }

  void record() const {
    if (usage_.defined()) clb::record_usage(ctx(), "component", blocks_, usage_);
    if (!prompted()) return;
    clb::record_change(ctx(), own_.prompts, at_start_);
    const Components all = old_.with(own_);  // how far from orthogonal they are: the mean of |cos| over pairs
    ctx().metric("overlap/prompts", task().index, clb::nn::overlap(all.flat_prompts()));
    ctx().metric("overlap/keys", task().index, clb::nn::overlap(all.keys));
    ctx().metric("overlap/attention", task().index, clb::nn::overlap(all.attention));
  }

  // Defaults: the released CIFAR-100 and ImageNet-R settings, ten tasks.
  int64_t components_ = 100, tasks_ = 10, length_ = 8;
  std::vector<int64_t> blocks_{0, 1, 2, 3, 4};
  double ortho_weight_ = 0;
  bool attention_ = true, freeze_old_ = true, augment_ = true;
  std::string test_prompts_ = "trained";
  clb::nn::FitOptions fit_{.optimizer = "adam", .lr = 1e-3, .epochs = 20, .batch_size = 128, .schedule = "coda", .drop_last = true};

  clb::nn::Vit vit_;
  int64_t tasks_begun_ = 0;
  Components old_, own_;  // frozen; the newest, which the task trains
  clb::nn::GrowingLinear head_;
  Tensor drawn_;             // what drawn() gave, until components change
  Tensor usage_, at_start_;  // [b, k], in the task; its prompts when it began
};

}  // namespace

CLB_METHOD(CodaPrompt)
