// What stands around a figure or in front of it: small ellipses and boxes of any colour. It is not part of the figure's mask.
#pragma once

#include "surface.hpp"

namespace clb::formula {

struct Speck {
  float x = 0, y = 0, half_width = 0.1F, half_height = 0.1F, turn = 0;
  bool box = false;
  Colour colour;

  static Speck drawn(Random& random, bool grey, bool in_front);
  float cover(float px, float py) const;  // 0 to 1, at a point of [-1, 1]
};

}  // namespace clb::formula
