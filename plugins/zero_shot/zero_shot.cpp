// CLIP as it is: an image belongs to the class whose sentences lie nearest to it. Nothing is learned, so nothing can be forgotten, and
// classes to come are told apart as well as those seen: what a method on CLIP has to beat, and what it must not lose.
#include <clb/sdk/method.hpp>
#include <clb/sdk/text.hpp>

namespace {

using torch::Tensor;

class ZeroShot final : public clb::Method {
 public:
  static constexpr clb::About about{
      .id = "zero_shot",
      .version = "1.0.0",
      .paper = "Radford et al., ICML 2021, arXiv:2103.00020",
      .capabilities = clb::kTextTower | clb::kZeroShot | clb::kFrozenFeatures | clb::kBf16 | clb::kBitwise,
  };

  static void params(clb::Params<ZeroShot>& p) { clb::add_options(p, &ZeroShot::templates_); }

  void create() override { sentences_ = clb::chosen_templates(ctx(), templates_); }
  clb::Inputs inputs() const override { return clb::Inputs::features("main:image"); }

  void train_task() override {
    if (task().index == 0) scale_ = clb::logit_scale(ctx(), "main");
    texts_ = texts(clb::classes_up_to(task().classes_seen));
  }

  // Classes to come are asked for by name when they are asked for at all, and leave nothing behind.
  Tensor predict(const clb::Batch& b) override {
    const bool all_seen = b.columns.back() < texts_.size(0);
    const Tensor rows =
        all_seen ? texts_.index_select(0, torch::tensor(b.columns, torch::dtype(torch::kInt64).device(texts_.device()))) : texts(b.columns);
    const Tensor logits = scale_ * clb::nn::unit_rows(b.features("main:image")).matmul(rows.t());  // [n, columns]
    ctx().trace("logits", logits);
    return logits;
  }

  void state(clb::Archive& a) override { a("texts", texts_)("scale", scale_); }

 private:
  Tensor texts(const std::vector<int64_t>& classes) const {  // [classes, d], length 1
    return clb::text_ensemble(clb::class_texts(ctx(), sentences_, classes, "main"));
  }

  clb::TemplateOptions templates_;
  std::vector<std::string> sentences_;
  Tensor texts_;  // of the classes seen
  double scale_ = 100;
};

}  // namespace

CLB_METHOD(ZeroShot)
