// No fault: what it computes by default takes far too long for a check, and it declares smaller values for validation.
#include "class_means.hpp"

namespace {

class Heavy final : public ClassMeans {
 public:
  static constexpr clb::About about{.id = "heavy", .version = "1.0.0", .paper = "none: a test", .capabilities = clb::kBitwise};
  static constexpr clb::ValidationValue validation_values[] = {{"rounds", 2}, {"noise", 0.5}};
  static void params(clb::Params<Heavy>& p) {
    p.integer("rounds", &Heavy::rounds_, {1, 1000000000}, "of useless work for each task");
    p.real("noise", &Heavy::noise_, {0, 1}, "has no effect");
    p.integer("seconds_at_most", &Heavy::most_, {0, 1000}, "has no effect");
  }

  void end_task() override {
    if (rounds_ > 100) throw clb::PluginError(CLB_E_INVALID, "would compute for hours with rounds = " + std::to_string(rounds_));
  }

 private:
  int64_t rounds_ = 1000000000, most_ = 7;
  double noise_ = 1;
};

}  // namespace

CLB_METHOD(Heavy)
