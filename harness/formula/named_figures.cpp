// Figures that have a name: polygons, ellipses and boxes put together so that each is known again at 32 x 32 pixels.
#include <clb/formula/thing.hpp>

#include "arithmetic.hpp"
#include "parts.hpp"
#include "polygon.hpp"

namespace clb::formula {
namespace {

// What a figure is made of: a polygon, if any, then parts one after another.
struct Plan {
  std::vector<Corner> corners;
  std::vector<Part> parts;
};

// Numbers of a figure: the middle of their range, or, as `amount` grows, anywhere in it.
class Dice {
 public:
  Dice(Random& random, float amount) : random_(random), amount_(amount) {}
  float operator()(float low, float high) {
    const float found = random_.between(low, high);
    return blend((low + high) / 2, found, amount_);
  }

 private:
  Random& random_;
  float amount_;
};

Part disc(float x, float y, float a, float b, bool cut = false) {
  return {.x = x, .y = y, .half_width = a, .half_height = b, .turn = 0, .box = false, .cut = cut};
}
Part box(float x, float y, float a, float b, bool cut = false) {
  return {.x = x, .y = y, .half_width = a, .half_height = b, .turn = 0, .box = true, .cut = cut};
}

Plan circle(Dice& dice) {
  const float flat = dice(0.9F, 1);
  return {{}, {disc(0, 0, 1, flat)}};
}
Plan square(Dice& dice) {
  const float flat = dice(0.86F, 1);
  return {{}, {box(0, 0, 0.9F, 0.9F * flat)}};
}
Plan triangle(Dice& dice) {
  const float top = dice(-0.15F, 0.15F), height = dice(0.75F, 0.95F);
  return {{{top, -height}, {1, height}, {-1, height}}, {}};
}
Plan star(Dice& dice) {
  Plan plan;
  const float inner = dice(0.36F, 0.48F);
  for (int k = 0; k < 10; ++k) {
    const float reach = k % 2 == 1 ? inner : 1.F, turn = static_cast<float>(k) / 10 - 0.25F;
    plan.corners.push_back({reach * cosine(turn), reach * sine(turn)});
  }
  return plan;
}
Plan ring(Dice& dice) {
  const float hole = dice(0.5F, 0.66F);
  return {{}, {disc(0, 0, 1, 1), disc(0, 0, hole, hole, true)}};
}
Plan cross(Dice& dice) {
  const float arm = dice(0.25F, 0.36F);
  return {{}, {box(0, 0, 1, arm), box(0, 0, arm, 1)}};
}
Plan heart(Dice& dice) {
  const float tip = dice(0.85F, 1.05F);
  return {{{-0.93F, -0.15F}, {0, -0.55F}, {0.93F, -0.15F}, {0, tip}},
          {disc(-0.48F, -0.38F, 0.52F, 0.5F), disc(0.48F, -0.38F, 0.52F, 0.5F)}};
}
Plan crescent(Dice& dice) {
  const float away = dice(0.42F, 0.58F);
  return {{}, {disc(0, 0, 1, 1), disc(away, -0.1F, 0.82F, 0.82F, true)}};
}
Plan diamond(Dice& dice) {
  const float wide = dice(0.55F, 0.68F);
  return {{{0, -1}, {wide, 0}, {0, 1}, {-wide, 0}}, {}};
}
Plan arrow(Dice& dice) {
  const float shaft = dice(0.2F, 0.3F), head = dice(-0.1F, 0.15F);
  return {{{1, 0}, {head, 0.75F}, {head, shaft}, {-1, shaft}, {-1, -shaft}, {head, -shaft}, {head, -0.75F}}, {}};
}
Plan flower(Dice& dice) {
  Plan plan;
  const float petal = dice(0.33F, 0.4F), eye = dice(0.15F, 0.22F);
  for (int k = 0; k < 6; ++k) {
    const float turn = static_cast<float>(k) / 6;
    plan.parts.push_back(disc(0.62F * cosine(turn), 0.62F * sine(turn), petal, petal));
  }
  plan.parts.push_back(disc(0, 0, 0.55F, 0.55F));
  plan.parts.push_back(disc(0, 0, eye, eye, true));
  return plan;
}
Plan drop(Dice& dice) {
  const float tip = dice(-1.1F, -0.95F);
  return {{{0, tip}, {0.58F, 0.15F}, {-0.58F, 0.15F}}, {disc(0, 0.38F, 0.64F, 0.62F)}};
}
Plan frame(Dice& dice) {
  const float hole = dice(0.45F, 0.58F);
  return {{}, {box(0, 0, 0.92F, 0.92F), box(0, 0, hole, hole, true)}};
}
Plan hourglass(Dice& dice) {
  const float waist = dice(0.08F, 0.18F);
  return {{{-0.8F, -1}, {0.8F, -1}, {waist, 0}, {0.8F, 1}, {-0.8F, 1}, {-waist, 0}}, {}};
}
Plan bolt(Dice& dice) {
  const float wide = dice(-0.06F, 0.06F);
  return {{{0.2F, -1}, {-0.62F - wide, 0.15F}, {-0.08F, 0.15F}, {-0.3F, 1}, {0.62F + wide, -0.25F}, {0.08F, -0.25F}, {0.6F, -1}}, {}};
}
Plan house(Dice& dice) {
  const float eaves = dice(-0.25F, -0.1F), door = dice(0.16F, 0.24F);
  return {{{0, -1}, {1, eaves}, {0.78F, eaves}, {0.78F, 0.95F}, {-0.78F, 0.95F}, {-0.78F, eaves}, {-1, eaves}},
          {box(0, 0.7F, door, 0.32F, true)}};
}
Plan tree(Dice& dice) {
  const float low = dice(0.7F, 0.82F), trunk = dice(0.12F, 0.2F);
  return {{{0, -1}, {0.5F, -0.25F}, {0.28F, -0.25F}, {low, 0.5F}, {-low, 0.5F}, {-0.28F, -0.25F}, {-0.5F, -0.25F}},
          {box(0, 0.75F, trunk, 0.27F)}};
}
Plan fish(Dice& dice) {
  const float belly = dice(0.42F, 0.54F), tail = dice(0.45F, 0.58F);
  return {{{0.35F, 0}, {1, -tail}, {0.85F, 0}, {1, tail}}, {disc(-0.2F, 0, 0.8F, belly), disc(-0.62F, -0.1F, 0.11F, 0.11F, true)}};
}
Plan cloud(Dice& dice) {
  const float puff = dice(0.42F, 0.52F);
  return {{},
          {disc(-0.55F, 0.18F, 0.45F, 0.4F), disc(-0.1F, -0.15F, puff, puff), disc(0.5F, 0.12F, 0.5F, 0.45F), box(0, 0.38F, 0.62F, 0.2F)}};
}
Plan mushroom(Dice& dice) {
  const float stem = dice(0.2F, 0.3F), brim = dice(0.05F, 0.2F);
  return {{}, {disc(0, brim, 1, 0.95F), box(0, brim + 0.6F, 1.2F, 0.6F, true), box(0, 0.5F, stem, 0.5F)}};
}

struct Known {
  const char* name;
  Plan (*plan)(Dice& dice);
};
constexpr std::array<Known, kThingFigures> kKnown{
    {{"circle", circle}, {"square", square}, {"triangle", triangle}, {"star", star},           {"ring", ring},
     {"cross", cross},   {"heart", heart},   {"crescent", crescent}, {"diamond", diamond},     {"arrow", arrow},
     {"flower", flower}, {"drop", drop},     {"frame", frame},       {"hourglass", hourglass}, {"bolt", bolt},
     {"house", house},   {"tree", tree},     {"fish", fish},         {"cloud", cloud},         {"mushroom", mushroom}}};

class NamedFigure final : public Shape {
 public:
  NamedFigure(int figure, Random& random, float amount) : figure_(figure) {
    Dice dice(random, amount);
    plan_ = kKnown[static_cast<size_t>(figure)].plan(dice);
  }

  std::unique_ptr<Shape> varied(Random& random, float amount) const override {
    return std::make_unique<NamedFigure>(figure_, random, amount);
  }

  void distance(const Points& points, Field& out) const override {
    if (plan_.corners.empty()) {
      out.fill(1e3F);
    } else {
      distance_to_polygon(plan_.corners, points, out);
    }
    apply(plan_.parts, points, Mirror::kNone, out);
  }

 private:
  int figure_;
  Plan plan_;
};

}  // namespace

const char* figure_name(int figure) { return kKnown[static_cast<size_t>(figure)].name; }

std::vector<std::unique_ptr<Shape>> named_figures() {
  std::vector<std::unique_ptr<Shape>> shapes;
  Random unused(0, 0, 0);
  for (int k = 0; k < kThingFigures; ++k) shapes.push_back(std::make_unique<NamedFigure>(k, unused, 0.F));
  return shapes;
}

}  // namespace clb::formula
