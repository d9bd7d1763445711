#include "clutter.hpp"

#include "arithmetic.hpp"

namespace clb::formula {

Speck Speck::drawn(Random& random, bool grey, bool in_front) {
  Speck speck;
  speck.x = random.between(-1, 1);
  speck.y = random.between(-1, 1);
  const float most = in_front ? 0.22F : 0.5F;
  speck.half_width = random.between(0.04F, most);
  speck.half_height = random.between(0.04F, most);
  speck.turn = random.unit();
  speck.box = random.chance(0.5F);
  speck.colour = Colour::drawn(random, grey);
  return speck;
}

float Speck::cover(float px, float py) const {
  const float c = cosine(turn), s = sine(turn), dx = px - x, dy = py - y;
  const float u = std::abs(c * dx + s * dy), v = std::abs(c * dy - s * dx);
  const float a = u / half_width, b = v / half_height;
  const float away = box ? std::max(u - half_width, v - half_height) : (std::sqrt(a * a + b * b) - 1) * std::min(half_width, half_height);
  return clamp01(0.5F - away * (kSide / 2.F));
}

}  // namespace clb::formula
