// A figure as an implicit function: negative inside, about the distance to the contour in the figure's own units.
#pragma once

#include <clb/formula/points.hpp>
#include <memory>
#include <string>
#include <vector>

#include <clb/formula/random.hpp>

namespace clb::formula {

class Shape {
 public:
  virtual ~Shape() = default;

  // Another member of the same class: the parameters moved a little. amount 0: the same; 1: as far as a class stays recognisable.
  virtual std::unique_ptr<Shape> varied(Random& random, float amount) const = 0;

  virtual void distance(const Points& points, Field& out) const = 0;
};

// One function a family; what is drawn lies about within [-1, 1] in x and y.
std::unique_ptr<Shape> draw_profile(Random& random, bool symmetric);
std::unique_ptr<Shape> draw_radial(Random& random);
std::unique_ptr<Shape> draw_polygon(Random& random);
std::unique_ptr<Shape> draw_composite(Random& random);
std::unique_ptr<Shape> draw_julia(Random& random);

// Figures that have a name, in the order of these.
std::vector<std::unique_ptr<Shape>> named_figures();

}  // namespace clb::formula
