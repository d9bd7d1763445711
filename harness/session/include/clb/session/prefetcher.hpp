// Makes image batches on worker threads while the method computes: decode, transform, copy to the device. A window of batches is kept
// ready, in order.
#pragma once

#include <torch/types.h>
#include <torch/utils.h>

#include <condition_variable>
#include <cstdint>
#include <exception>
#include <functional>
#include <map>
#include <mutex>
#include <thread>
#include <vector>

namespace clb::session {

class Prefetcher {
 public:
  // make(k) builds batch k of `count`; it is called on worker threads, on several at once when threads > 1.
  Prefetcher(std::function<torch::Tensor(int64_t)> make, int64_t count, int64_t threads);
  ~Prefetcher();
  Prefetcher(const Prefetcher&) = delete;

  torch::Tensor next();  // batches 0, 1, 2, ...; throws what make threw

 private:
  struct Result {
    torch::Tensor batch;
    std::exception_ptr error;
  };
  void work();

  std::function<torch::Tensor(int64_t)> make_;
  int64_t count_, window_, claimed_ = 0, taken_ = 0;
  bool stop_ = false;
  std::map<int64_t, Result> ready_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::thread> workers_;
};

}  // namespace clb::session
