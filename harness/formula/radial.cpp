// Radial contours r(angle) = 1 + a sum of sinusoids, as in Visual Atoms (Takashima et al., CVPR 2023, section 3) and the radial contour
// database before it (Kataoka et al., CVPR 2022); some are rings.
#include "arithmetic.hpp"
#include "shape.hpp"

namespace clb::formula {
namespace {

constexpr int kMaxFrequency = 12;

class Radial final : public Shape {
 public:
  explicit Radial(Random& random) {
    const int waves = 1 + random.below(4);
    float total = 0;
    for (int k = 0; k < waves; ++k) {
      const auto frequency = static_cast<size_t>(random.below(kMaxFrequency));
      const float amplitude = random.between(0.1F, 1.F) / (1 + 0.25F * static_cast<float>(frequency)), phase = random.unit();
      cosine_[frequency] += amplitude * cosine(phase);
      sine_[frequency] += amplitude * sine(phase);
      total += amplitude;
    }
    const float depth = random.between(0.15F, 0.75F) / total;
    for (float& a : cosine_) a *= depth;
    for (float& a : sine_) a *= depth;
    if (random.chance(0.3F)) hole_ = random.between(0.25F, 0.7F);
  }

  std::unique_ptr<Shape> varied(Random& random, float amount) const override {
    auto other = std::make_unique<Radial>(*this);
    for (size_t k = 0; k < kMaxFrequency; ++k) {
      other->cosine_[k] = cosine_[k] * ratio(0.15F * amount * random.bell()) + 0.008F * amount * random.bell();
      other->sine_[k] = sine_[k] * ratio(0.15F * amount * random.bell()) + 0.008F * amount * random.bell();
    }
    other->hole_ *= ratio(0.1F * amount * random.bell());
    return other;
  }

  void distance(const Points& points, Field& out) const override {
    Field step_c, step_s, c, s, radius, reach;
    for (size_t k = 0; k < kPoints; ++k) {
      const float x = points.x[k], y = points.y[k];
      radius[k] = std::sqrt(x * x + y * y + 1e-12F);
      c[k] = step_c[k] = x / radius[k];
      s[k] = step_s[k] = y / radius[k];
      reach[k] = 1;
    }
    for (size_t wave = 0; wave < kMaxFrequency; ++wave) {  // c and s are those of (wave + 1) times the angle
      const float a = cosine_[wave], b = sine_[wave];
      for (size_t k = 0; k < kPoints; ++k) {
        reach[k] += a * c[k] + b * s[k];
        const float next = c[k] * step_c[k] - s[k] * step_s[k];
        s[k] = s[k] * step_c[k] + c[k] * step_s[k];
        c[k] = next;
      }
    }
    const float hole = hole_;
    for (size_t k = 0; k < kPoints; ++k) {
      const float edge = std::max(0.05F, reach[k]);
      out[k] = std::max(radius[k] - edge, hole * edge - radius[k]);
    }
  }

 private:
  std::array<float, kMaxFrequency> cosine_{}, sine_{};
  float hole_ = 0;  // share of the radius; 0: none
};

}  // namespace

std::unique_ptr<Shape> draw_radial(Random& random) { return std::make_unique<Radial>(random); }

}  // namespace clb::formula
