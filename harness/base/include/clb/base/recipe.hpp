// An image transform as data: what a recipe file (share/recipes/*.toml) says, resolved for one dataset and one view.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include <clb/base/image_size.hpp>
#include <clb/base/json.hpp>

namespace clb::base {

// Steps in the order in which they run. A step that is off has the value given here.
struct TransformRecipe {
  std::string name;                       // "deit-224"; the table's name is not part of it
  std::string resampler = "pil";          // pil: Pillow's 8-bit algorithm | float: float32, see antialias
  bool antialias = true;                  // of the float resampler
  std::string interpolation = "bicubic";  // bicubic | bilinear; of every resampling step

  int64_t resize = 0;                      // shorter side becomes this, longer side int(resize * long / short); 0: off
  bool resize_square = false;              // resize both sides to `resize`, aspect ratio not kept
  int64_t resize_width = 0;                // of resize_square: the width where it is another than the height; 0: a square
  int64_t center_crop = 0;                 // 0: off
  int64_t random_crop = 0;                 // side of a square crop at a uniform offset; 0: off
  int64_t random_resized_crop = 0;         // side of the output; 0: off
  int64_t crop_width = 0;                  // of whichever crop there is: the width where it is another than the height; 0: a square
  std::array<double, 2> scale{0.08, 1.0};  // area fraction of random_resized_crop
  std::array<double, 2> ratio{0.75, 4.0 / 3.0};
  double flip = 0;                 // probability of a horizontal flip
  std::array<double, 4> jitter{};  // brightness, contrast, saturation, hue (hue must be 0 here): factor in [max(0, 1-j), 1+j]
  std::array<double, 3> mean{0, 0, 0}, std{1, 1, 1};  // on values in [0, 1]

  bool random() const { return random_crop || random_resized_crop || flip > 0 || jitter != std::array<double, 4>{}; }
  ImageSize crop_size() const;  // of whichever crop there is; 0: none
  // Of the result: the crop's, else of `resize`, else 0 (as large as the image). `resize` that keeps the aspect ratio and no crop after it
  // gives a square for square images only; datasets of other images need a crop.
  ImageSize output_size() const;

  Json to_json() const;  // members but those at their neutral value (base/neutral.hpp); part of keys
  static TransformRecipe from_json(const Json& json, const std::string& where);  // strict: missing and unknown members are errors

  bool operator==(const TransformRecipe&) const = default;
};

}  // namespace clb::base
