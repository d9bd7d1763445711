// APER (first called ADAM): a tuner adapts the network to the first task, then both networks, the pre-trained and the adapted one, stay as
// they are; class means of their features side by side classify by cosine.
#include <clb/nn/class_statistics.hpp>
#include <clb/nn/tensors.hpp>
#include <clb/sdk/method.hpp>
#include <clb/sdk/nn.hpp>

namespace {

class Aper final : public clb::Method {
 public:
  static constexpr clb::About about{
      .id = "aper",
      .version = "1.0.0",
      .paper = "Zhou et al., IJCV 2024, arXiv:2303.07338",
      .capabilities = clb::kBf16 | clb::kBitwise,
  };

  static void params(clb::Params<Aper>& p) {
    clb::describe(p, &Aper::tuner_);
    clb::describe(p, &Aper::fit_);
  }

  void create() override {
    vit_ = clb::backbone(ctx());
    tuned_ = {vit_, tuner_, ctx().rng("tuner")};
  }

  // Both branches are frozen after the first task: the host computes an image's features once.
  clb::Inputs inputs() const override {
    register_tuned();
    return clb::Inputs::features("main:cls").with_features("tuned");
  }

  torch::Tensor extract(const std::string&, const clb::Batch& b) override { return tuned_.cls(b.images).to(torch::kFloat32); }

  void train_task() override {
    clb::adapt_in_first_task(ctx(), fit_, tuned_);
    add_prototypes();
  }

  torch::Tensor predict(const clb::Batch& b) override {
    const auto feature = both(b);
    ctx().trace("feature", feature);
    return clb::nn::unit_rows(feature).matmul(clb::nn::unit_rows(prototypes()).t());  // [n, c], one cosine over the whole vector
  }

  void state(clb::Archive& a) override { a("tuned", tuned_)("means", means_); }

 private:
  void register_tuned() const {
    auto tuned = tuned_;
    ctx().register_features("tuned", vit_.dim(), clb::nn::content_hash(tuned));
  }

  // [n, 2 d]; the branch whose features are longer weighs more, as in the reference.
  static torch::Tensor both(const clb::Batch& b) { return at::cat({b.features("main:cls"), b.features("tuned")}, 1); }

  void add_prototypes() {
    means_.grow(task().classes_seen, 2 * vit_.dim(), ctx().device());
    register_tuned();
    for (const clb::Batch& b : ctx().train().eval_view().features("main:cls").features("tuned").batches(fit_.batch_size)) {
      ctx().progress("prototypes", b.step, 0);
      means_.add(both(b), b.labels);
    }
    ctx().trace("prototypes", prototypes());
  }

  // Means of the raw features; a class without samples keeps a zero row, whose cosine is 0.
  torch::Tensor prototypes() const { return means_.means().to(torch::kFloat32); }  // [c, 2 d]

  // Defaults: the authors' and LAMDA-PILOT's APER with adapter on CIFAR-100.
  clb::nn::TunerOptions tuner_{.tuner = "adapter"};
  clb::nn::FitOptions fit_{.lr = 0.01, .weight_decay = 5e-4, .epochs = 20, .batch_size = 48, .schedule = "cosine"};

  clb::nn::Vit vit_;
  clb::nn::TunedVit tuned_;
  clb::nn::ClassMeans means_;
};

}  // namespace

CLB_METHOD(Aper)
