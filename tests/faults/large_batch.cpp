// Uses the test batch only when it is large: normalises with its statistics, or moves the class means to where its samples lie.
#include "class_means.hpp"

namespace {

class LargeBatch final : public ClassMeans {
 public:
  static constexpr clb::About about{.id = "large_batch", .version = "1.0.0", .paper = "none: a test", .capabilities = clb::kBitwise};
  static void params(clb::Params<LargeBatch>& p) {
    p.choice("how", &LargeBatch::how_, {"normalises", "learns"}, "what it does with a large batch");
    p.integer("from", &LargeBatch::from_, {1, 1000000}, "samples that make a large batch");
  }

  torch::Tensor predict(const clb::Batch& b) override {
    auto x = b.features("main:cls").to(torch::kFloat64);
    if (how_ == "normalises") {
      const auto m = means();
      if (b.n < from_) return nearest(x, m);
      return nearest((x - x.mean(0)) / (x.std(0) + 1e-5), (m - m.mean(0)) / (m.std(0) + 1e-5));
    }
    if (!moved_.defined() || moved_.size(0) < task().classes_seen) moved_ = means();
    const auto logits = nearest(x, moved_);
    if (b.n >= from_) {
      const auto guess = logits.argmax(1);
      for (int64_t i = 0; i < b.n; ++i) moved_[guess[i]] = 0.9 * moved_[guess[i]] + 0.1 * x[i];
    }
    return logits;
  }

 private:
  std::string how_ = "normalises";
  int64_t from_ = 48;
  torch::Tensor moved_;  // not saved
};

}  // namespace

CLB_METHOD(LargeBatch)
