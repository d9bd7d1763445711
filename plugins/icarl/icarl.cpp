// iCaRL on a pre-trained network: rehearsal of exemplars chosen by herding, distillation from the network before the task, and
// classification by the nearest mean of exemplars.
#include <clb/nn/heads.hpp>
#include <clb/nn/loss.hpp>
#include <clb/nn/tensors.hpp>
#include <clb/sdk/exemplars.hpp>
#include <clb/sdk/method.hpp>
#include <clb/sdk/nn.hpp>

namespace {

using torch::Tensor;

// Cross-entropy between the teacher's and the pupil's probabilities over the teacher's classes, at this temperature; no factor T^2.
Tensor distillation(const Tensor& logits, const Tensor& teacher, double temperature) {  // [n, c], [n, c_old]
  return clb::nn::soft_cross_entropy(logits.narrow(1, 0, teacher.size(1)) / temperature, at::softmax(teacher / temperature, 1));
}

class Icarl final : public clb::Method {
 public:
  static constexpr clb::About about{
      .id = "icarl",
      .version = "1.0.0",
      .paper = "Rebuffi et al., CVPR 2017, arXiv:1611.07725",
      .capabilities = clb::kRawReplay | clb::kBf16 | clb::kBitwise,
  };

  static void params(clb::Params<Icarl>& p) {
    clb::add_options(p, &Icarl::memory_);
    p.real("temperature", &Icarl::temperature_, {0.01, 100}, "temperature of distillation (T)");
    p.real("distillation_weight", &Icarl::distillation_weight_, {0, 1000}, "weight of distillation beside cross-entropy");
    p.choice("predict_by", &Icarl::predict_by_, {"exemplar_mean", "head"}, "nearest mean of exemplars (paper) or the linear head");
    p.flag("flip_average", &Icarl::flip_average_, "exemplars and means from features averaged with those of the mirrored image");
    clb::add_options(p, &Icarl::fit_);
    p.in(&Icarl::first_).real("first_weight_decay", &clb::nn::FitChange::weight_decay, {0, 10}, "weight decay in the first task");
  }

  void create() override {
    vit_ = clb::backbone(ctx());
    clb::nn::unfreeze(vit_);
    head_ = {{.dim = vit_.dim(), .init = clb::nn::HeadInit::kaiming_linear()}, ctx().rng("head")};
  }

  clb::Inputs inputs() const override { return clb::Inputs::images(); }

  void train_task() override {
    learn();
    choose_exemplars();
  }

  // Rows of means and features have length 1: the larger cosine is the smaller distance.
  Tensor predict(const clb::Batch& b) override {
    const auto feature = vit_.cls(b.images).to(torch::kFloat32);  // [n, d]
    return predict_by_ == "head" ? head_(feature) : clb::nn::unit_rows(feature).matmul(means_.t());
  }

  void state(clb::Archive& a) override { a("network", vit_)("head", head_)("means", means_); }

 private:
  void learn() {
    auto teacher = clb::nn::copy_of(vit_);
    auto teacher_head = clb::nn::copy_of(head_);
    clb::nn::freeze(teacher);
    clb::nn::freeze(teacher_head);
    head_.grow(task().classes_seen);
    const auto options = clb::nn::of_task(fit_, first_, task().index);
    clb::fit(ctx(), options, ctx().train_and_memory().train_view().images(), {vit_, head_}, [&](const clb::Batch& b) {
      const auto logits = head_(vit_.cls(b.images));
      auto loss = at::cross_entropy_loss(logits, b.labels);
      if (task().index > 0) {
        loss = loss + distillation_weight_ * distillation(logits, teacher_head(teacher.query(b.images)), temperature_);
      }
      ctx().trace("loss", loss);
      return loss;
    });
  }

  int64_t quota() const {
    const int64_t quota = memory_.quota(task().classes_seen);
    if (quota > 0 || predict_by_ == "head") return quota;
    throw clb::PluginError(CLB_E_INVALID, "memory_size is " + std::to_string(memory_.total) + ", but " +
                                              std::to_string(task().classes_seen) + " classes need at least one exemplar each");
  }

  // By the network as it is now.
  void choose_exemplars() {
    const auto unit = [&](const Tensor& images) { return clb::nn::unit_rows(vit_.cls(images).to(torch::kFloat32)); };
    const auto kept = clb::keep_exemplars(
        ctx(), ctx().train_and_memory().eval_view().images(), fit_.batch_size, quota(),
        [&](const clb::Batch& b) { return flip_average_ ? clb::nn::unit_rows(unit(b.images) + unit(b.images.flip(3))) : unit(b.images); });
    means_ = torch::zeros({task().classes_seen, vit_.dim()}, kept.front().options());
    for (size_t c = 0; c < kept.size(); ++c)
      if (kept[c].size(0) > 0) means_[static_cast<int64_t>(c)].copy_(clb::nn::unit_rows(kept[c].mean(0)));
  }

  // Defaults: LAMDA-PILOT's CIFAR-100; its milestones lie behind the last epoch.
  clb::MemoryOptions memory_;
  double temperature_ = 2, distillation_weight_ = 1;
  std::string predict_by_ = "exemplar_mean";
  bool flip_average_ = true;
  clb::nn::FitChange first_{.weight_decay = 5e-4};
  clb::nn::FitOptions fit_{.lr = 1e-3, .momentum = 0.9, .weight_decay = 2e-4, .epochs = 20, .batch_size = 128};

  clb::nn::Vit vit_;
  clb::nn::GrowingLinear head_;
  Tensor means_;  // [c, d], length 1; a class without exemplars has a zero row
};

}  // namespace

CLB_METHOD(Icarl)
