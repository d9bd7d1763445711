#include <clb/formula/scene.hpp>

namespace clb::formula {
namespace {

constexpr float kSmallBelow = 0.68F, kLargeAbove = 0.8F;

constexpr std::array kThingTextures{Texture::kStriped, Texture::kChecked, Texture::kDotted, Texture::kMottled, Texture::kShaded};

std::optional<SizeWord> size_word(const Scene& scene) {
  if (scene.thing.count > 1) return std::nullopt;  // the size of several is that of their group
  if (scene.size < kSmallBelow) return SizeWord::kSmall;
  if (scene.size > kLargeAbove) return SizeWord::kLarge;
  return std::nullopt;
}

bool has_plain_ground(const Thing& thing) { return thing.ground < kPlainGrounds || thing.ground >= kGreyGrounds; }

template <class T>
bool agrees(const std::optional<T>& said, const T& is) {
  return !said || *said == is;
}

Claim everything(const Scene& scene) {
  const Thing& t = scene.thing;
  return {.colour = t.colour,
          .figure = t.figure,
          .ground = t.ground,
          .texture = t.texture,
          .stroke = t.stroke,
          .size = size_word(scene),
          .plain_ground = false,
          .count = t.count};
}

// Words left out; colour or figure stay.
Claim some(const Scene& scene, Random& random) {
  Claim claim = everything(scene);
  const bool one_is_enough = random.chance(0.15F), colour_goes = random.chance(0.4F);
  if (one_is_enough) (colour_goes ? claim.colour : claim.figure).reset();
  const bool textured = scene.thing.texture != Texture::kPlain, line = scene.thing.stroke != Stroke::kFilled;
  if (!random.chance(textured ? 0.65F : 0.05F) || line) claim.texture.reset();
  if (!random.chance(line ? 0.6F : 0.03F)) claim.stroke.reset();
  if (!random.chance(0.4F)) claim.size.reset();
  if (!random.chance(0.45F)) claim.ground.reset();
  if (claim.ground && has_plain_ground(scene.thing) && random.chance(0.25F)) {
    claim.ground.reset();
    claim.plain_ground = true;
  }
  return claim;
}

std::string plural(const std::string& noun) {
  if (noun == "fish") return noun;
  return noun + (noun.ends_with("s") ? "es" : "s");
}

// "small sketched red striped star"
std::string noun_phrase(const Claim& c, bool texture_first, const char* small, const char* large) {
  std::string words;
  const auto add = [&](const std::string& word) { words += word + " "; };
  if (c.size) add(*c.size == SizeWord::kSmall ? small : large);
  if (c.stroke) add(name_of(*c.stroke));
  if (c.texture && texture_first) add(name_of(*c.texture));
  if (c.colour) add(thing_colour_name(*c.colour));
  if (c.texture && !texture_first) add(name_of(*c.texture));
  const std::string noun = c.figure ? figure_name(*c.figure) : "thing";
  return words + (c.count > 1 ? plural(noun) : noun);
}

bool begins_with_vowel(const std::string& words) { return std::string_view("aeiou").find(words[0]) != std::string_view::npos; }

std::string article(const std::string& words) { return begins_with_vowel(words) ? "an " : "a "; }

std::string counted(const std::string& words, int count) {
  return count == 1 ? article(words) + words : (count == 2 ? "two " : "three ") + words;
}

std::string ground_phrase(const Claim& c) {
  if (c.plain_ground) return " on a plain background";
  if (!c.ground) return "";
  const std::string name = ground_name(*c.ground);
  return " on " + article(name) + name + " background";
}

// Before and behind a phrase, as the templates of class names have it, too.
std::string framed(const std::string& phrase, Random& random) {
  constexpr std::array kBefore{"", "", "", "a picture of ", "a drawing of ", "an image of ", "a photo of ", "this is "};
  const std::string before = kBefore[static_cast<size_t>(random.below(static_cast<int>(kBefore.size())))];
  return before + phrase + (random.chance(0.6F) ? "." : "");
}

}  // namespace

Thing drawn_thing(Random& random, const SceneOptions& options) {
  Thing thing;
  do {
    thing.colour = random.below(kThingColours);
    thing.figure = random.below(kThingFigures);
  } while (held_out(thing.colour, thing.figure) != options.held_out);
  const float which = random.unit();
  do {
    thing.ground = which < 0.55F   ? random.below(kPlainGrounds)
                   : which < 0.75F ? kPlainGrounds + random.below(kGreyGrounds - kPlainGrounds)
                                   : kGreyGrounds + random.below(kThingColours);
  } while (thing.ground == kGreyGrounds + thing.colour);
  const bool textured = !random.chance(static_cast<float>(options.plain));
  const int texture = random.below(static_cast<int>(kThingTextures.size()));
  if (!textured && random.chance(0.3F)) thing.stroke = static_cast<Stroke>(1 + random.below(kStrokes - 1));
  if (textured) thing.texture = kThingTextures[static_cast<size_t>(texture)];
  if (random.chance(static_cast<float>(options.several))) thing.count = 2 + random.below(2);
  return thing;
}

bool Claim::holds(const Scene& scene) const {
  const Thing& t = scene.thing;
  return count == t.count && agrees(colour, t.colour) && agrees(figure, t.figure) && agrees(ground, t.ground) &&
         agrees(texture, t.texture) && agrees(stroke, t.stroke) && (!size || size == size_word(scene)) &&
         (!plain_ground || has_plain_ground(t));
}

Sentence sentence(const Scene& scene, Random& random) {
  const Claim claim = some(scene, random);
  const bool texture_first = random.chance(0.2F), other_word = random.chance(0.3F), bare = random.chance(0.15F);
  const std::string words = noun_phrase(claim, texture_first, other_word ? "little" : "small", other_word ? "big" : "large");
  if (bare) return {words + ground_phrase(claim), claim};
  // Templates put "a" before every name.
  const bool always_a = claim.count == 1 && random.chance(0.3F);
  return {framed((always_a ? "a " + words : counted(words, claim.count)) + ground_phrase(claim), random), claim};
}

std::vector<std::string> name_templates() {
  return {"a {}.", "a picture of a {}.", "a drawing of a {}.", "an image of a {}.", "a small {}.", "a {} on a plain background."};
}

std::string full_sentence(const Scene& scene) {
  Claim claim = everything(scene);
  if (claim.texture == Texture::kPlain) claim.texture.reset();
  if (claim.stroke == Stroke::kFilled) claim.stroke.reset();
  return counted(noun_phrase(claim, false, "small", "large"), claim.count) + ground_phrase(claim) + ".";
}

}  // namespace clb::formula
