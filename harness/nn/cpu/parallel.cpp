#include <clb/nn/parallel.hpp>

#include <ATen/Parallel.h>
#include <ATen/TensorIterator.h>
#include <ATen/ThreadLocalState.h>

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

namespace clb::nn {
namespace {

// The parts that are left, and what went wrong.
class Work {
 public:
  Work(size_t count, const std::function<void(size_t)>& compute) : count_(count), compute_(compute) {}

  void take_part() {
    at::set_num_threads(1);
    for (size_t part = next_++; part < count_; part = next_++) {
      try {
        compute_(part);
      } catch (...) {
        const std::scoped_lock lock(mutex_);
        if (!failure_) failure_ = std::current_exception();
        next_ = count_;
      }
    }
  }
  void rethrow() const {
    if (failure_) std::rethrow_exception(failure_);
  }

 private:
  size_t count_;
  const std::function<void(size_t)>& compute_;
  std::atomic<size_t> next_ = 0;
  std::mutex mutex_;
  std::exception_ptr failure_;
};

}  // namespace

void side_by_side(size_t count, const std::function<void(size_t)>& compute, int threads) {
  const int usual = at::get_num_threads();
  if (threads == 0) threads = usual;
  Work work(count, compute);
  {
    std::vector<std::jthread> helpers;
    for (size_t k = 1; k < std::min(count, static_cast<size_t>(threads)); ++k) {
      helpers.emplace_back([&work, state = at::ThreadLocalState()] {
        const at::ThreadLocalStateGuard guard(state);
        work.take_part();
      });
    }
    work.take_part();
  }
  at::set_num_threads(usual);  // after all threads have ended: it also sets what new threads begin with
  work.rethrow();
}

// The one loop of LibTorch that takes a function: over the elements of a tensor, whose addresses say which they are.
void in_ranges(int64_t count, int64_t grain, const std::function<void(int64_t, int64_t)>& compute) {
  if (count <= grain || at::get_num_threads() == 1) return compute(0, count);
  torch::Tensor elements = at::empty({count}, torch::kUInt8);
  const auto* base = static_cast<const char*>(elements.const_data_ptr());
  at::TensorIterator loop = at::TensorIterator::nullary_op(elements);
  loop.for_each([&](char** data, const int64_t*, int64_t size, int64_t) { compute(data[0] - base, data[0] - base + size); }, grain);
}

}  // namespace clb::nn
