// The distance to a polygon.
#pragma once

#include <clb/formula/points.hpp>
#include <vector>

namespace clb::formula {

struct Corner {
  float x, y;
};

// The distance to the nearest side; inside where a ray to the right crosses an odd number of sides.
void distance_to_polygon(const std::vector<Corner>& corners, const Points& points, Field& out);

}  // namespace clb::formula
