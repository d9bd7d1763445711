// Makes items on several threads, the caller's among them, and takes them in order, one at a time. An item is taken by a thread that has
// just made one: with as many threads as cores nobody waits only to take, and no item travels to a core that has not seen it. Items are
// used again, with the memory that they hold.
//
// Prefetcher (prefetcher.hpp) is for a caller who has work of its own between items.
#pragma once

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace clb::base {

template <class Item>
class InOrder {
 public:
  // make(k, item) fills an item that may have been used before; it is called on several threads at once. take(item) is called for
  // 0, 1, 2, ..., on any thread, never on two at once.
  InOrder(std::function<void(int64_t, Item&)> make, std::function<void(Item&)> take) : make_(std::move(make)), take_(std::move(take)) {}

  // tell(taken) is called by the caller's thread between items and while it waits. What make, take or tell throw ends the work and is
  // thrown here; of several that make threw, the first in order.
  void run(int64_t count, int64_t threads, const std::function<void(int64_t)>& tell) {
    count_ = count;
    slots_ = std::vector<Slot>(static_cast<size_t>(std::min(count, threads + 2)));
    std::vector<std::jthread> others;
    for (int64_t k = 1; k < std::min(threads, count); ++k) others.emplace_back([this] { work([](int64_t) {}); });
    work(tell);
    others.clear();
    if (error_) std::rethrow_exception(error_);
  }

 private:
  struct Slot {
    Item item;
    bool ready = false;
    std::exception_ptr error;
  };

  Slot& slot(int64_t k) { return slots_[static_cast<size_t>(k) % slots_.size()]; }

  void work(const std::function<void(int64_t)>& tell) try {
    for (std::unique_lock lock(mutex_); taken_ < count_ && !error_;) {
      if (claimed_ < count_ && claimed_ < taken_ + static_cast<int64_t>(slots_.size())) {
        make(claimed_++, lock);
        take_ready(lock);
      } else {
        room_.wait_for(lock, std::chrono::milliseconds(100));
      }
      const int64_t taken = taken_;
      lock.unlock();
      tell(taken);
      lock.lock();
    }
  } catch (...) {
    const std::lock_guard lock(mutex_);
    if (!error_) error_ = std::current_exception();
    room_.notify_all();
  }

  void make(int64_t k, std::unique_lock<std::mutex>& lock) {
    lock.unlock();
    std::exception_ptr error;
    try {
      make_(k, slot(k).item);
    } catch (...) {
      error = std::current_exception();
    }
    lock.lock();
    slot(k).error = error;
    slot(k).ready = true;
  }

  // Whoever is at it takes what gets ready meanwhile, too.
  void take_ready(std::unique_lock<std::mutex>& lock) {
    if (taking_) return;
    taking_ = true;
    while (taken_ < count_ && slot(taken_).ready && !error_) {
      Slot& next = slot(taken_);
      if (next.error) std::rethrow_exception(next.error);
      lock.unlock();
      take_(next.item);
      lock.lock();
      next.ready = false;
      ++taken_;
      room_.notify_all();
    }
    taking_ = false;
  }

  std::function<void(int64_t, Item&)> make_;
  std::function<void(Item&)> take_;
  std::vector<Slot> slots_;
  int64_t count_ = 0, claimed_ = 0, taken_ = 0;
  bool taking_ = false;
  std::exception_ptr error_;
  std::mutex mutex_;
  std::condition_variable room_;  // something was taken, or the work is over
};

}  // namespace clb::base
