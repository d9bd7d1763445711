// Gradient projection memory (Saha et al., ICLR 2021, arXiv:2103.09762): the linear layers of the last blocks learn, but only in
// directions that the inputs of old tasks do not use. A plugin of the kind that comes from outside: it uses the SDK and nn alone.
#include <clb/nn/heads.hpp>
#include <clb/nn/input_recorder.hpp>
#include <clb/nn/loss.hpp>
#include <clb/nn/subspace.hpp>
#include <clb/sdk/method.hpp>
#include <clb/sdk/nn.hpp>

namespace {

using torch::Tensor;

class Gpm final : public clb::Method {
 public:
  static constexpr clb::About about{
      .id = "gpm", .version = "1.0.0", .paper = "Saha et al., ICLR 2021, arXiv:2103.09762", .capabilities = clb::kBitwise};

  static void params(clb::Params<Gpm>& p) {
    p.integer("blocks", &Gpm::blocks_, {1, 1024}, "how many of the last blocks learn").counts_blocks();
    p.real("share", &Gpm::share_, {0, 1}, "share of the inputs' energy whose directions are kept; 0: none, plain fine-tuning");
    // No weight decay and no Adam: both move weights along what was projected out.
    clb::FitParams(p, &Gpm::fit_).lr().momentum().epochs().iterations().batch_size().schedule({"constant", "linear", "step"}).step_every();
  }

  void create() override {
    vit_ = clb::backbone(ctx());
    head_ = {{.dim = vit_.dim()}, ctx().rng("head")};
    for (int64_t block = vit_.shape().depth - blocks_; block < vit_.shape().depth; ++block)
      for (const auto& [site, weight] : kLayers)
        layers_.push_back({block, site, "blocks." + std::to_string(block) + "." + weight + ".weight"});
    bases_.resize(layers_.size());
    auto part = trained();
    clb::nn::unfreeze(part);
  }

  clb::Inputs inputs() const override { return clb::Inputs::images(); }

  void train_task() override {
    head_.grow(task().classes_seen);
    auto part = trained();
    const auto loss = [&](const clb::Batch& b) {
      return at::cross_entropy_loss(clb::nn::mask_to(task().labels, head_(vit_.cls(b.images))), b.labels);
    };
    clb::fit(ctx(), fit_, ctx().train().train_view().images(), {part, head_}, loss,
             {.before_update = [&](const clb::Batch&) { project(part); }});
    remember();
  }

  Tensor predict(const clb::Batch& b) override { return head_(vit_.cls(b.images)); }

  void state(clb::Archive& a) override {
    auto part = trained();
    a("network", part)("bases", bases_)("head", head_);
  }

 private:
  static constexpr std::pair<const char*, const char*> kLayers[] = {
      {"qkv", "attn.qkv"}, {"proj", "attn.proj"}, {"fc1", "mlp.fc1"}, {"fc2", "mlp.fc2"}};
  struct Layer {
    int64_t block;
    std::string site, parameter;
  };

  clb::nn::Part trained() {
    std::vector<std::string> names;
    for (const Layer& layer : layers_) names.push_back(layer.parameter);
    return {vit_, names};
  }

  void project(clb::nn::Module& part) const {
    part.parameters([&](const std::string& name, Tensor& t) {
      for (size_t k = 0; k < layers_.size(); ++k)
        if (layers_[k].parameter == name && t.grad().defined()) t.mutable_grad() = clb::nn::outside(t.grad(), bases_[k]);
    });
  }

  // What the task's own samples put into each layer, now that it has been learned.
  void remember() {
    const torch::NoGradGuard no_grad;
    std::vector<int64_t> blocks;
    for (const Layer& layer : layers_) blocks.push_back(layer.block);
    const clb::nn::InputRecorder recorder(blocks, {"qkv", "proj", "fc1", "fc2"});
    for (const clb::Batch& b : ctx().train().eval_view().images().batches(fit_.batch_size)) vit_.tokens(b.images, recorder);
    for (size_t k = 0; k < layers_.size(); ++k)
      bases_[k] = clb::nn::extended_basis(bases_[k], recorder.moment(layers_[k].block, layers_[k].site), share_);
  }

  int64_t blocks_ = 1;
  double share_ = 0.97;
  clb::nn::FitOptions fit_{.lr = 0.01, .momentum = 0.9, .epochs = 5, .batch_size = 16};

  clb::nn::Vit vit_;
  std::vector<Layer> layers_;
  std::vector<Tensor> bases_;  // of each layer's inputs [in, k]
  clb::nn::GrowingLinear head_;
};

}  // namespace

CLB_METHOD(Gpm)
