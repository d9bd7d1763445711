// One image of a class: its figure in some pose, its style; and the numbers that say what was drawn.
#include "arithmetic.hpp"
#include "figures.hpp"
#include "pose.hpp"
#include "style.hpp"

namespace clb::formula {
namespace {

constexpr uint64_t kPainterStream = 2;

void set_targets(const Style& style, const Pose& pose, Image& image) {
  size_t k = 0;
  const auto add = [&](float value) { image.numbers[k++] = value; };
  const auto add_colour = [&](const Colour& colour) {
    for (const float value : colour.rgb) add(2 * value - 1);
  };
  const Surface& s = style.figure;
  add(2 * pose.x);
  add(2 * pose.y);
  add(3 * (pose.width - 0.75F));
  add(3 * (pose.height - 0.75F));
  add(6 * pose.slant);
  add(15 * pose.turn);
  add(static_cast<float>(image.attributes.count - 1));
  add_colour(s.first);
  add_colour(s.second);
  add_colour(style.background.first);
  add(s.frequency / 4 - 1);
  add(cosine(2 * s.turn));
  add(sine(2 * s.turn));
  add(s.texture == Texture::kPlain ? -1 : 2 * s.contrast - 1);
  add(8 * style.blur - 1);
  for (int texture = 0; texture < kTextures; ++texture) add(static_cast<int>(s.texture) == texture ? 1.F : 0.F);
}

}  // namespace

const char* name_of(Family family) {
  constexpr std::array kNames{"symmetric", "asymmetric", "radial", "polygon", "composite", "julia"};
  return kNames[static_cast<size_t>(family)];
}

const char* name_of(Texture texture) {
  constexpr std::array kNames{"plain", "shaded", "striped", "checked", "dotted", "mottled", "rimmed"};
  return kNames[static_cast<size_t>(texture)];
}

Painter::Painter(const ImageOptions& options)
    : options_(options), figures_(std::make_unique<const Figures>(options.seed, options.classes)) {}
Painter::~Painter() = default;

void Painter::draw(int64_t index, Image& image) const {
  Random random(static_cast<uint64_t>(options_.seed), kPainterStream, static_cast<uint64_t>(index));
  image.label = random.below(static_cast<int>(options_.classes));
  const int count = random.chance(static_cast<float>(options_.several)) ? 2 + random.below(2) : 1;
  const auto shape = figures_->shape(image.label).varied(random, static_cast<float>(options_.variation));
  const auto poses = formula::poses(random, static_cast<float>(options_.pose), count);
  const Style style = Style::drawn(random, options_);
  Field field;
  place(*figures_, image.label, *shape, poses, field);
  image.mask = mask_of(field, 2.F / kFine);
  image.attributes = {.family = figures_->family(image.label),
                      .texture = style.figure.texture,
                      .colour = name_of_colour(style.figure.first.name),
                      .background = name_of_colour(style.background.first.name),
                      .count = count};
  paint(style, field, random, image);
  set_targets(style, poses.front(), image);
}

std::array<float, kMask> Painter::figure(int64_t label) const { return figures_->mask(label); }
Family Painter::family(int64_t label) const { return figures_->family(label); }

}  // namespace clb::formula
