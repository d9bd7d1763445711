// Parts of a computation on threads of their own.
#include <clb/nn/parallel.hpp>

#include <ATen/Parallel.h>
#include <gtest/gtest.h>
#include <torch/utils.h>

#include <atomic>
#include <clb/nn/vit.hpp>
#include <mutex>
#include <set>
#include <stdexcept>
#include <thread>

namespace {

using clb::nn::in_ranges;
using clb::nn::side_by_side;

// As many threads as a test wants, then those of before.
class Threads {
 public:
  explicit Threads(int n) : before_(at::get_num_threads()) { at::set_num_threads(n); }
  ~Threads() { at::set_num_threads(before_); }

 private:
  int before_;
};

TEST(SideBySide, ComputesEachPartOnceOnOneThread) {
  const Threads threads(3);
  std::vector<int> done(50), inside(50);
  side_by_side(50, [&](size_t part) {
    ++done[part];
    inside[part] = at::get_num_threads();
  });
  EXPECT_EQ(done, std::vector<int>(50, 1));
  EXPECT_EQ(inside, std::vector<int>(50, 1));
  EXPECT_EQ(at::get_num_threads(), 3);
  side_by_side(0, [](size_t) { FAIL(); });
}

TEST(InRanges, TakesEachOnceOnLibTorchsThreads) {
  const Threads threads(3);
  for (const int64_t count : {1, 7, 64, 1000}) {
    std::vector<int> done(static_cast<size_t>(count));
    std::mutex mutex;
    std::set<std::thread::id> on;
    in_ranges(count, 7, [&](int64_t first, int64_t end) {
      for (int64_t i = first; i < end; ++i) ++done[static_cast<size_t>(i)];
      const std::scoped_lock lock(mutex);
      EXPECT_TRUE(count <= 7 || end - first >= 7 || end == count);
      EXPECT_TRUE(on.insert(std::this_thread::get_id()).second) << "a range for each thread";
    });
    EXPECT_EQ(done, std::vector<int>(static_cast<size_t>(count), 1));
    EXPECT_EQ(on.size(), count <= 7 ? 1U : 3U) << count;
  }
  EXPECT_THROW(in_ranges(100, 1, [](int64_t, int64_t) { throw std::runtime_error("no"); }), std::runtime_error);
}

TEST(InRanges, IsOneCallInsideAPart) {
  const Threads threads(3);
  std::atomic<int> calls = 0;
  side_by_side(3, [&](size_t) { in_ranges(1000, 1, [&](int64_t first, int64_t end) { calls += end - first == 1000 ? 1 : 100; }); });
  EXPECT_EQ(calls, 3);
}

TEST(SideBySide, KeepsTheModeAndPassesFailuresOn) {
  const Threads threads(2);
  {
    const torch::InferenceMode guard;
    side_by_side(8, [](size_t) { EXPECT_TRUE(c10::InferenceMode::is_enabled()); });
  }
  side_by_side(8, [](size_t) { EXPECT_TRUE(at::GradMode::is_enabled()); });
  EXPECT_THROW(side_by_side(8, [](size_t part) { part == 3 ? throw std::runtime_error("3") : void(); }), std::runtime_error);
  EXPECT_EQ(at::get_num_threads(), 2);
}

TEST(SideBySide, ANetworkGivesTheSameOnAnyNumberOfThreads) {
  const torch::InferenceMode guard;
  const clb::nn::Vit vit(clb::nn::random_vit({.image = 224, .patch = 16, .dim = 192, .depth = 2, .heads = 3, .mlp = 768}, 1));
  const at::Tensor images = at::randn({19, 3, 224, 224}, at::detail::createCPUGenerator(2));
  const auto on = [&](int n) {
    const Threads threads(n);
    return vit.cls(images);
  };
  const at::Tensor one = on(1);
  for (const int n : {2, 5}) EXPECT_TRUE(torch::allclose(on(n), one, 1e-5, 1e-5)) << n;
}

}  // namespace
