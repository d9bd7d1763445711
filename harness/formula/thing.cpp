#include <clb/formula/thing.hpp>

#include "arithmetic.hpp"
#include "figures.hpp"
#include "pose.hpp"
#include "style.hpp"

namespace clb::formula {
namespace {

constexpr std::array kGreyTextures{Texture::kStriped, Texture::kChecked, Texture::kDotted, Texture::kMottled, Texture::kShaded};
static_assert(kPlainGrounds + kGreyTextures.size() == kGreyGrounds);

Colour grey(float level) {
  Colour colour;
  colour.rgb.fill(level);
  colour.name = level < 0.25F ? 0 : level < 0.75F ? 1 : 2;
  return colour;
}

// Of the texture's second colour: a tint of a dark colour, a shade of a bright one, so that its name stays.
Colour beside(const Colour& first) {
  Colour second = first;
  const bool bright = first.brightness() > 0.63F;
  for (float& value : second.rgb) value = bright ? 0.35F * value : blend(value, 1, 0.65F);
  return second;
}

// At least two periods lie within a figure.
void set_grain(Random& random, Surface& surface) {
  const float fine = surface.texture == Texture::kChecked ? 1.8F : surface.texture == Texture::kDotted ? 1.5F : 1.F;
  surface.frequency = fine * random.between(3.6F, 5.2F);
  surface.turn = random.chance(0.4F) ? 0.25F * static_cast<float>(random.below(2)) : random.between(0, 0.5F);
  surface.phase = random.unit();
  surface.contrast = 1;
}

Surface figure_surface(const Thing& thing, Random& random) {
  Surface surface;
  surface.texture = thing.texture;
  surface.first = Colour::named(random, kGreys + thing.colour);
  surface.second = beside(surface.first);
  set_grain(random, surface);
  return surface;
}

Surface ground_surface(int ground, Random& random) {
  constexpr std::array<std::array<float, 2>, kPlainGrounds> kLevels{{{0, 0.08F}, {0.92F, 1}, {0.42F, 0.58F}}};
  Surface surface;
  set_grain(random, surface);
  const float dark = random.between(0.1F, 0.3F), light = random.between(0.7F, 0.9F);
  const bool swapped = random.chance(0.5F);
  if (ground >= kGreyGrounds) {
    surface.first = Colour::named(random, kGreys + ground - kGreyGrounds);
  } else if (ground >= kPlainGrounds) {
    surface.texture = kGreyTextures[static_cast<size_t>(ground - kPlainGrounds)];
    surface.first = grey(swapped ? light : dark);
    surface.second = grey(swapped ? dark : light);
    set_grain(random, surface);
  } else {
    surface.first = grey(random.between(kLevels[static_cast<size_t>(ground)][0], kLevels[static_cast<size_t>(ground)][1]));
  }
  return surface;
}

// The outline of a figure, in pixels; what is drawn is where the field is negative.
void outline(Field& field, float pixels) {
  for (float& away : field) away = std::abs(away) - pixels / kSide;
}

// Gaps in a lattice, so that no direction of a contour lies all in one.
void dash(Random& random, Field& field) {
  const float period = 9.F / kSide, x0 = random.unit(), y0 = random.unit();
  outline(field, 2.4F);
  for (int row = 0; row < kFine; ++row) {
    for (int column = 0; column < kFine; ++column) {
      const float u = static_cast<float>(column) / kFine / period + x0, v = static_cast<float>(row) / kFine / period + y0;
      float& away = field[static_cast<size_t>(row * kFine + column)];
      away = std::max(away, 0.1F * (-0.35F - sine(u) * sine(v)));
    }
  }
}

// Two wobbling lines near the contour, as by hand.
void sketch(Random& random, Field& field) {
  Surface wobble;
  wobble.texture = Texture::kMottled;
  wobble.frequency = 5;
  const Field even = field;
  field.fill(1e3F);
  for (int line = 0; line < 2; ++line) {
    wobble.phase = random.unit();
    wobble.turn = random.unit();
    for (int row = 0; row < kFine; ++row) {
      for (int column = 0; column < kFine; ++column) {
        const auto k = static_cast<size_t>(row * kFine + column);
        const float x = 2.F * static_cast<float>(column) / kFine - 1, y = 2.F * static_cast<float>(row) / kFine - 1;
        const float away = even[k] + 0.22F * (wobble.mixture(x, y, 0) - 0.5F);
        field[k] = std::min(field[k], std::abs(away) - 0.85F / kSide);
      }
    }
  }
}

void apply(Stroke stroke, Random& random, Field& field) {
  if (stroke == Stroke::kOutlined) outline(field, 2.2F);
  if (stroke == Stroke::kDashed) dash(random, field);
  if (stroke == Stroke::kSketched) sketch(random, field);
}

Style style_of(const Thing& thing, const ThingOptions& o, Random& random) {
  Style style;
  style.background = ground_surface(thing.ground, random);
  style.figure = figure_surface(thing, random);
  if (random.chance(static_cast<float>(o.clutter))) {
    const int behind = 1 + random.below(3), in_front = random.below(2);
    for (int k = 0; k < behind; ++k) style.behind.push_back(Speck::drawn(random, false, true));
    for (int k = 0; k < in_front; ++k) style.in_front.push_back(Speck::drawn(random, false, true));
  }
  style.light = random.chance(0.5F) ? 0 : 0.1F * random.bell();
  style.light_turn = random.unit();
  style.blur = random.chance(static_cast<float>(o.noise)) ? random.between(0, 0.2F) : 0;
  style.noise = random.chance(static_cast<float>(o.noise)) ? random.between(0, 0.06F) : 0;
  return style;
}

}  // namespace

const char* thing_colour_name(int colour) { return name_of_colour(kGreys + colour); }

const char* ground_name(int ground) {
  constexpr std::array kPlain{"black", "white", "grey"};
  if (ground >= kGreyGrounds) return thing_colour_name(ground - kGreyGrounds);
  if (ground >= kPlainGrounds) return name_of(kGreyTextures[static_cast<size_t>(ground - kPlainGrounds)]);
  return kPlain[static_cast<size_t>(ground)];
}

const char* name_of(Stroke stroke) {
  constexpr std::array kNames{"filled", "outlined", "dashed", "sketched"};
  return kNames[static_cast<size_t>(stroke)];
}

bool held_out(int colour, int figure) { return (colour + figure) % 6 == 0; }

ThingPainter::ThingPainter(const ThingOptions& options) : options_(options), figures_(std::make_unique<const Figures>(named_figures())) {}
ThingPainter::~ThingPainter() = default;

float ThingPainter::draw(const Thing& thing, Random& random, Image& image) const {
  const auto shape = figures_->shape(thing.figure).varied(random, static_cast<float>(options_.variation));
  const auto poses = formula::poses(random, static_cast<float>(options_.pose), thing.count);
  Field field;
  place(*figures_, thing.figure, *shape, poses, field);
  image.mask = mask_of(field, 2.F / kFine);
  image.attributes.texture = thing.texture;
  image.attributes.colour = thing_colour_name(thing.colour);
  image.attributes.background = ground_name(thing.ground);
  image.attributes.count = thing.count;
  apply(thing.stroke, random, field);
  const Style style = style_of(thing, options_, random);
  paint(style, field, random, image);
  return (poses.front().width + poses.front().height) / 2;
}

}  // namespace clb::formula
