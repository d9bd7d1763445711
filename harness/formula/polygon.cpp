// Polygons around a centre: regular, stars, and irregular ones.
#include "polygon.hpp"

#include "arithmetic.hpp"
#include "shape.hpp"

namespace clb::formula {
namespace {

class Polygon final : public Shape {
 public:
  explicit Polygon(Random& random) {
    const bool star = random.chance(0.35F), regular = star || random.chance(0.3F);
    const int corners = star ? 2 * (3 + random.below(4)) : 3 + random.below(6);
    const float inner = star ? random.between(0.3F, 0.75F) : 1, start = random.unit(), aspect = random.between(0.5F, 1.F);
    for (int k = 0; k < corners; ++k) {
      const float reach = regular ? (k % 2 == 1 ? inner : 1.F) : random.between(0.4F, 1.F);
      const float turn = start + (static_cast<float>(k) + (regular ? 0 : random.between(-0.3F, 0.3F))) / static_cast<float>(corners);
      corners_.push_back({reach * cosine(turn), reach * aspect * sine(turn)});
    }
  }

  std::unique_ptr<Shape> varied(Random& random, float amount) const override {
    auto other = std::make_unique<Polygon>(*this);
    for (Corner& corner : other->corners_) {
      corner.x += 0.045F * amount * random.bell();
      corner.y += 0.045F * amount * random.bell();
    }
    return other;
  }

  void distance(const Points& points, Field& out) const override { distance_to_polygon(corners_, points, out); }

 private:
  std::vector<Corner> corners_;
};

}  // namespace

void distance_to_polygon(const std::vector<Corner>& corners, const Points& points, Field& out) {
  Field nearest, crossings;
  nearest.fill(1e6F);
  crossings.fill(1);
  for (size_t i = 0; i < corners.size(); ++i) {
    const Corner a = corners[i], b = corners[(i + 1) % corners.size()];
    const float dx = b.x - a.x, dy = b.y - a.y, inverse = 1 / (dx * dx + dy * dy + 1e-9F), slope = dy == 0 ? 0 : dx / dy;
    for (size_t k = 0; k < kPoints; ++k) {
      const float x = points.x[k] - a.x, y = points.y[k] - a.y, t = clamp01((x * dx + y * dy) * inverse);
      const float away_x = x - t * dx, away_y = y - t * dy;
      nearest[k] = std::min(nearest[k], away_x * away_x + away_y * away_y);
      const bool crosses = (y < 0) != (y < dy) && x < slope * y;
      crossings[k] = crosses ? -crossings[k] : crossings[k];
    }
  }
  for (size_t k = 0; k < kPoints; ++k) out[k] = crossings[k] * std::sqrt(nearest[k]);
}

std::unique_ptr<Shape> draw_polygon(Random& random) { return std::make_unique<Polygon>(random); }

}  // namespace clb::formula
