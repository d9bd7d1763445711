// The figures of the classes: drawn from the seed, brought to one size, told apart.
#pragma once

#include <clb/formula/image.hpp>
#include <memory>
#include <vector>

#include "shape.hpp"

namespace clb::formula {

using Mask = std::array<float, kMask>;

// The share of each mask cell that lies inside; `soft` is the width of the edge in units of the field.
Mask mask_of(const Field& field, float soft);

class Figures {
 public:
  Figures(int64_t seed, int64_t count);
  explicit Figures(std::vector<std::unique_ptr<Shape>> shapes);  // these, whatever they are

  Family family(int64_t label) const { return figures_[static_cast<size_t>(label)].family; }
  const Shape& shape(int64_t label) const { return *figures_[static_cast<size_t>(label)].shape; }
  const Mask& mask(int64_t label) const { return figures_[static_cast<size_t>(label)].mask; }
  float half(int64_t label) const { return figures_[static_cast<size_t>(label)].half; }

  // Points of a frame in which the figure spans [-1, 1] along its longer side, as the shape itself has them.
  void to_shape(int64_t label, Points& points) const;

 private:
  struct Figure {
    Family family{};
    std::unique_ptr<Shape> shape;
    float x = 0, y = 0, half = 1;  // centre and half the longer side of the box around the shape
    Mask mask{};                   // upright, centred
  };
  static bool measure(Figure& figure);  // false: degenerate
  bool is_new(const Figure& figure) const;

  std::vector<Figure> figures_;
};

}  // namespace clb::formula
