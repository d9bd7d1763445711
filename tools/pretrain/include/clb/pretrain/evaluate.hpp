// What a pair of towers makes of images and names that it has not seen.
#pragma once

#include <clb/pretrain/recipe.hpp>
#include <filesystem>
#include <optional>

namespace clb::pretrain {

// Shares of images that are right.
struct ClipReport {
  // Classes are pairs of colour and figure, their images those of the data set `formula`: among the names of pairs of the same kind, and
  // among all pairs.
  struct Names {
    double among_kind = 0, among_all = 0;
    int64_t images = 0;
  };
  Names seen;                   // pairs that the training draws
  std::optional<Names> unseen;  // pairs that it never draws
  // Among 100 images as the training draws them (of indices beyond it) and a full sentence for each: whose own comes first.
  double image_to_text = 0, text_to_image = 0;
  int64_t retrieved = 0;
};

struct EvaluateOptions {
  int64_t images = 10;     // of each pair
  int64_t groups = 10;     // of 100, for retrieval
  bool seen_only = false;  // for choices between recipes: these must not be made by the pairs that are held out
  int threads = 2;
};

// The weights that train() wrote for this recipe, or any CLIP with the recipe's tokeniser and images of 32 x 32 pixels.
ClipReport evaluate(const Recipe& recipe, const std::filesystem::path& weights, const EvaluateOptions& options);

}  // namespace clb::pretrain
