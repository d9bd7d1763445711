// Claims sums over samples, and weighs the latest sample of a class most.
#include "class_means.hpp"

namespace {

class LatestFirst final : public ClassMeans {
 public:
  static constexpr clb::About about{
      .id = "latest_first", .version = "1.0.0", .paper = "none: a test", .capabilities = clb::kBitwise | clb::kStatisticsOnly};

 private:
  void learn(const clb::Batch& b) override {
    const auto x = b.features("main:cls").to(torch::kFloat64);
    for (int64_t i = 0; i < b.n; ++i) {
      const auto c = b.labels[i].item<int64_t>();
      sums_[c] = counts_[c].item<double>() == 0 ? x[i] : 0.7 * sums_[c] + 0.3 * x[i];
      counts_[c] = 1;
    }
  }
};

}  // namespace

CLB_METHOD(LatestFirst)
