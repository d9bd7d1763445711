// Colours and textures: what a figure or a background looks like, whatever its class.
#pragma once

#include <clb/formula/image.hpp>

#include <clb/formula/random.hpp>

namespace clb::formula {

struct Colour {
  std::array<float, 3> rgb{};
  int name = 0;  // of a table of names

  static Colour drawn(Random& random, bool grey);
  static Colour named(Random& random, int name);  // a shade of it that nobody would call by another name
  float brightness() const { return 0.3F * rgb[0] + 0.59F * rgb[1] + 0.11F * rgb[2]; }
};
inline constexpr int kGreys = 3;  // the first names: black, grey, white
const char* name_of_colour(int name);

// A mixture of two colours that varies over the image.
struct Surface {
  Texture texture = Texture::kPlain;
  Colour first, second;
  float frequency = 4, turn = 0, phase = 0, contrast = 1;  // frequency: periods over the image

  static Surface drawn(Random& random, bool grey, float plain);

  // Share of the second colour at (x, y) of [-1, 1]; `depth`: how far inside the figure.
  float mixture(float x, float y, float depth) const;

 private:
  float dots(float u, float v) const;
  float mottles(float u, float v) const;
};

}  // namespace clb::formula
