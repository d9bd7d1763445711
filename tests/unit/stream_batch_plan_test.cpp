// Which samples stand in which batch: every sample once an epoch, orders of the keys alone, several threads at once.
#include <gtest/gtest.h>

#include <algorithm>
#include <clb/base/error.hpp>
#include <clb/stream/batch_plan.hpp>
#include <numeric>
#include <thread>

namespace clb::stream {
namespace {

using Ids = std::vector<int64_t>;

const Keys kKeys(3);

Ids joined(const BatchPlan& plan, int64_t first, int64_t count) {
  Ids all;
  for (int64_t step = first; step < first + count; ++step) {
    const Ids batch = plan.positions(step);
    all.insert(all.end(), batch.begin(), batch.end());
  }
  return all;
}

Ids sorted(Ids ids) {
  std::ranges::sort(ids);
  return ids;
}

Ids counted(int64_t n) {
  Ids ids(static_cast<size_t>(n));
  std::iota(ids.begin(), ids.end(), 0);
  return ids;
}

TEST(BatchPlan, EveryEpochHoldsEverySampleOnce) {
  const BatchPlan plan(kKeys, 0, 0, 10, {.batch_size = 4, .epochs = 3, .shuffle = true});
  EXPECT_EQ(plan.batches_per_epoch(), 3);
  EXPECT_EQ(plan.batches(), 9);
  EXPECT_EQ(plan.dropped(), 0);
  for (int64_t epoch = 0; epoch < 3; ++epoch) EXPECT_EQ(sorted(joined(plan, 3 * epoch, 3)), counted(10)) << epoch;
  EXPECT_NE(joined(plan, 0, 3), joined(plan, 3, 3)) << "a new order each epoch";
  EXPECT_EQ(plan.positions(2).size(), 2u) << "the rest";
}

TEST(BatchPlan, TheOrderIsOfKeysTaskAndStreamNotOfTheBatchSize) {
  const auto order = [](const Keys& keys, int64_t task, int64_t stream, int64_t batch) {
    return joined(BatchPlan(keys, task, stream, 12, {.batch_size = batch, .shuffle = true}), 0, 12 / batch);
  };
  EXPECT_EQ(order(kKeys, 1, 2, 3), order(kKeys, 1, 2, 4));
  EXPECT_NE(order(kKeys, 1, 2, 3), order(kKeys, 0, 2, 3));
  EXPECT_NE(order(kKeys, 1, 2, 3), order(kKeys, 1, 0, 3));
  EXPECT_NE(order(kKeys, 1, 2, 3), order(Keys(4), 1, 2, 3));
}

TEST(BatchPlan, WithoutTheRestAndInOrder) {
  const BatchPlan plan(kKeys, 0, 0, 10, {.batch_size = 4, .drop_last = true});
  EXPECT_EQ(plan.batches(), 2);
  EXPECT_EQ(plan.dropped(), 2);
  EXPECT_EQ(joined(plan, 0, 2), counted(8));
}

TEST(BatchPlan, EndlessGoesOnAndRefusesWhatHasNoBatch) {
  const BatchPlan plan(kKeys, 0, 0, 3, {.batch_size = 2, .epochs = 0});
  EXPECT_EQ(plan.batches(), BatchPlan::kEndless);
  const int64_t late = 2'000'000'000'001;  // the first batch of an epoch is of an even step
  EXPECT_EQ(plan.positions(late), Ids{2});
  EXPECT_EQ(plan.epoch_of(late), 1'000'000'000'000);
  EXPECT_THROW(BatchPlan(kKeys, 0, 0, 3, {.batch_size = 4, .epochs = 0, .drop_last = true}), base::Error);
  EXPECT_THROW(BatchPlan(kKeys, 0, 0, 3, {.batch_size = 0}), base::Error);
  EXPECT_THROW(BatchPlan(kKeys, 0, 0, 3, {.epochs = -1}), base::Error);
  EXPECT_THROW(BatchPlan(kKeys, 0, 0, INT64_MAX / 2, {.epochs = 3}), base::Error);
}

TEST(BatchPlan, ThreadsSeeTheSameBatches) {
  const BatchPlan expected(kKeys, 0, 0, 50, {.batch_size = 7, .epochs = 40, .shuffle = true});
  const BatchPlan plan(kKeys, 0, 0, 50, {.batch_size = 7, .epochs = 40, .shuffle = true});
  std::vector<std::thread> threads;
  std::vector<int> wrong(4);
  std::vector<Ids> wanted;
  for (int64_t step = 0; step < expected.batches(); ++step) wanted.push_back(expected.positions(step));
  for (size_t t = 0; t < wrong.size(); ++t)
    threads.emplace_back([&, t] {
      for (int64_t step = 0; step < plan.batches(); ++step) wrong[t] += plan.positions(step) != wanted[static_cast<size_t>(step)];
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(wrong, std::vector<int>(4));
}

}  // namespace
}  // namespace clb::stream
