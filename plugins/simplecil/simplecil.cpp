// SimpleCIL: class means of frozen features, cosine classifier. Sums are float64, so that the order of classes and batches cannot change a
// prototype.
#include <clb/nn/tensors.hpp>
#include <clb/sdk/method.hpp>

namespace {

class SimpleCil final : public clb::Method {
 public:
  static constexpr clb::About about{
      .id = "simplecil",
      .version = "1.0.0",
      .paper = "Zhou et al., IJCV 2024, arXiv:2303.07338",
      .capabilities = clb::kFrozenFeatures | clb::kStatisticsOnly | clb::kBitwise | clb::kBf16,
  };

  static void params(clb::Params<SimpleCil>& p) {
    p.real("scale", &SimpleCil::scale_, {0.01, 100}, "factor on the cosine; changes logits, never the ranking");
    p.integer("batch_size", &SimpleCil::batch_size_, {1, 65536}, "features per batch");
  }

  clb::Inputs inputs() const override { return clb::Inputs::features("main:cls"); }

  void train_task() override {
    sums_ = clb::nn::grow_rows(sums_, task().classes_seen, ctx().feature_dim(), ctx().device());  // [c, d]
    counts_ = clb::nn::grow_rows(counts_, task().classes_seen, 1, ctx().device());                // [c, 1]
    for (const clb::Batch& b : ctx().train().eval_view().features("main:cls").batches(batch_size_)) {
      sums_.index_add_(0, b.labels, b.features("main:cls").to(torch::kFloat64));
      counts_.index_add_(0, b.labels, torch::ones({b.n, 1}, counts_.options()));
    }
    ctx().trace("prototypes", prototypes());
  }

  torch::Tensor predict(const clb::Batch& b) override {
    return scale_ * clb::nn::unit_rows(b.features("main:cls")).matmul(clb::nn::unit_rows(prototypes()).t());  // [n, c]
  }

  void state(clb::Archive& a) override { a("sums", sums_)("counts", counts_); }

 private:
  // Means of the raw features; a class without samples keeps a zero row, whose cosine is 0.
  torch::Tensor prototypes() const { return (sums_ / counts_.clamp_min(1)).to(torch::kFloat32); }  // [c, d]

  double scale_ = 1.0;
  int64_t batch_size_ = 1024;
  torch::Tensor sums_, counts_;
};

}  // namespace

CLB_METHOD(SimpleCil)
