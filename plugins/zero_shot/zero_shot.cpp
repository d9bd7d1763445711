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
    asked_.forget();
  }

  // Classes to come are asked for by name when they are asked for at all, and leave nothing behind.
  Tensor predict(const clb::Batch& b) override {
    const Tensor& rows = asked_.of(b.columns, texts_, [&](const auto& columns) { return texts(columns); });
    const Tensor logits = scale_ * clb::nn::unit_rows(b.features("main:image")).matmul(rows.t());  // [n, columns]
    ctx().trace("logits", logits);
    return logits;
  }

  void state(clb::Archive& a) override {
    a("texts", texts_)("scale", scale_);
    asked_.forget();
  }

 private:
  Tensor texts(const std::vector<int64_t>& classes) const {  // [classes, d], length 1
    return clb::text_ensemble(clb::class_texts(ctx(), sentences_, classes, "main"));
  }

  clb::TemplateOptions templates_;
  std::vector<std::string> sentences_;
  Tensor texts_;  // of the classes seen
  double scale_ = 100;
  clb::AskedRows asked_;
};

}  // namespace

CLB_METHOD(ZeroShot)
