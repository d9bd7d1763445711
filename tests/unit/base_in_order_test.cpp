// Items are taken in order, one at a time; errors come from where they happened, and the caller hears how far it is.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <clb/base/in_order.hpp>
#include <mutex>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace {

using clb::base::InOrder;
using std::chrono::milliseconds;

const auto no_tell = [](int64_t) {};

TEST(InOrder, TakesInOrderAndOneAtATime) {
  std::vector<int64_t> taken;
  std::atomic<int> at_once = 0;
  InOrder<int64_t> work(
      [](int64_t k, int64_t& item) {
        if (k % 7 == 0) std::this_thread::sleep_for(milliseconds(3));
        item = k * k;
      },
      [&](int64_t& item) {
        EXPECT_EQ(++at_once, 1);
        taken.push_back(item);
        --at_once;
      });
  std::vector<int64_t> told;
  work.run(100, 4, [&](int64_t so_far) { told.push_back(so_far); });
  ASSERT_EQ(taken.size(), 100u);
  for (int64_t k = 0; k < 100; ++k) EXPECT_EQ(taken[static_cast<size_t>(k)], k * k);
  EXPECT_TRUE(std::is_sorted(told.begin(), told.end()));
  EXPECT_EQ(told.back(), 100);
}

TEST(InOrder, WorksOnAllThreadsAndTellsOnTheCallers) {
  std::mutex mutex;
  std::set<std::thread::id> makers;
  std::atomic<int> waiting = 0;
  InOrder<int> work(
      [&](int64_t k, int&) {
        if (k < 3 && ++waiting > 0)  // each of the first three items waits for the other two: one thread would never end
          while (waiting < 3) std::this_thread::yield();
        const std::lock_guard lock(mutex);
        makers.insert(std::this_thread::get_id());
      },
      [](int&) {});
  work.run(30, 3, [caller = std::this_thread::get_id()](int64_t) { EXPECT_EQ(std::this_thread::get_id(), caller); });
  EXPECT_EQ(makers.size(), 3u);
  EXPECT_TRUE(makers.contains(std::this_thread::get_id()));
}

TEST(InOrder, UsesFewItemsAgain) {
  std::set<const std::string*> items;
  InOrder<std::string> work([](int64_t, std::string& item) { item.append("x"); }, [&](std::string& item) { items.insert(&item); });
  work.run(200, 2, no_tell);
  EXPECT_LE(items.size(), 4u);
}

TEST(InOrder, TheFirstErrorInOrderIsThrown) {
  std::atomic<int64_t> taken = 0;
  InOrder<int> work(
      [](int64_t k, int&) {
        if (k == 5) std::this_thread::sleep_for(milliseconds(50));  // later than the others
        if (k >= 5) throw std::runtime_error("item " + std::to_string(k));
      },
      [&](int&) { ++taken; });
  try {
    work.run(1000, 3, no_tell);
    ADD_FAILURE() << "no error was thrown";
  } catch (const std::runtime_error& error) {
    EXPECT_STREQ(error.what(), "item 5");
  }
  EXPECT_EQ(taken, 5);
}

TEST(InOrder, WhatTakeOrTellThrowEndsTheWork) {
  std::atomic<int64_t> made = 0;
  const auto count = [&](int64_t, int&) { ++made; };
  InOrder<int> taking(count, [](int&) { throw std::runtime_error("full"); });
  EXPECT_THROW(taking.run(100000, 3, no_tell), std::runtime_error);
  InOrder<int> telling(count, [](int&) {});
  EXPECT_THROW(telling.run(1000000, 3,
                           [](int64_t taken) {
                             if (taken > 10) throw std::runtime_error("stop");
                           }),
               std::runtime_error);
  EXPECT_LT(made, 1000000);
}

TEST(InOrder, OfNothingIsNothing) {
  InOrder<int> work([](int64_t, int&) { FAIL(); }, [](int&) { FAIL(); });
  work.run(0, 2, no_tell);
}

}  // namespace
