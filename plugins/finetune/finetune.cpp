// Sequential fine-tuning: train the network, parts of it or the head alone on each task in turn, with nothing against forgetting. The lower
// bound that every method has to beat; under `joint = true` of the protocol the upper bound.
#include <clb/nn/heads.hpp>
#include <clb/nn/loss.hpp>
#include <clb/sdk/method.hpp>
#include <clb/sdk/nn.hpp>
#include <sstream>

namespace {

class Finetune final : public clb::Method {
 public:
  static constexpr clb::About about{
      .id = "finetune",
      .version = "1.0.0",
      .paper = "baseline; settings of Zhou et al., IJCAI 2024, arXiv:2401.16386",
      .capabilities = clb::kBf16 | clb::kBitwise,
  };

  static void params(clb::Params<Finetune>& p) {
    p.choice("train", &Finetune::train_, {"all", "parts", "head"},
             "what is trained besides the head: the whole network, parts of it, nothing");
    p.string("parts", &Finetune::parts_, "train = parts: prefixes of timm's parameter names, separated by commas, as in blocks.11.,norm.");
    p.real("backbone_lr_scale", &Finetune::backbone_lr_scale_, {0, 1}, "factor on the learning rate of what is trained besides the head");
    p.choice("loss_over", &Finetune::loss_over_, {"task", "seen"}, "classes that compete in the loss: those of the task, or all seen");
    clb::describe(p, &Finetune::fit_);
    auto first = p.in(&Finetune::first_);
    first.integer("init_epochs", &clb::nn::FitChange::epochs, {0, 100000}, "epochs of the first task; 0: as of the others");
    first.real("init_lr", &clb::nn::FitChange::lr, {0, 100}, "learning rate of the first task; 0: as of the others");
    first.real("init_weight_decay", &clb::nn::FitChange::weight_decay, {-1, 10},
               "weight decay of the first task; below 0: as of the others");
  }

  void create() override {
    vit_ = clb::backbone(ctx());
    auto part = trained_part();
    clb::nn::unfreeze(part);
    if (train_ == "parts" && clb::nn::trained_numbers(part) == 0) {
      throw clb::PluginError(CLB_E_INVALID,
                             "no parameter of the network begins with one of \"" + parts_ + "\"; timm's names were expected");
    }
    head_ = {{.dim = vit_.dim(), .init = clb::nn::HeadInit::kaiming_linear()}, ctx().rng("head")};
  }

  // A network that stands still serves its features from the host's cache.
  clb::Inputs inputs() const override { return train_ == "head" ? clb::Inputs::features("main:cls") : clb::Inputs::images(); }

  void train_task() override {
    head_.grow(task().classes_seen);
    auto part = trained_part();
    const auto options = clb::nn::of_task(fit_, first_, task().index);
    clb::fit(ctx(), options, ctx().train().train_view().images(), {head_, {part, backbone_lr_scale_}}, [&](const clb::Batch& b) {
      const auto logits = head_(vit_.cls(b.images));
      return torch::nn::functional::cross_entropy(loss_over_ == "task" ? clb::nn::mask_to(task().labels, logits) : logits, b.labels);
    });
  }

  torch::Tensor predict(const clb::Batch& b) override { return head_(train_ == "head" ? b.features("main:cls") : vit_.cls(b.images)); }

  void state(clb::Archive& a) override {
    auto part = trained_part();
    a("network", part)("head", head_);
  }

 private:
  clb::nn::Part trained_part() {
    if (train_ == "all") return {vit_, {""}};  // begins every name
    std::vector<std::string> prefixes;
    std::istringstream list(train_ == "parts" ? parts_ : "");
    for (std::string prefix; std::getline(list, prefix, ',');) {
      if (!prefix.empty()) prefixes.push_back(prefix);
    }
    return {vit_, prefixes};
  }

  // Defaults: LAMDA-PILOT's, but for the decay of the first task, which is 5e-4 there: whoever sets one decay means all tasks.
  std::string train_ = "all", parts_, loss_over_ = "task";
  double backbone_lr_scale_ = 1;
  clb::nn::FitChange first_;  // LAMDA-PILOT's first task has settings of its own
  clb::nn::FitOptions fit_{.optimizer = "sgd", .lr = 1e-3, .momentum = 0.9, .weight_decay = 2e-4, .epochs = 20, .batch_size = 128};

  clb::nn::Vit vit_;
  clb::nn::GrowingLinear head_;
};

}  // namespace

CLB_METHOD(Finetune)
