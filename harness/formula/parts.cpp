#include "parts.hpp"

#include "arithmetic.hpp"

namespace clb::formula {

Part Part::drawn(Random& random, float reach, bool cut) {
  Part part;
  part.x = random.between(-reach, reach);
  part.y = random.between(-reach, reach);
  const float most = cut ? 0.45F : 0.8F;
  part.half_width = random.between(0.12F, most);
  part.half_height = random.between(0.12F, most);
  part.turn = random.chance(0.5F) ? 0 : random.between(-0.25F, 0.25F);
  part.box = random.chance(0.5F);
  part.cut = cut;
  return part;
}

Part Part::varied(Random& random, float amount) const {
  Part part = *this;
  part.x += 0.05F * amount * random.bell();
  part.y += 0.05F * amount * random.bell();
  part.half_width *= ratio(0.1F * amount * random.bell());
  part.half_height *= ratio(0.1F * amount * random.bell());
  part.turn += 0.012F * amount * random.bell();
  return part;
}

namespace {

void apply(const Part& part, const Points& points, Mirror mirror, Field& field) {
  const float c = cosine(part.turn), s = sine(part.turn), a = part.half_width, b = part.half_height, sign = part.cut ? -1.F : 1.F;
  Field own;
  for (size_t k = 0; k < kPoints; ++k) {
    const float px = mirror == Mirror::kX ? std::abs(points.x[k]) : points.x[k],
                py = mirror == Mirror::kY ? std::abs(points.y[k]) : points.y[k];
    const float x = px - part.x, y = py - part.y, u = c * x + s * y, v = c * y - s * x;
    const float ellipse = (std::sqrt((u / a) * (u / a) + (v / b) * (v / b)) - 1) * std::min(a, b);
    const float box = std::max(std::abs(u) - a, std::abs(v) - b);
    own[k] = part.box ? box : ellipse;
  }
  if (part.cut)
    for (size_t k = 0; k < kPoints; ++k) field[k] = std::max(field[k], sign * own[k]);
  else
    for (size_t k = 0; k < kPoints; ++k) field[k] = std::min(field[k], own[k]);
}

}  // namespace

void apply(const std::vector<Part>& parts, const Points& points, Mirror mirror, Field& field) {
  for (const Part& part : parts) apply(part, points, mirror, field);
}

}  // namespace clb::formula
