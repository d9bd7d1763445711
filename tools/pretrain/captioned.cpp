#include "captioned.hpp"

#include <algorithm>
#include <clb/base/file.hpp>
#include <clb/base/json.hpp>

namespace clb::pretrain {
namespace {

constexpr uint64_t kSceneStream = 5;

formula::ThingOptions thing_options(const formula::ImageOptions& o) {
  return {.variation = o.variation, .pose = o.pose, .clutter = o.clutter, .noise = o.noise};
}

}  // namespace

text::ClipTokens tokens_of(const TextRecipe& recipe) {
  const base::MappedFile file(recipe.vocabulary);
  return {file.bytes(), recipe.vocabulary.string()};
}

CaptionedImages::CaptionedImages(const Recipe& recipe)
    : seed_(recipe.seed),
      context_(recipe.text->context),
      scenes_{.plain = recipe.images.plain, .several = recipe.images.several, .held_out = false},
      painter_(thing_options(recipe.images)),
      tokens_(tokens_of(*recipe.text)) {}

formula::Scene CaptionedImages::draw(int64_t index, formula::Image& image, formula::Sentence* sentence) const {
  formula::Random random(static_cast<uint64_t>(seed_), kSceneStream, static_cast<uint64_t>(index));
  formula::Scene scene{.thing = formula::drawn_thing(random, scenes_), .size = 0};
  scene.size = painter_.draw(scene.thing, random, image);
  if (sentence != nullptr) *sentence = formula::sentence(scene, random);
  return scene;
}

Captioned CaptionedImages::batch(int64_t first, int64_t size) const {
  Captioned batch{.first = first, .pixels = {}, .ids = {}, .length = 0, .truth = {}};
  std::vector<formula::Scene> scenes;
  std::vector<formula::Sentence> sentences(static_cast<size_t>(size));
  std::vector<std::vector<int64_t>> rows;
  formula::Image image;
  for (int64_t k = 0; k < size; ++k) {
    formula::Sentence& sentence = sentences[static_cast<size_t>(k)];
    scenes.push_back(draw(first + k, image, &sentence));
    batch.pixels.insert(batch.pixels.end(), image.pixels.begin(), image.pixels.end());
    rows.push_back(tokens_.row(sentence.text, context_));
    batch.length = std::max<int64_t>(batch.length, std::ranges::max_element(rows.back()) - rows.back().begin() + 1);
  }
  for (const auto& row : rows) batch.ids.insert(batch.ids.end(), row.begin(), row.begin() + batch.length);
  for (const formula::Scene& scene : scenes)
    for (const formula::Sentence& sentence : sentences) batch.truth.push_back(sentence.claim.holds(scene) ? 1.F : 0.F);
  return batch;
}

std::string captions(const CaptionedImages& images, int64_t first, int64_t count) {
  std::string lines;
  formula::Image image;
  formula::Sentence sentence;
  for (int64_t index = first; index < first + count; ++index) {
    const formula::Scene scene = images.draw(index, image, &sentence);
    const base::Json line{{"index", index},
                          {"figure", formula::figure_name(scene.thing.figure)},
                          {"colour", formula::thing_colour_name(scene.thing.colour)},
                          {"texture", formula::name_of(scene.thing.texture)},
                          {"background", formula::ground_name(scene.thing.ground)},
                          {"stroke", formula::name_of(scene.thing.stroke)},
                          {"count", scene.thing.count},
                          {"caption", sentence.text},
                          {"full", formula::full_sentence(scene)}};
    lines += base::canonical(line) + "\n";
  }
  return lines;
}

}  // namespace clb::pretrain
