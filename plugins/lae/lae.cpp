// LAE: one set of small modules in the first blocks of a frozen network learns every task (online); a second one follows it as a moving
// average and gathers what tasks have in common (offline). At test each class gets the larger of the two probabilities.
#include <clb/nn/adapter.hpp>
#include <clb/nn/heads.hpp>
#include <clb/nn/layer_prefixes.hpp>
#include <clb/nn/lora.hpp>
#include <clb/nn/loss.hpp>
#include <clb/nn/prefix.hpp>
#include <clb/nn/weight_average.hpp>
#include <clb/sdk/method.hpp>
#include <clb/sdk/nn.hpp>
#include <clb/sdk/shared_blocks.hpp>

namespace {

using clb::nn::Injection;
using torch::Tensor;

struct ExpertOptions {
  std::string module = "adapter";
  std::vector<int64_t> blocks = {0, 1, 2, 3, 4};
  int64_t rank = 5, prefix_length = 10;
};

// As drawn. An adapter and LoRA change nothing yet, a prefix does.
std::unique_ptr<Injection> expert(const clb::nn::BlocksShape& network, const ExpertOptions& o, const clb::nn::Rng& rng) {
  using namespace clb::nn;
  if (o.module == "adapter") {
    const AdapterOptions adapter{.kind = AdapterKind::kLae, .blocks = o.blocks, .bottleneck = o.rank};
    return std::make_unique<Adapter>(network, adapter, rng);
  }
  if (o.module == "lora") {
    const LoraOptions lora{.blocks = o.blocks, .sites = {"k", "v"}, .rank = o.rank, .scales = true};
    return std::make_unique<Lora>(network, lora, rng);
  }
  const PrefixOptions prefix{.blocks = o.blocks, .length = o.prefix_length, .position = 1, .scales = true, .compensate = true};
  return std::make_unique<Prefix>(network, prefix, rng);
}

// Of each class the larger probability of two experts, [n, c] logits each.
Tensor surer(const Tensor& online, const Tensor& offline) { return at::maximum(at::softmax(online, 1), at::softmax(offline, 1)); }

class Lae final : public clb::Method {
 public:
  static constexpr clb::About about{
      .id = "lae",
      .version = "1.0.0",
      .paper = "Gao et al., ICCV 2023, arXiv:2303.10070",
      .capabilities = clb::kBf16 | clb::kBitwise,
  };

  static void params(clb::Params<Lae>& p) {
    auto expert = p.in(&Lae::options_);
    expert.choice("module", &ExpertOptions::module, {"adapter", "lora", "prefix"},
                  "what an expert consists of: adapters beside the attention, LoRA on keys and values, or prefixes of keys and values");
    expert.integers("blocks", &ExpertOptions::blocks, {0, 1000}, "blocks that have one");
    expert.integer("rank", &ExpertOptions::rank, {1, 4096}, "hidden units of an adapter, rank of LoRA");
    expert.integer("prefix_length", &ExpertOptions::prefix_length, {1, 256}, "rows of keys, and as many of values, of a prefix");
    p.real("ema_decay", &Lae::ema_decay_, {0, 1},
           "offline <- ema_decay * offline + (1 - ema_decay) * online, after each update from the second task on");
    p.integer("freeze_epochs", &Lae::freeze_epochs_, {0, 100000},
              "epochs at the start of a task, but for the first, in which the head alone learns");
    p.choice("first_task", &Lae::first_task_, {"online", "as_others"},
             "online: trained from the first update on, and then the offline expert's start; as_others: averaged and first frozen like "
             "every task (LAMDA-PILOT)");
    p.choice("predict_by", &Lae::predict_by_, {"ensemble", "online", "offline", "initial"},
             "experts that predict; ensemble: the larger probability of both; initial: the modules as drawn (ablation)");
    p.real("head_deviation", &Lae::head_deviation_, {0, 10}, "standard deviation of new rows of the head");
    clb::FitParams fit(p, &Lae::fit_);
    fit.optimizer({"sgd", "adam"}).lr().momentum().epochs().batch_size().schedule({"constant", "cosine"}).min_lr().clip_norm().drop_last();
  }

  void create() override {
    vit_ = clb::backbone(ctx());
    clb::nn::require_blocks("blocks", options_.blocks, vit_.shape().depth);
    if (options_.blocks.empty()) throw clb::PluginError(CLB_E_INVALID, "blocks is empty; an expert needs a block at least");
    online_ = drawn();
    offline_ = drawn();
    clb::nn::freeze(*offline_);
    if (predict_by_ == "initial") initial_ = drawn();
    head_ = {{.dim = vit_.dim(), .init = clb::nn::HeadInit::normal(head_deviation_)}, ctx().rng("head")};
  }

  clb::Inputs inputs() const override { return clb::Inputs::images(); }

  void train_task() override {
    head_.grow(task().classes_seen);
    const int64_t frozen_epochs = averages() ? freeze_epochs_ : 0;
    clb::FitExtras extras;
    if (averages()) {  // in frozen epochs too, where the offline expert goes on towards an online one that stands still
      extras.after_update = [&](const clb::Batch&) { clb::nn::update_average(*offline_, *online_, ema_decay_); };
    }
    clb::SharedBlocks shared(vit_, clb::nn::first_of(options_.blocks), /*queried=*/false);
    const auto loss_of = [&](const clb::Batch& b) {
      const Tensor logits = classify(shared(b), *online_, b.epoch >= frozen_epochs);
      const Tensor loss = at::cross_entropy_loss(clb::nn::mask_to(task().labels, logits), b.labels);
      ctx().trace("loss", loss);
      return loss;
    };
    clb::fit(ctx(), fit_, ctx().train().train_view().images().sample_ids(), {*online_, head_}, loss_of, extras);
    if (!averages()) clb::nn::update_average(*offline_, *online_, 0);
  }

  // Probabilities.
  Tensor predict(const clb::Batch& b) override {
    const Injection& first = initial_ ? *initial_ : predict_by_ == "offline" ? *offline_ : *online_;
    const Tensor logits = classify(b.images, first);
    const bool alone = predict_by_ != "ensemble" || !averages();  // after the first task both experts are equal
    return alone ? at::softmax(logits, 1) : surer(logits, classify(b.images, *offline_));
  }

  void state(clb::Archive& a) override { a("online", *online_)("offline", *offline_)("head", head_); }

 private:
  bool averages() const { return task().index > 0 || first_task_ == "as_others"; }

  std::unique_ptr<Injection> drawn() const {
    auto made = expert(vit_.shape(), options_, ctx().rng("expert"));
    clb::nn::move_to(*made, ctx().device());
    return made;
  }

  // Logits of all classes seen, [n, c]. Unless the expert learns, a pass leaves nothing behind for gradients of it; the head has its own.
  Tensor classify(const clb::nn::Begun& images, const Injection& expert, bool learns = false) const {
    Tensor feature;  // [n, d]
    {
      const at::AutoGradMode mode(learns);
      feature = vit_.cls(images, expert);
    }
    const Tensor logits = head_(feature);
    ctx().trace({{"feature", feature}, {"logits", logits}});
    return logits;
  }

  // Defaults: the authors' CIFAR-100, ten tasks, with adapters.
  ExpertOptions options_;
  double ema_decay_ = 0.9999, head_deviation_ = 0.001;
  int64_t freeze_epochs_ = 3;
  std::string first_task_ = "online", predict_by_ = "ensemble";
  clb::nn::FitOptions fit_{.optimizer = "adam", .lr = 0.0028125, .epochs = 5, .batch_size = 24, .drop_last = true};

  clb::nn::Vit vit_;
  std::unique_ptr<Injection> online_, offline_, initial_;  // initial_: as drawn, where it is to predict
  clb::nn::GrowingLinear head_;                            // both experts share it
};

}  // namespace

CLB_METHOD(Lae)
