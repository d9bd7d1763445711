// Filled Julia sets of z^2 + c (the points whose orbits stay bounded), with c close to the edge of the Mandelbrot set's large body:
// connected figures with a fractal contour.
#include "arithmetic.hpp"
#include "shape.hpp"

namespace clb::formula {
namespace {

constexpr int kSteps = 10;      // more change less than a pixel
constexpr float kScale = 1.5F;  // the sets reach beyond 1
constexpr float kFar = 1e4F;    // beyond it an orbit has escaped, and is kept from overflowing

class Julia final : public Shape {
 public:
  explicit Julia(Random& random) {
    // The body's edge is c = e^(it)/2 - e^(2it)/4; within it the contour is the wilder the closer to the edge.
    const float turn = random.unit(), depth = random.between(0.7F, 1.02F);
    re_ = depth * (cosine(turn) / 2 - cosine(2 * turn) / 4);
    im_ = depth * (sine(turn) / 2 - sine(2 * turn) / 4);
  }

  std::unique_ptr<Shape> varied(Random& random, float amount) const override {
    auto other = std::make_unique<Julia>(*this);
    other->re_ += 0.008F * amount * random.bell();
    other->im_ += 0.008F * amount * random.bell();
    return other;
  }

  void distance(const Points& points, Field& out) const override {
    Field x, y, slope;  // slope: |dz/dz0| of the orbit
    for (size_t k = 0; k < kPoints; ++k) {
      x[k] = kScale * points.x[k];
      y[k] = kScale * points.y[k];
      slope[k] = 1;
    }
    const float re = re_, im = im_;
    for (int step = 0; step < kSteps; ++step) {
      for (size_t k = 0; k < kPoints; ++k) {
        const float xx = x[k] * x[k], yy = y[k] * y[k], size = xx + yy;
        const bool bounded = size < kFar;
        const float next_x = xx - yy + re, next_y = 2 * x[k] * y[k] + im, next_slope = 2 * std::sqrt(size) * slope[k];
        x[k] = bounded ? next_x : x[k];
        y[k] = bounded ? next_y : y[k];
        slope[k] = bounded ? next_slope : slope[k];
      }
    }
    for (size_t k = 0; k < kPoints; ++k) {
      const float size = std::sqrt(x[k] * x[k] + y[k] * y[k]);
      out[k] = (size - 2) / (std::max(1.F, slope[k]) * kScale);
    }
  }

 private:
  float re_ = 0, im_ = 0;
};

}  // namespace

std::unique_ptr<Shape> draw_julia(Random& random) { return std::make_unique<Julia>(random); }

}  // namespace clb::formula
