// What is made ahead of its use by threads of its own, and comes in order whatever the number of threads.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <stop_token>
#include <thread>
#include <vector>

namespace clb::formula {

template <class T>
class Ahead {
 public:
  // make(begin), make(begin + 1), ... up to and without make(end); called on several threads at once.
  Ahead(std::function<T(int64_t)> make, int64_t begin, int64_t end, int threads)
      : make_(std::move(make)), claimed_(begin), wanted_(begin), end_(end) {
    for (int k = 0; k < threads; ++k) threads_.emplace_back([this](const std::stop_token& stop) { work(stop); });
  }
  ~Ahead() {
    for (std::jthread& thread : threads_) thread.request_stop();
    threads_.clear();  // joins while the members still live
  }
  Ahead(const Ahead&) = delete;

  T next() {  // waits; at most end - begin times
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return made_.contains(wanted_); });
    T result = std::move(made_.extract(wanted_).mapped());
    ++wanted_;
    changed_.notify_all();
    return result;
  }

 private:
  static constexpr int64_t kAhead = 8;  // made but not yet asked for

  void work(const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    while (changed_.wait(lock, stop, [&] { return claimed_ == end_ || claimed_ < wanted_ + kAhead; }) && claimed_ < end_) {
      const int64_t mine = claimed_++;
      lock.unlock();
      T result = make_(mine);
      lock.lock();
      made_.emplace(mine, std::move(result));
      changed_.notify_all();
    }
  }

  std::function<T(int64_t)> make_;
  int64_t claimed_, wanted_, end_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::map<int64_t, T> made_;
  std::vector<std::jthread> threads_;
};

}  // namespace clb::formula
