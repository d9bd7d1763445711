// Colour jitter on 8-bit pixels, as Pillow blends an image with a degenerate one (see the fixture transforms_jitter).
#pragma once

#include <array>
#include <cstdint>

namespace clb::data {

// pixels [height, 3, width], changed in place. order: 0 brightness, 1 contrast, 2 saturation; others are passed over. factor: of each.
void jitter(uint8_t* pixels, int64_t height, int64_t width, const std::array<int64_t, 4>& order, const std::array<double, 3>& factor);

// Pillow's grey value of a colour.
inline int32_t grey_of(int32_t r, int32_t g, int32_t b) { return (19595 * r + 38470 * g + 7471 * b + 32768) >> 16; }

}  // namespace clb::data
