// The points at which a figure is looked at: two rows and two columns of points in each pixel of an image.
#pragma once

#include <array>
#include <cstddef>

namespace clb::formula {

inline constexpr int kSide = 32;         // pixels
inline constexpr int kFine = 2 * kSide;  // points
inline constexpr int kPoints = kFine * kFine;
inline constexpr int kPixels = kSide * kSide;
inline constexpr int kMaskSide = 16;
inline constexpr int kMask = kMaskSide * kMaskSide;

using Field = std::array<float, kPoints>;  // row by row

struct Points {
  Field x, y;  // x to the right, y down
};

}  // namespace clb::formula
