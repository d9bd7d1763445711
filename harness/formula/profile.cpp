// Profiles: along an axis v in [-1, 1] the figure reaches from -left(v) to right(v), both curves through a few random knots. Symmetric
// figures have one curve. Some have parts added and cut out.
#include "arithmetic.hpp"
#include "parts.hpp"
#include "shape.hpp"

namespace clb::formula {
namespace {

constexpr int kMaxKnots = 8, kTable = 64;

struct Curve {
  int knots = 0;
  bool sharp = false;  // straight lines and steps between knots, or smooth
  std::array<float, kMaxKnots> at{};

  static Curve drawn(Random& random) {
    Curve curve;
    curve.knots = 2 + random.below(kMaxKnots - 1);
    curve.sharp = random.chance(0.4F);
    float width = random.between(0.1F, 0.9F);
    for (int k = 0; k < curve.knots; ++k) {
      curve.at[static_cast<size_t>(k)] = width;
      width = std::min(1.F, std::max(0.06F, width + 0.36F * random.bell()));
    }
    return curve;
  }
  Curve varied(Random& random, float amount) const {
    Curve curve = *this;
    for (float& width : curve.at) width = std::max(0.04F, width * ratio(0.12F * amount * random.bell()));
    return curve;
  }
  std::array<float, kTable + 2> table() const {
    std::array<float, kTable + 2> widths;
    for (int k = 0; k < kTable + 2; ++k) {
      const float place = static_cast<float>(knots - 1) * std::min(1.F, static_cast<float>(k) / kTable);
      const int i = std::min(knots - 2, floor_of(place));
      const float t = place - static_cast<float>(i);
      widths[static_cast<size_t>(k)] = blend(at[static_cast<size_t>(i)], at[static_cast<size_t>(i) + 1], sharp ? t : smooth(t));
    }
    return widths;
  }
};

class Profile final : public Shape {
 public:
  Profile(Random& random, bool symmetric) : symmetric_(symmetric), across_(random.chance(0.35F)) {
    right_ = Curve::drawn(random);
    left_ = symmetric ? right_ : Curve::drawn(random);
    const int more = std::max(0, random.below(5) - 1);
    for (int k = 0; k < more; ++k) parts_.push_back(Part::drawn(random, 0.9F, random.chance(0.4F)));
  }

  std::unique_ptr<Shape> varied(Random& random, float amount) const override {
    auto other = std::make_unique<Profile>(*this);
    other->right_ = right_.varied(random, amount);
    other->left_ = symmetric_ ? other->right_ : left_.varied(random, amount);
    for (Part& part : other->parts_) part = part.varied(random, amount);
    return other;
  }

  void distance(const Points& points, Field& out) const override {
    const auto left = left_.table(), right = right_.table();
    const Field& along = across_ ? points.x : points.y;
    const Field& beside = across_ ? points.y : points.x;
    for (size_t k = 0; k < kPoints; ++k) {
      const float place = clamp01((along[k] + 1) / 2) * kTable;
      const auto i = static_cast<size_t>(static_cast<int>(place));
      const float t = place - static_cast<float>(i);
      const float out_right = beside[k] - blend(right[i], right[i + 1], t), out_left = -beside[k] - blend(left[i], left[i + 1], t);
      out[k] = std::max(std::max(out_right, out_left), std::abs(along[k]) - 1);
    }
    apply(parts_, points, symmetric_ ? (across_ ? Mirror::kY : Mirror::kX) : Mirror::kNone, out);
  }

 private:
  bool symmetric_, across_;
  Curve left_, right_;
  std::vector<Part> parts_;
};

}  // namespace

std::unique_ptr<Shape> draw_profile(Random& random, bool symmetric) { return std::make_unique<Profile>(random, symmetric); }

}  // namespace clb::formula
