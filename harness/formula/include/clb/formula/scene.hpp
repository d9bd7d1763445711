// Things drawn at random, and sentences about them: what networks for images and texts are trained on.
#pragma once

#include <clb/formula/thing.hpp>
#include <optional>

namespace clb::formula {

// A thing as it was drawn.
struct Scene {
  Thing thing;
  float size = 0;  // that ThingPainter::draw returned
};

struct SceneOptions {
  double plain = 0.5;     // share of things without a texture
  double several = 0.2;   // of two or three of a kind
  bool held_out = false;  // pairs of colour and figure that are held out, and no others; else all others
};
Thing drawn_thing(Random& random, const SceneOptions& options);

enum class SizeWord { kSmall, kLarge };

// What a sentence says of a scene; what is left out may be anything.
struct Claim {
  std::optional<int> colour = {}, figure = {}, ground = {};
  std::optional<Texture> texture = {};
  std::optional<Stroke> stroke = {};
  std::optional<SizeWord> size = {};
  bool plain_ground = false;  // without a texture
  int count = 1;

  bool holds(const Scene& scene) const;
};

// "two small red stars on a striped background": true of the scene, with words left out and forms chosen at random. The forms "a {}.", "a
// picture of a {}." and the like of classes' names are among them.
struct Sentence {
  std::string text;
  Claim claim;
};
Sentence sentence(const Scene& scene, Random& random);

// Sentences with "{}" where the name of a class belongs ("red star").
std::vector<std::string> name_templates();

// All that can be said, always in one form.
std::string full_sentence(const Scene& scene);

}  // namespace clb::formula
