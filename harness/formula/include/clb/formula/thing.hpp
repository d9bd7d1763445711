// Images of things that have a name: a figure, a colour, a texture, a ground behind it. Where image.hpp draws attributes at random, here
// they are given, so that a class or a caption can say what is to be seen.
#pragma once

#include <clb/formula/image.hpp>
#include <clb/formula/random.hpp>
#include <string>

namespace clb::formula {

inline constexpr int kThingFigures = 20;  // circle, square, triangle, star, ...
inline constexpr int kThingColours = 9;   // red, orange, ...: chromatic ones, so that none gets lost on black, grey or white
inline constexpr int kPlainGrounds = 3;   // the first grounds: black, white, grey
inline constexpr int kGreyGrounds = 8;    // then textures in tones of grey
inline constexpr int kGrounds = kGreyGrounds + kThingColours;  // then plain ones in the colours of figures

enum class Stroke { kFilled, kOutlined, kDashed, kSketched };
inline constexpr int kStrokes = 4;

struct Thing {
  int figure = 0, colour = 0, ground = 0;  // a ground in the figure's own colour is no good
  Texture texture = Texture::kPlain;
  Stroke stroke = Stroke::kFilled;
  int count = 1;  // to 3
};

const char* figure_name(int figure);
const char* thing_colour_name(int colour);
const char* ground_name(int ground);
const char* name_of(Stroke stroke);

// One in six pairs of a colour and a figure: never drawn when image-text networks are trained, so that these can be asked for what nobody
// showed them. Every colour and every figure is in some such pair, and in more others.
bool held_out(int colour, int figure);

struct ThingOptions {
  // As in ImageOptions.
  double variation = 0.5, pose = 0.5;
  double clutter = 0, noise = 0.2;
};

// Draws things. Const members may be called on several threads at once.
class ThingPainter {
 public:
  explicit ThingPainter(const ThingOptions& options);
  ~ThingPainter();

  // Sets pixels, mask and attributes (family aside) of the image; its other members are left alone. What is not given comes from `random`.
  // Returns the size of the figure: half its side, where the image's is 1.
  float draw(const Thing& thing, Random& random, Image& image) const;

 private:
  ThingOptions options_;
  std::unique_ptr<const Figures> figures_;
};

}  // namespace clb::formula
