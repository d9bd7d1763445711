// What an image looks like apart from its figure: surfaces, clutter, light, blur and noise; and the painting of it.
#pragma once

#include <vector>

#include "clutter.hpp"
#include "surface.hpp"

namespace clb::formula {

struct Style {
  bool grey = false, dark = false;
  Surface figure, background;
  std::vector<Speck> behind, in_front;
  float light = 0, light_turn = 0;  // a slope of brightness over the whole image
  float blur = 0, noise = 0;

  static Style drawn(Random& random, const ImageOptions& options);
};

// Sets the pixels of the image from a figure's field, in units of the image; the noise is drawn from `random`.
void paint(const Style& style, const Field& field, Random& random, Image& image);

}  // namespace clb::formula
