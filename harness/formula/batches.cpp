#include "clb/formula/batches.hpp"

namespace clb::formula {

namespace {
constexpr int64_t kAhead = 8;  // batches drawn but not yet asked for
}

Batch draw_batch(const Painter& painter, int64_t first, int64_t size) {
  Batch batch{.first = first, .labels = {}, .pixels = {}, .masks = {}, .numbers = {}};
  Image image;
  for (int64_t k = 0; k < size; ++k) {
    painter.draw(first + k, image);
    batch.labels.push_back(image.label);
    batch.pixels.insert(batch.pixels.end(), image.pixels.begin(), image.pixels.end());
    batch.masks.insert(batch.masks.end(), image.mask.begin(), image.mask.end());
    batch.numbers.insert(batch.numbers.end(), image.numbers.begin(), image.numbers.end());
  }
  return batch;
}

Batches::Batches(const Painter& painter, int64_t size, int64_t begin, int64_t end, int threads)
    : painter_(painter), size_(size), claimed_(begin), wanted_(begin), end_(end) {
  for (int k = 0; k < threads; ++k) threads_.emplace_back([this](const std::stop_token& stop) { work(stop); });
}

Batches::~Batches() {
  for (std::jthread& thread : threads_) thread.request_stop();
  threads_.clear();  // joins while the members still live
}

void Batches::work(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (changed_.wait(lock, stop, [&] { return claimed_ == end_ || claimed_ < wanted_ + kAhead; }) && claimed_ < end_) {
    const int64_t mine = claimed_++;
    lock.unlock();
    Batch batch = draw_batch(painter_, mine * size_, size_);
    lock.lock();
    drawn_.emplace(mine, std::move(batch));
    changed_.notify_all();
  }
}

Batch Batches::next() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return drawn_.contains(wanted_); });
  Batch batch = std::move(drawn_.extract(wanted_).mapped());
  ++wanted_;
  changed_.notify_all();
  return batch;
}

}  // namespace clb::formula
