#include "clb/formula/batches.hpp"

namespace clb::formula {

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

}  // namespace clb::formula
