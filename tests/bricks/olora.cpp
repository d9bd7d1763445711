// A low-rank delta on q and v for each task, whose A is kept apart from those of the tasks before by a penalty: O-LoRA (Wang et al.,
// Findings of EMNLP 2023, arXiv:2310.14152) on a ViT. A plugin of the kind that comes from outside: it uses the SDK and nn alone.
#include <clb/nn/heads.hpp>
#include <clb/nn/lora.hpp>
#include <clb/nn/loss.hpp>
#include <clb/sdk/method.hpp>
#include <clb/sdk/nn.hpp>

namespace {

using torch::Tensor;

class OLora final : public clb::Method {
 public:
  static constexpr clb::About about{.id = "olora",
                                    .version = "1.0.0",
                                    .paper = "Wang et al., Findings of EMNLP 2023, arXiv:2310.14152",
                                    .capabilities = clb::kBf16 | clb::kBitwise};

  static void params(clb::Params<OLora>& p) {
    p.integer("rank", &OLora::rank_, {1, 1024}, "rank of a task's deltas on q and v of every block");
    p.real("orthogonality", &OLora::orthogonality_, {0, 1e6}, "weight of the penalty on the overlap of a task's A with those before");
    clb::FitParams(p, &OLora::fit_).optimizer({"adam", "adamw"}).lr().epochs().batch_size().schedule({"constant", "cosine"});
    clb::describe(p, &OLora::first_);
  }

  void create() override {
    vit_ = clb::backbone(ctx());
    merged_ = clb::nn::MergedLora(fresh());
    clb::nn::move_to(merged_, ctx().device());
    before_.resize(fresh().deltas().size());
    head_ = {{.dim = vit_.dim()}, ctx().rng("head")};
  }

  clb::Inputs inputs() const override { return clb::Inputs::images(); }

  void train_task() override {
    head_.grow(task().classes_seen);
    auto lora = fresh();
    const auto options = clb::nn::of_task(fit_, first_, task().index);
    clb::fit(ctx(), options, ctx().train().train_view().images(), {lora, head_}, [&](const clb::Batch& b) {
      const clb::nn::Together both({&merged_, &lora});
      const auto logits = clb::nn::mask_to(task().labels, head_(vit_.cls(b.images, both)));
      return at::cross_entropy_loss(logits, b.labels) + orthogonality_ * overlap(lora);
    });
    ctx().metric("overlap", task().index, overlap(lora).item<double>());
    merged_.add(lora);
    for (size_t k = 0; k < before_.size(); ++k) {
      const Tensor a = lora.deltas()[k].a.detach();
      before_[k] = before_[k].defined() ? at::cat({before_[k], a}) : a;
    }
  }

  Tensor predict(const clb::Batch& b) override { return head_(vit_.cls(b.images, merged_)); }

  void state(clb::Archive& a) override { a("merged", merged_)("before", before_)("head", head_); }

 private:
  clb::nn::Lora fresh() const {
    clb::nn::LoraOptions options{.sites = {"q", "v"}, .rank = rank_};
    for (int64_t block = 0; block < vit_.shape().depth; ++block) options.blocks.push_back(block);
    return {vit_.shape(), options, ctx().rng("lora", {task().index})};
  }

  // Squares of all products of a row of the new A with one of an old A: O = A_old A^T, the sum of O^2.
  Tensor overlap(const clb::nn::Lora& lora) const {
    Tensor sum = torch::zeros({}, torch::device(ctx().device()));
    for (size_t k = 0; k < before_.size(); ++k)
      if (before_[k].defined()) sum = sum + before_[k].matmul(lora.deltas()[k].a.t()).square().sum();
    return sum;
  }

  int64_t rank_ = 4;
  double orthogonality_ = 0.5;
  clb::nn::FitOptions fit_{.optimizer = "adam", .lr = 1e-3, .epochs = 5, .batch_size = 16};
  clb::nn::FitChange first_;

  clb::nn::Vit vit_;
  clb::nn::MergedLora merged_;
  std::vector<Tensor> before_;  // for each place the rows of all old A [rank * tasks, d]
  clb::nn::GrowingLinear head_;
};

}  // namespace

CLB_METHOD(OLora)
