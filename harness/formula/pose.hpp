// Where a figure stands in an image: place, size, aspect, slant, turn and bend; one or several copies.
#pragma once

#include <vector>

#include "figures.hpp"

namespace clb::formula {

struct Pose {
  float x = 0, y = 0;  // centre; the image is [-1, 1] x [-1, 1]
  float width = 0.8F, height = 0.8F;
  float slant = 0, turn = 0;  // turn: in turns
  float bend = 0, bend_phase = 0;

  static Pose drawn(Random& random, float amount);
};

// One pose, or those of the copies, side by side.
std::vector<Pose> poses(Random& random, float amount, int count);

// The field of a figure in these poses, in units of the image.
void place(const Figures& figures, int64_t label, const Shape& shape, const std::vector<Pose>& poses, Field& field);

}  // namespace clb::formula
