// The geometry of a transform: what is drawn for one sample, and which pixels of the source each output pixel is made of.
#pragma once

#include <ATen/core/Generator.h>

#include <array>
#include <clb/base/recipe.hpp>
#include <clb/data/resample.hpp>
#include <cstdint>
#include <utility>
#include <vector>

namespace clb::data {

struct Box {
  int64_t top = 0, left = 0, height = 0, width = 0;
  bool operator==(const Box&) const = default;
};

// The random choices of one sample. The default is what a recipe without random steps uses.
struct SampleParams {
  Box crop{};                                       // of random_crop or random_resized_crop, in the resized image
  bool flip = false;                                // horizontal
  std::array<int64_t, 4> jitter_order{0, 1, 2, 3};  // 0 brightness, 1 contrast, 2 saturation, 3 hue, in the order of application
  std::array<double, 3> jitter_factor{1, 1, 1};     // of brightness, contrast, saturation; 1 changes nothing
};

// Draws for an image of h x w pixels, in the order and with the arithmetic of torchvision (RandomResizedCrop or RandomCrop, then
// RandomHorizontalFlip, then ColorJitter); steps that are off draw nothing. base::Error when a random crop is larger than the image.
SampleParams draw(const base::TransformRecipe& recipe, int64_t h, int64_t w, at::Generator& generator);

// Height and width after the resize step.
std::pair<int64_t, int64_t> resized(const base::TransformRecipe& recipe, int64_t h, int64_t w);

// Offset of a centred part of n out of size samples; negative (padding) when n is larger.
int64_t center_offset(int64_t size, int64_t n);

// One resampling step: how its rows and its columns come about. Crops, padding and flips are folded in.
struct Stage {
  AxisSpec rows, columns;
};

// The one or two stages that make the output of an h x w image.
std::vector<Stage> stages(const base::TransformRecipe& recipe, int64_t h, int64_t w, const SampleParams& params);

}  // namespace clb::data
