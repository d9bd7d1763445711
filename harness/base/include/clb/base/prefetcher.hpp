// Makes batches on worker threads, ahead of whoever takes them: a window of batches is kept ready, in order.
#pragma once

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <functional>
#include <map>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace clb::base {

template <class Batch>
class Prefetcher {
 public:
  // make(k) builds batch k of `count`; it is called on worker threads, on several at once when threads > 1.
  Prefetcher(std::function<Batch(int64_t)> make, int64_t count, int64_t threads)
      : make_(std::move(make)), count_(count), window_(threads + 1) {
    for (int64_t k = 0; k < std::min(threads, count); ++k) workers_.emplace_back([this] { work(); });
  }

  ~Prefetcher() {
    {
      const std::lock_guard lock(mutex_);
      stop_ = true;
    }
    room_.notify_all();
    for (auto& worker : workers_) worker.join();
  }
  Prefetcher(const Prefetcher&) = delete;

  // Batches 0, 1, 2, ...; throws what make threw.
  Batch next() {
    std::unique_lock lock(mutex_);
    if (!ready_.contains(taken_)) {
      const auto asked = std::chrono::steady_clock::now();
      arrived_.wait(lock, [&] { return ready_.contains(taken_); });
      waited_ += std::chrono::duration<double>(std::chrono::steady_clock::now() - asked).count();
    }
    auto node = ready_.extract(taken_++);
    lock.unlock();
    room_.notify_one();
    if (node.mapped().error) std::rethrow_exception(node.mapped().error);
    return std::move(node.mapped().batch);
  }

  double waited() const { return waited_; }  // seconds in next() so far; for the thread that calls it

 private:
  struct Result {
    Batch batch;
    std::exception_ptr error;
  };

  void work() {
    for (std::unique_lock lock(mutex_);;) {
      room_.wait(lock, [&] { return stop_ || claimed_ == count_ || claimed_ < taken_ + window_; });
      if (stop_ || claimed_ == count_) return;
      const int64_t k = claimed_++;
      const bool last = claimed_ == count_;
      lock.unlock();
      if (last) room_.notify_all();  // the others have nothing left to wait for
      Result result;
      try {
        result.batch = make_(k);
      } catch (...) {
        result.error = std::current_exception();
      }
      lock.lock();
      ready_[k] = std::move(result);
      if (k == taken_) arrived_.notify_one();
    }
  }

  std::function<Batch(int64_t)> make_;
  int64_t count_, window_, claimed_ = 0, taken_ = 0;
  bool stop_ = false;
  double waited_ = 0;
  std::map<int64_t, Result> ready_;
  std::mutex mutex_;
  std::condition_variable arrived_, room_;  // the batch that is next; a place in the window
  std::vector<std::thread> workers_;
};

}  // namespace clb::base
