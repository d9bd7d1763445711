// Labelled images drawn from formulas: what they are, and who draws them. No photograph and no image of a data set takes part.
//
// An image is a pure function of the options and its index: the same on any machine, in any order, on any number of threads.
#pragma once

#include <clb/formula/points.hpp>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace clb::formula {

enum class Family { kSymmetric, kAsymmetric, kRadial, kPolygon, kComposite, kJulia };
enum class Texture { kPlain, kShaded, kStriped, kChecked, kDotted, kMottled, kRimmed };
inline constexpr int kFamilies = 6, kTextures = 7;

const char* name_of(Family family);
const char* name_of(Texture texture);

struct ImageOptions {
  int64_t seed = 0;
  int64_t classes = 200;
  // How far the images of a class differ; 1: as far as the figure stays recognisable.
  double variation = 1;  // of the figure's own parameters
  double pose = 1;       // of place, size, aspect, slant, turn and bend
  // Shares of all images.
  double grey = 0.4;      // without colour
  double dark = 0.3;      // on a plain black background
  double clutter = 0.4;   // with other things around the figure, or in front of it
  double several = 0.08;  // with two or three copies of the figure
  double plain = 0.2;     // figures without a texture
  double noise = 0.5;     // with noise, and another such share with blur
};

// Numbers that describe pose and texture, each about within [-1, 1]; targets of the training.
inline constexpr int kAttributes = 28;

struct Attributes {
  Family family{};
  Texture texture{};
  std::string colour, background;
  int count = 1;
};

struct Image {
  int64_t label = 0;
  std::array<uint8_t, 3 * kPixels> pixels{};  // plane after plane: red, green, blue
  std::array<float, kMask> mask{};            // share of each cell that the figure covers, as drawn before clutter, blur and noise
  std::array<float, kAttributes> numbers{};
  Attributes attributes;
};

// "two small red and striped ..." in English.
std::string caption(const Attributes& attributes);

class Figures;

// Draws images. Every member is const and may be called on several threads at once.
class Painter {
 public:
  // Chooses the classes' figures: all different, none degenerate. Error when the options ask for more than can be told apart.
  explicit Painter(const ImageOptions& options);
  ~Painter();

  void draw(int64_t index, Image& image) const;

  // The figure of a class itself, upright and centred.
  std::array<float, kMask> figure(int64_t label) const;
  Family family(int64_t label) const;

  const ImageOptions& options() const { return options_; }

 private:
  ImageOptions options_;
  std::unique_ptr<const Figures> figures_;
};

}  // namespace clb::formula
