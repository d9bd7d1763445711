// Height and width: of images in pixels, of grids in patches. One number is a square's side.
#pragma once

#include <cstdint>

namespace clb::base {

struct ImageSize {                                                      // as nn's, whose headers plugins see; those of base they do not
  constexpr ImageSize(int64_t side = 0) : height(side), width(side) {}  // 0: not said
  constexpr ImageSize(int64_t height, int64_t width) : height(height), width(width) {}

  constexpr int64_t area() const { return height * width; }
  bool square() const { return height == width; }
  bool operator==(const ImageSize&) const = default;

  int64_t height, width;
};

}  // namespace clb::base
