// One image: figure, surfaces, clutter, blur, noise; and the numbers that say what was drawn.
#include <clb/base/error.hpp>

#include "arithmetic.hpp"
#include "clutter.hpp"
#include "figures.hpp"
#include "pose.hpp"
#include "surface.hpp"

namespace clb::formula {
namespace {

constexpr uint64_t kPainterStream = 2;
constexpr float kPixel = 2.F / kSide;    // in units of the image
constexpr float kLeastContrast = 0.13F;  // between the brightness of figure and background

using Planes = std::array<std::array<float, kPixels>, 3>;

// What was drawn at random for one image, apart from the figure.
struct Style {
  bool grey = false, dark = false;
  Surface figure, background;
  std::vector<Speck> behind, in_front;
  float light = 0, light_turn = 0;  // a slope of brightness over the whole image
  float blur = 0, noise = 0;

  static Style drawn(Random& random, const ImageOptions& options);
};

float mean_brightness(const Surface& s) {
  const float share = s.texture == Texture::kPlain ? 0 : 0.5F * s.contrast;
  return blend(s.first.brightness(), s.second.brightness(), share);
}

Style Style::drawn(Random& random, const ImageOptions& o) {
  Style style;
  style.grey = random.chance(static_cast<float>(o.grey));
  style.dark = random.chance(static_cast<float>(o.dark));
  style.background = Surface::drawn(random, style.grey, 0.4F);
  if (style.background.texture == Texture::kRimmed) style.background.texture = Texture::kShaded;
  if (style.dark) {
    style.background.texture = Texture::kPlain;
    style.background.first = {.rgb = {0, 0, 0}, .name = 0};
  }
  do {
    style.figure = Surface::drawn(random, style.grey, static_cast<float>(o.plain));
  } while (std::abs(mean_brightness(style.figure) - mean_brightness(style.background)) < kLeastContrast);
  if (random.chance(static_cast<float>(o.clutter))) {
    const int behind = style.dark ? 0 : 1 + random.below(4), in_front = random.below(3);
    for (int k = 0; k < behind; ++k) style.behind.push_back(Speck::drawn(random, style.grey, false));
    for (int k = 0; k < in_front; ++k) style.in_front.push_back(Speck::drawn(random, style.grey, true));
  }
  style.light = random.chance(0.5F) ? 0 : 0.2F * random.bell();
  style.light_turn = random.unit();
  style.blur = random.chance(static_cast<float>(o.noise)) ? random.between(0, 0.25F) : 0;
  style.noise = random.chance(static_cast<float>(o.noise)) ? random.between(0, 0.08F) : 0;
  return style;
}

void paint(const Style& style, const Field& field, Planes& planes) {
  const float lx = style.light * cosine(style.light_turn), ly = style.light * sine(style.light_turn);
  for (int row = 0; row < kSide; ++row) {
    for (int column = 0; column < kSide; ++column) {
      const float x = kPixel * (static_cast<float>(column) + 0.5F) - 1, y = kPixel * (static_cast<float>(row) + 0.5F) - 1;
      float cover = 0, depth = 0;
      for (const int k : {0, 1, kFine, kFine + 1}) {
        const float away = field[static_cast<size_t>(2 * row * kFine + 2 * column + k)];
        cover += clamp01(0.5F - away * (kFine / 2.F)) / 4;
        depth -= away / 4;
      }
      const float ground = style.background.mixture(x, y, 0), mix = style.figure.mixture(x, y, depth), shine = 1 + lx * x + ly * y;
      for (size_t c = 0; c < 3; ++c) {
        float value = blend(style.background.first.rgb[c], style.background.second.rgb[c], ground);
        for (const Speck& speck : style.behind) value = blend(value, speck.colour.rgb[c], speck.cover(x, y));
        value = blend(value, blend(style.figure.first.rgb[c], style.figure.second.rgb[c], mix), cover);
        for (const Speck& speck : style.in_front) value = blend(value, speck.colour.rgb[c], speck.cover(x, y));
        planes[c][static_cast<size_t>(row * kSide + column)] = value * shine;
      }
    }
  }
}

// Three taps in each direction; pixels at the rim repeat.
void blur(std::array<float, kPixels>& plane, float side) {
  std::array<float, kPixels> rows;
  const auto at = [](int row, int column) { return static_cast<size_t>(row * kSide + column); };
  for (int r = 0; r < kSide; ++r)
    for (int c = 0; c < kSide; ++c)
      rows[at(r, c)] =
          (1 - 2 * side) * plane[at(r, c)] + side * (plane[at(r, std::max(0, c - 1))] + plane[at(r, std::min(kSide - 1, c + 1))]);
  for (int r = 0; r < kSide; ++r)
    for (int c = 0; c < kSide; ++c)
      plane[at(r, c)] =
          (1 - 2 * side) * rows[at(r, c)] + side * (rows[at(std::max(0, r - 1), c)] + rows[at(std::min(kSide - 1, r + 1), c)]);
}

void finish(const Style& style, Random& random, Planes& planes, Image& image) {
  if (style.blur > 0)
    for (auto& plane : planes) blur(plane, style.blur);
  for (size_t k = 0; k < kPixels; ++k) {
    const float shared = style.noise > 0 ? style.noise * random.bell() : 0;  // of all three colours, so that grey stays grey
    for (size_t c = 0; c < 3; ++c)
      image.pixels[c * kPixels + k] = static_cast<uint8_t>(static_cast<int>(255 * clamp01(planes[c][k] + shared) + 0.5F));
  }
}

void set_targets(const Style& style, const Pose& pose, Image& image) {
  size_t k = 0;
  const auto add = [&](float value) { image.numbers[k++] = value; };
  const auto add_colour = [&](const Colour& colour) {
    for (const float value : colour.rgb) add(2 * value - 1);
  };
  const Surface& s = style.figure;
  add(2 * pose.x);
  add(2 * pose.y);
  add(3 * (pose.width - 0.75F));
  add(3 * (pose.height - 0.75F));
  add(6 * pose.slant);
  add(15 * pose.turn);
  add(static_cast<float>(image.attributes.count - 1));
  add_colour(s.first);
  add_colour(s.second);
  add_colour(style.background.first);
  add(s.frequency / 4 - 1);
  add(cosine(2 * s.turn));
  add(sine(2 * s.turn));
  add(s.texture == Texture::kPlain ? -1 : 2 * s.contrast - 1);
  add(8 * style.blur - 1);
  for (int texture = 0; texture < kTextures; ++texture) add(static_cast<int>(s.texture) == texture ? 1.F : 0.F);
}

}  // namespace

const char* name_of(Family family) {
  constexpr std::array kNames{"symmetric", "asymmetric", "radial", "polygon", "composite", "julia"};
  return kNames[static_cast<size_t>(family)];
}

const char* name_of(Texture texture) {
  constexpr std::array kNames{"plain", "shaded", "striped", "checked", "dotted", "mottled", "rimmed"};
  return kNames[static_cast<size_t>(texture)];
}

Painter::Painter(const ImageOptions& options)
    : options_(options), figures_(std::make_unique<const Figures>(options.seed, options.classes)) {}
Painter::~Painter() = default;

void Painter::draw(int64_t index, Image& image) const {
  Random random(static_cast<uint64_t>(options_.seed), kPainterStream, static_cast<uint64_t>(index));
  image.label = random.below(static_cast<int>(options_.classes));
  const int count = random.chance(static_cast<float>(options_.several)) ? 2 + random.below(2) : 1;
  const auto shape = figures_->shape(image.label).varied(random, static_cast<float>(options_.variation));
  const auto poses = formula::poses(random, static_cast<float>(options_.pose), count);
  const Style style = Style::drawn(random, options_);
  Field field;
  place(*figures_, image.label, *shape, poses, field);
  image.mask = mask_of(field, 2.F / kFine);
  image.attributes = {.family = figures_->family(image.label),
                      .texture = style.figure.texture,
                      .colour = name_of_colour(style.figure.first.name),
                      .background = name_of_colour(style.background.first.name),
                      .count = count};
  Planes planes;
  paint(style, field, planes);
  finish(style, random, planes, image);
  set_targets(style, poses.front(), image);
}

std::array<float, kMask> Painter::figure(int64_t label) const { return figures_->mask(label); }
Family Painter::family(int64_t label) const { return figures_->family(label); }

}  // namespace clb::formula
