#include "style.hpp"

#include "arithmetic.hpp"

namespace clb::formula {
namespace {

constexpr float kPixel = 2.F / kSide;    // in units of the image
constexpr float kLeastContrast = 0.13F;  // between the brightness of figure and background

using Planes = std::array<std::array<float, kPixels>, 3>;

float mean_brightness(const Surface& s) {
  const float share = s.texture == Texture::kPlain ? 0 : 0.5F * s.contrast;
  return blend(s.first.brightness(), s.second.brightness(), share);
}

void fill(const Style& style, const Field& field, Planes& planes) {
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

}  // namespace

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

void paint(const Style& style, const Field& field, Random& random, Image& image) {
  Planes planes;
  fill(style, field, planes);
  finish(style, random, planes, image);
}

}  // namespace clb::formula
