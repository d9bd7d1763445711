// Claims to repeat bit for bit, and draws from what differs from process to process.
#include <unistd.h>
#include <ctime>
#include <random>

#include "class_means.hpp"

namespace {

int somewhere = 0;

class Seeds final : public ClassMeans {
 public:
  static constexpr clb::About about{.id = "seeds", .version = "1.0.0", .paper = "none: a test", .capabilities = clb::kBitwise};
  static void params(clb::Params<Seeds>& p) {
    p.choice("from", &Seeds::from_, {"clock", "pid", "address", "heap", "device", "environment"}, "what it draws from");
  }

  void end_task() override {
    const auto block = std::make_unique<char[]>(100);
    uint64_t seed = std::random_device{}();
    if (from_ == "clock") seed = static_cast<uint64_t>(std::time(nullptr));
    if (from_ == "pid") seed = static_cast<uint64_t>(getpid());
    if (from_ == "address") seed = reinterpret_cast<uintptr_t>(&somewhere) >> 12;
    if (from_ == "heap") seed = reinterpret_cast<uintptr_t>(block.get()) >> 4;
    if (from_ == "environment") seed = getenv("HOME") != nullptr ? std::hash<std::string>{}(getenv("HOME")) : 0;
    sums_ += torch::randn(sums_.sizes(), torch::make_generator<at::CPUGeneratorImpl>(seed), sums_.options());
  }

 private:
  std::string from_ = "clock";
};

}  // namespace

CLB_METHOD(Seeds)
