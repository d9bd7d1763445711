#include <clb/session/prefetcher.hpp>

namespace clb::session {

Prefetcher::Prefetcher(std::function<torch::Tensor(int64_t)> make, int64_t count, int64_t threads)
    : make_(std::move(make)), count_(count), window_(threads + 1) {
  for (int64_t k = 0; k < std::min(threads, count); ++k) workers_.emplace_back([this] { work(); });
}

Prefetcher::~Prefetcher() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  for (auto& worker : workers_) worker.join();
}

void Prefetcher::work() {
  const torch::NoGradGuard no_grad;
  for (std::unique_lock lock(mutex_);;) {
    changed_.wait(lock, [&] { return stop_ || claimed_ == count_ || claimed_ < taken_ + window_; });
    if (stop_ || claimed_ == count_) return;
    const int64_t k = claimed_++;
    lock.unlock();
    Result result;
    try {
      result.batch = make_(k);
    } catch (...) {
      result.error = std::current_exception();
    }
    lock.lock();
    ready_[k] = std::move(result);
    changed_.notify_all();
  }
}

torch::Tensor Prefetcher::next() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return ready_.contains(taken_); });
  auto node = ready_.extract(taken_++);
  lock.unlock();
  changed_.notify_all();
  if (node.mapped().error) std::rethrow_exception(node.mapped().error);
  return std::move(node.mapped().batch);
}

}  // namespace clb::session
