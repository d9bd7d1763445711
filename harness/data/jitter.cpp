#include "jitter.hpp"

#include <algorithm>

namespace clb::data {
namespace {

// degenerate + factor * (value - degenerate) in float32; factors outside [0, 1] may leave the range of a byte.
uint8_t blend(int32_t degenerate, int32_t value, float factor) {
  const float t = static_cast<float>(degenerate) + factor * static_cast<float>(value - degenerate);
  return static_cast<uint8_t>(std::clamp(t, 0.0F, 255.0F));
}

int32_t grey_at(const uint8_t* row, int64_t width, int64_t x) { return grey_of(row[x], row[width + x], row[2 * width + x]); }

// The mean grey value, rounded half up.
int32_t mean_grey(const uint8_t* pixels, int64_t height, int64_t width) {
  int64_t sum = 0;
  for (int64_t y = 0; y < height; ++y) {
    for (int64_t x = 0; x < width; ++x) sum += grey_at(pixels + y * 3 * width, width, x);
  }
  return static_cast<int32_t>(static_cast<double>(sum) / static_cast<double>(height * width) + 0.5);
}

void saturate(uint8_t* pixels, int64_t height, int64_t width, float factor) {
  for (int64_t y = 0; y < height; ++y) {
    uint8_t* row = pixels + y * 3 * width;
    for (int64_t x = 0; x < width; ++x) {
      const int32_t grey = grey_at(row, width, x);
      for (int64_t c = 0; c < 3; ++c) row[c * width + x] = blend(grey, row[c * width + x], factor);
    }
  }
}

}  // namespace

void jitter(uint8_t* pixels, int64_t height, int64_t width, const std::array<int64_t, 4>& order, const std::array<double, 3>& factor) {
  for (const int64_t op : order) {
    if (op > 2 || factor[op] == 1 || height * width == 0) continue;
    const auto f = static_cast<float>(factor[op]);
    if (op == 2) {
      saturate(pixels, height, width, f);
      continue;
    }
    const int32_t degenerate = op == 0 ? 0 : mean_grey(pixels, height, width);
    std::transform(pixels, pixels + height * 3 * width, pixels, [=](uint8_t value) { return blend(degenerate, value, f); });
  }
}

}  // namespace clb::data
