// Images of things with a sentence for each, as tokens: what a batch of image-text training is.
#pragma once

#include <clb/formula/scene.hpp>
#include <clb/pretrain/recipe.hpp>
#include <clb/text/clip_tokens.hpp>
#include <vector>

namespace clb::pretrain {

struct Captioned {
  int64_t first = 0;            // index of its first image
  std::vector<uint8_t> pixels;  // [n, 3, 32, 32]
  std::vector<int64_t> ids;     // [n, length], 0 behind the end token
  int64_t length = 0;           // of the longest sentence
  std::vector<float> truth;     // [n, n]: 1 where sentence j is true of image i
};

text::ClipTokens tokens_of(const TextRecipe& recipe);

// Draws scenes and what is said of them; a pure function of the recipe and the index. Const members may be called on several threads.
class CaptionedImages {
 public:
  explicit CaptionedImages(const Recipe& recipe);

  Captioned batch(int64_t first, int64_t size) const;

  // One of them; without a sentence the image of an index is the same.
  formula::Scene draw(int64_t index, formula::Image& image, formula::Sentence* sentence = nullptr) const;

 private:
  int64_t seed_, context_;
  formula::SceneOptions scenes_;
  formula::ThingPainter painter_;
  text::ClipTokens tokens_;
};

// As formula::captions: one JSON object a line, with what is drawn, a sentence as the training may use it and the full one.
std::string captions(const CaptionedImages& images, int64_t first, int64_t count);

}  // namespace clb::pretrain
