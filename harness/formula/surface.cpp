#include "surface.hpp"

#include "arithmetic.hpp"

namespace clb::formula {
namespace {

struct Named {
  const char* name;
  float r, g, b;
};
constexpr std::array kColours{
    Named{"black", 0.06F, 0.06F, 0.06F}, Named{"grey", 0.5F, 0.5F, 0.5F},      Named{"white", 0.94F, 0.94F, 0.94F},
    Named{"red", 0.82F, 0.14F, 0.12F},   Named{"orange", 0.93F, 0.53F, 0.12F}, Named{"yellow", 0.92F, 0.86F, 0.2F},
    Named{"green", 0.17F, 0.6F, 0.2F},   Named{"cyan", 0.2F, 0.75F, 0.78F},    Named{"blue", 0.15F, 0.27F, 0.78F},
    Named{"purple", 0.5F, 0.18F, 0.66F}, Named{"pink", 0.93F, 0.55F, 0.7F},    Named{"brown", 0.45F, 0.28F, 0.14F},
};

float hashed(int x, int y, uint64_t salt) {
  return Random(salt, static_cast<uint64_t>(static_cast<int64_t>(x)), static_cast<uint64_t>(static_cast<int64_t>(y))).unit();
}

}  // namespace

const char* name_of_colour(int name) { return kColours[static_cast<size_t>(name)].name; }

Colour Colour::drawn(Random& random, bool grey) {
  Colour colour;
  if (grey) {
    const float level = random.unit();
    colour.rgb.fill(level);
    colour.name = level < 0.25F ? 0 : level < 0.75F ? 1 : 2;
    return colour;
  }
  colour.name = random.chance(0.25F) ? random.below(kGreys) : kGreys + random.below(static_cast<int>(kColours.size()) - kGreys);
  const Named& base = kColours[static_cast<size_t>(colour.name)];
  const float light = random.between(-0.12F, 0.12F);
  colour.rgb = {base.r + light, base.g + light, base.b + light};
  for (float& value : colour.rgb) value = clamp01(value + 0.04F * random.bell());
  return colour;
}

Colour Colour::named(Random& random, int name) {
  Colour colour;
  colour.name = name;
  const Named& base = kColours[static_cast<size_t>(name)];
  const float light = random.between(-0.05F, 0.05F);
  colour.rgb = {base.r + light, base.g + light, base.b + light};
  for (float& value : colour.rgb) value = clamp01(value + 0.02F * random.bell());
  return colour;
}

Surface Surface::drawn(Random& random, bool grey, float plain) {
  Surface surface;
  surface.texture = random.chance(plain) ? Texture::kPlain : static_cast<Texture>(1 + random.below(kTextures - 1));
  surface.first = Colour::drawn(random, grey);
  surface.second = Colour::drawn(random, grey);
  surface.frequency = random.between(1.5F, 8.F);
  surface.turn = random.chance(0.4F) ? 0.25F * static_cast<float>(random.below(2)) : random.between(0, 0.5F);
  surface.phase = random.unit();
  surface.contrast = random.between(0.25F, 1.F);
  return surface;
}

// Round dots on a square lattice.
float Surface::dots(float u, float v) const {
  const float x = fraction(u) - 0.5F, y = fraction(v) - 0.5F;
  return clamp01((0.33F - std::sqrt(x * x + y * y)) * 6);
}

// Random values on a lattice, smoothly interpolated (Perlin's value noise).
float Surface::mottles(float u, float v) const {
  const int x = floor_of(u), y = floor_of(v);
  const auto salt = static_cast<uint64_t>(phase * 0x1p24F);
  const float s = smooth(u - static_cast<float>(x)), t = smooth(v - static_cast<float>(y));
  return blend(blend(hashed(x, y, salt), hashed(x + 1, y, salt), s), blend(hashed(x, y + 1, salt), hashed(x + 1, y + 1, salt), s), t);
}

float Surface::mixture(float x, float y, float depth) const {
  const float c = cosine(turn), s = sine(turn), along = c * x + s * y, across = c * y - s * x;
  const float u = frequency * along / 2 + phase, v = frequency * across / 2 + phase;
  float mix = 0;
  switch (texture) {
    case Texture::kPlain:
      return 0;
    case Texture::kShaded:
      mix = clamp01(0.5F + 0.5F * along);
      break;
    case Texture::kStriped:
      mix = clamp01(0.5F + 1.5F * sine(u));
      break;
    case Texture::kChecked:
      mix = clamp01(0.5F + 4 * sine(u / 2) * sine(v / 2));
      break;
    case Texture::kDotted:
      mix = dots(u * 0.75F, v * 0.75F);
      break;
    case Texture::kMottled:
      mix = mottles(u, v);
      break;
    case Texture::kRimmed:
      mix = clamp01(depth * (2 + frequency));
      break;
  }
  return contrast * mix;
}

}  // namespace clb::formula
