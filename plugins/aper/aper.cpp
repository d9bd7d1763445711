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
    clb::add_options(p, &Aper::tuner_);
    clb::add_options(p, &Aper::fit_);
  }

  void create() override { tuned_ = {ctx(), tuner_}; }

  // Both branches are frozen after the first task: the host computes an image's features once.
  clb::Inputs inputs() const override { return clb::Inputs::features({"main:cls", tuned_.kind(ctx())}); }
  torch::Tensor extract(const std::string&, const clb::Batch& b) override { return tuned_.extract(b); }

  void train_task() override {
    tuned_.adapt(ctx(), fit_);
    means_.grow(task().classes_seen, ctx().feature_dim() + ctx().feature_dim(tuned_.kind().c_str()), ctx().device());
    for (const clb::Batch& b : ctx().train().eval_view().features({"main:cls", tuned_.kind()}).batches(kBatch)) {
      means_.add(both(b), b.labels);
    }
    ctx().trace("prototypes", prototypes());
  }

  torch::Tensor predict(const clb::Batch& b) override {
    const auto feature = both(b);
    ctx().trace("feature", feature);
    return clb::nn::unit_rows(feature).matmul(clb::nn::unit_rows(prototypes()).t());  // [n, c], one cosine over the whole vector
  }

  void state(clb::Archive& a) override { a("tuned", tuned_)("means", means_); }

 private:
  static constexpr int64_t kBatch = 1024;  // features at a time; changes nothing

  // [n, 2 d]; the branch whose features are longer weighs more, as in the reference.
  torch::Tensor both(const clb::Batch& b) const { return at::cat({b.features("main:cls"), b.features(tuned_.kind())}, 1); }

  // Means of the raw features; a class without samples keeps a zero row, whose cosine is 0.
  torch::Tensor prototypes() const { return means_.means().to(torch::kFloat32); }  // [c, 2 d]

  // Defaults: the authors' and LAMDA-PILOT's APER with adapter on CIFAR-100.
  clb::nn::TunerOptions tuner_{.tuner = "adapter"};
  clb::nn::FitOptions fit_{.lr = 0.01, .weight_decay = 5e-4, .epochs = 20, .batch_size = 48, .schedule = "cosine"};

  clb::AdaptedFeatures tuned_;
  clb::nn::ClassMeans means_;
};

}  // namespace

CLB_METHOD(Aper)
