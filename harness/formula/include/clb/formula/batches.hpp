// Images in batches, drawn ahead of their use by threads of their own.
#pragma once

#include <clb/formula/ahead.hpp>
#include <clb/formula/image.hpp>
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

// Batch b holds the images b * size to (b + 1) * size - 1.
class Batches final : public Ahead<Batch> {
 public:
  // From batch `begin` up to and without batch `end`. The painter must outlive it.
  Batches(const Painter& painter, int64_t size, int64_t begin, int64_t end, int threads)
      : Ahead([&painter, size](int64_t b) { return draw_batch(painter, b * size, size); }, begin, end, threads) {}
};

}  // namespace clb::formula
