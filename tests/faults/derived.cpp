// A method whose features come from a part that learns in every task: what it says of the hash under which the host keeps them decides
// whether they are served rightly.
#include <clb/nn/class_statistics.hpp>
#include <clb/nn/tensors.hpp>
#include <clb/sdk/method.hpp>
#include <clb/sdk/nn.hpp>

namespace {

class Derived final : public clb::Method {
 public:
  static constexpr clb::About about{.id = "derived", .version = "1.0.0", .paper = "none: a test", .capabilities = clb::kBitwise};

  static void params(clb::Params<Derived>& p) {
    p.choice("hash", &Derived::hash_, {"once", "renewed", "made_up"},
             "taken in create; with each task; of nothing, and the part stands still");
  }

  void create() override {
    part_.tensor = clb::nn::unit_rows(at::randn({16, 192}, static_cast<torch::Generator>(ctx().rng("part"))));  // [d, pixels]
    content_ = clb::nn::content_hash(part_);
  }
  clb::Inputs inputs() const override {
    declare();
    return clb::Inputs::features(name());
  }
  torch::Tensor extract(const std::string&, const clb::Batch& b) override {
    return torch::adaptive_avg_pool2d(b.images.to(torch::kFloat32), {8, 8}).flatten(1).matmul(part_.tensor.t()).tanh();
  }

  void train_task() override {
    if (hash_ != "made_up") part_.tensor += at::randn({16, 192}, static_cast<torch::Generator>(ctx().rng("learned", {task().index})));
    declare();
    means_.grow(task().classes_seen, 16, ctx().device());
    for (const clb::Batch& b : ctx().train().features(name()).batches(64)) means_.add(b.features(name()), b.labels);
  }
  torch::Tensor predict(const clb::Batch& b) override {
    return clb::nn::unit_rows(b.features(name())).matmul(clb::nn::unit_rows(means_.means().to(torch::kFloat32)).t());
  }
  void state(clb::Archive& a) override { a("part", part_.tensor)("means", means_); }

 private:
  struct Part final : clb::nn::Module {
    void parameters(const clb::nn::ParameterVisitor& visit) override { visit("part", tensor); }
    torch::Tensor tensor;
  };

  std::string name() const { return hash_ == "renewed" ? "mine" + std::to_string(task().index) : "mine"; }
  void declare() const {
    Part part = part_;
    if (hash_ == "renewed") return clb::register_part(ctx(), name(), 16, part);
    ctx().register_features(name(), 16, hash_ == "once" ? content_ : std::array<uint8_t, 32>{});
  }

  std::string hash_ = "once";
  Part part_;
  std::array<uint8_t, 32> content_{};
  clb::nn::ClassMeans means_;
};

}  // namespace

CLB_METHOD(Derived)
