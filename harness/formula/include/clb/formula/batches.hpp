// Images in batches, drawn ahead of their use by threads of their own.
#pragma once

#include <clb/formula/image.hpp>
#include <condition_variable>
#include <map>
#include <mutex>
#include <stop_token>
#include <thread>
#include <vector>

namespace clb::formula {

struct Batch {
  int64_t first = 0;            // index of its first image
  std::vector<int64_t> labels;  // [n]
  std::vector<uint8_t> pixels;  // [n, 3, 32, 32]
  std::vector<float> masks;     // [n, 16, 16]
  std::vector<float> numbers;   // [n, kAttributes]
};

Batch draw_batch(const Painter& painter, int64_t first, int64_t size);

// Batch b holds the images b * size to (b + 1) * size - 1. They come in order, whatever the number of threads.
class Batches {
 public:
  // From batch `begin` up to and without batch `end`. The painter must outlive it.
  Batches(const Painter& painter, int64_t size, int64_t begin, int64_t end, int threads);
  ~Batches();
  Batches(const Batches&) = delete;

  Batch next();  // waits; at most end - begin times

 private:
  void work(const std::stop_token& stop);

  const Painter& painter_;
  int64_t size_, claimed_, wanted_, end_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::map<int64_t, Batch> drawn_;
  std::vector<std::jthread> threads_;
};

}  // namespace clb::formula
