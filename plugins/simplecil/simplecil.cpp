// SimpleCIL: class means of frozen features, cosine classifier; or the nearest mean in the Euclidean distance. Sums are float64, so that
// the order of classes and batches cannot change a prototype.
#include <clb/nn/class_statistics.hpp>
#include <clb/nn/tensors.hpp>
#include <clb/sdk/method.hpp>

namespace {

class SimpleCil final : public clb::Method {
 public:
  static constexpr clb::About about{
      .id = "simplecil",
      .version = "1.1.0",
      .paper = "Zhou et al., IJCV 2024, arXiv:2303.07338",
      .capabilities = clb::kFrozenFeatures | clb::kStatisticsOnly | clb::kBitwise | clb::kBf16,
      .state_version = 2,
  };

  static void params(clb::Params<SimpleCil>& p) {
    p.choice("distance", &SimpleCil::distance_, {"cosine", "euclidean"}, "what the nearest mean is nearest in");
    p.real("scale", &SimpleCil::scale_, {0.01, 100}, "factor on the logits; never changes the ranking");
    p.integer("batch_size", &SimpleCil::batch_size_, {1, 65536}, "features per batch");
  }

  clb::Inputs inputs() const override { return clb::Inputs::features("main:cls"); }

  void train_task() override {
    means_.grow(task().classes_seen, ctx().feature_dim(), ctx().device());
    for (const clb::Batch& b : ctx().train().eval_view().features("main:cls").batches(batch_size_))
      means_.add(b.features("main:cls"), b.labels);
    ctx().trace("prototypes", prototypes());
  }

  torch::Tensor predict(const clb::Batch& b) override {
    const torch::Tensor f = b.features("main:cls"), means = prototypes();                                    // [n, d], [c, d]
    if (distance_ == "cosine") return scale_ * clb::nn::unit_rows(f).matmul(clb::nn::unit_rows(means).t());  // [n, c]
    // argmin |f - mu|^2 = argmax f mu - |mu|^2 / 2
    return scale_ * (f.matmul(means.t()) - means.square().sum(1) / 2);
  }

  void state(clb::Archive& a) override { a("means", means_); }

 private:
  // Means of the raw features; a class without samples keeps a zero row, whose cosine is 0.
  torch::Tensor prototypes() const { return means_.means().to(torch::kFloat32); }

  std::string distance_ = "cosine";
  double scale_ = 1.0;
  int64_t batch_size_ = 1024;
  clb::nn::ClassMeans means_;
};

}  // namespace

CLB_METHOD(SimpleCil)
