// Functions of formula images from +, -, *, / and square roots alone: IEEE 754 gives them the same bits on every processor, while the sines
// of C libraries differ in the last place. The files that use them are compiled without fused multiply-add.
#pragma once

#include <algorithm>
#include <cmath>

namespace clb::formula {

inline int floor_of(float x) {
  const int whole = static_cast<int>(x);
  return whole - (static_cast<float>(whole) > x ? 1 : 0);
}

inline float fraction(float x) { return x - static_cast<float>(floor_of(x)); }

// sin(2 pi t), error below 4e-6: Taylor's polynomial of degree 9 in the first quarter.
inline float sine(float t) {
  const float centred = fraction(t + 0.5F) - 0.5F;  // [-0.5, 0.5)
  const float half = std::abs(centred);
  const float x = 6.2831853F * std::min(half, 0.5F - half), x2 = x * x;
  const float value = x * (1 + x2 * (-1.6666667e-1F + x2 * (8.3333333e-3F + x2 * (-1.9841270e-4F + x2 * 2.7557319e-6F))));
  return centred < 0 ? -value : value;
}
inline float cosine(float t) { return sine(t + 0.25F); }

inline float clamp01(float x) { return std::min(1.F, std::max(0.F, x)); }
inline float blend(float a, float b, float t) { return a + (b - a) * t; }
inline float smooth(float t) { return t * t * (3 - 2 * t); }

// A factor around 1: 1 + u, or 1 / (1 - u) for negative u, so that u and -u undo each other.
inline float ratio(float u) { return u < 0 ? 1 / (1 - u) : 1 + u; }

}  // namespace clb::formula
