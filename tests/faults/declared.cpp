// A method whose logits depend on the batch, and which says so: `clbench validate` shows the reason. It also declares a failure that does
// not happen, which is one.
#include <clb/sdk/method.hpp>

namespace {

class Declared final : public clb::Method {
 public:
  static constexpr clb::About about{.id = "declared", .version = "1.0.0", .paper = "none: a test", .capabilities = clb::kFrozenFeatures};
  static constexpr clb::ExpectedFailure expected_failures[] = {{"batch_invariance", "logits are centred in each batch"},
                                                               {"one_task", "not at all"}};

  clb::Inputs inputs() const override { return clb::Inputs::features("main:cls"); }
  void train_task() override {}
  torch::Tensor predict(const clb::Batch& b) override {
    const auto logits = b.features("main:cls").slice(1, 0, task().classes_seen);  // [n, c]
    return logits - logits.mean(0, true);
  }
  void state(clb::Archive&) override {}
};

}  // namespace

CLB_METHOD(Declared)
