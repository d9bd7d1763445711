// Ellipses and boxes that are added to a figure or cut out of it.
#pragma once

#include <vector>

#include "shape.hpp"

namespace clb::formula {

enum class Mirror { kNone, kX, kY };  // kX: the right half is also the left one

struct Part {
  float x = 0, y = 0, half_width = 1, half_height = 1, turn = 0;  // turn: in turns
  bool box = false, cut = false;

  // Its centre lies within [-reach, reach].
  static Part drawn(Random& random, float reach, bool cut);
  Part varied(Random& random, float amount) const;
};

// The union of `field` with the parts, or what they leave of it, one after another.
void apply(const std::vector<Part>& parts, const Points& points, Mirror mirror, Field& field);

}  // namespace clb::formula
