// Composites: one primitive, or the union of a few, with or without something cut out; rings, crosses, crescents come out of it by chance.
#include "parts.hpp"

namespace clb::formula {
namespace {

class Composite final : public Shape {
 public:
  explicit Composite(Random& random) : mirror_(random.chance(0.5F) ? Mirror::kX : Mirror::kNone) {
    const int added = 1 + random.below(4), cut = random.below(3);
    for (int k = 0; k < added; ++k) parts_.push_back(Part::drawn(random, k == 0 ? 0.2F : 0.8F, false));
    for (int k = 0; k < cut; ++k) parts_.push_back(Part::drawn(random, 0.6F, true));
  }

  std::unique_ptr<Shape> varied(Random& random, float amount) const override {
    auto other = std::make_unique<Composite>(*this);
    for (Part& part : other->parts_) part = part.varied(random, amount);
    return other;
  }

  void distance(const Points& points, Field& out) const override {
    out.fill(1e3F);
    apply(parts_, points, mirror_, out);
  }

 private:
  Mirror mirror_;
  std::vector<Part> parts_;
};

}  // namespace

std::unique_ptr<Shape> draw_composite(Random& random) { return std::make_unique<Composite>(random); }

}  // namespace clb::formula
