// Batches come in order, errors where they happened, and time is counted as waited only when a batch was not there yet.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <clb/base/prefetcher.hpp>
#include <stdexcept>
#include <string>
#include <thread>

namespace {

using clb::base::Prefetcher;
using std::chrono::milliseconds;

TEST(Prefetcher, BatchesComeInOrderOnSeveralThreads) {
  Prefetcher<int64_t> prefetcher([](int64_t k) { return k * k; }, 50, 4);
  for (int64_t k = 0; k < 50; ++k) EXPECT_EQ(prefetcher.next(), k * k);
}

TEST(Prefetcher, AnErrorIsThrownInItsPlace) {
  Prefetcher<int64_t> prefetcher([](int64_t k) { return k == 1 ? throw std::runtime_error("batch 1") : k; }, 3, 1);
  EXPECT_EQ(prefetcher.next(), 0);
  EXPECT_THROW(prefetcher.next(), std::runtime_error);
  EXPECT_EQ(prefetcher.next(), 2);
}

TEST(Prefetcher, WaitingIsCountedWhileABatchIsMade) {
  std::atomic<bool> made = false;
  Prefetcher<int64_t> prefetcher(
      [&](int64_t k) {
        if (k == 0) std::this_thread::sleep_for(milliseconds(60));
        made = k == 1;
        return k;
      },
      2, 1);
  EXPECT_EQ(prefetcher.waited(), 0);
  prefetcher.next();
  const double waited = prefetcher.waited();
  EXPECT_GT(waited, 0.02);
  EXPECT_LT(waited, 10);
  while (!made) std::this_thread::sleep_for(milliseconds(1));
  std::this_thread::sleep_for(milliseconds(200));
  prefetcher.next();
  EXPECT_EQ(prefetcher.waited(), waited) << "it was ready";
}

}  // namespace
