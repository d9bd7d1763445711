#include "clb/data/transform_params.hpp"

#include <ATen/ops/empty.h>
#include <ATen/ops/randint.h>
#include <ATen/ops/randperm.h>

#include <clb/base/error.hpp>
#include <cmath>
#include <string>

namespace clb::data {
namespace {

// A float32 uniform, read as double: what torch.empty(1).uniform_(low, high).item() gives.
double uniform(double low, double high, at::Generator& generator) { return at::empty({1}).uniform_(low, high, generator).item<float>(); }
int64_t integer(int64_t end, at::Generator& generator) { return at::randint(end, {1}, generator, at::kLong).item<int64_t>(); }

// Python's round: half to even, which is the default rounding mode.
int64_t round_even(double x) { return static_cast<int64_t>(std::nearbyint(x)); }

// The largest centred box whose aspect ratio is clamped.
Box fallback_box(const base::TransformRecipe& recipe, int64_t h, int64_t w) {
  const double ratio = static_cast<double>(w) / static_cast<double>(h);
  Box box{0, 0, h, w};
  if (ratio < recipe.ratio[0]) {
    box.height = round_even(static_cast<double>(w) / recipe.ratio[0]);
  } else if (ratio > recipe.ratio[1]) {
    box.width = round_even(static_cast<double>(h) * recipe.ratio[1]);
  }
  box.top = (h - box.height) / 2;
  box.left = (w - box.width) / 2;
  return box;
}

Box resized_crop_box(const base::TransformRecipe& recipe, int64_t h, int64_t w, at::Generator& generator) {
  const double low = std::log(static_cast<float>(recipe.ratio[0])), high = std::log(static_cast<float>(recipe.ratio[1]));
  for (int attempt = 0; attempt < 10; ++attempt) {
    const double area = static_cast<double>(h * w) * uniform(recipe.scale[0], recipe.scale[1], generator);
    const double ratio = at::empty({1}).uniform_(low, high, generator).exp_().item<float>();
    const int64_t width = round_even(std::sqrt(area * ratio)), height = round_even(std::sqrt(area / ratio));
    if (width <= 0 || width > w || height <= 0 || height > h) continue;
    const int64_t top = integer(h - height + 1, generator);
    return {top, integer(w - width + 1, generator), height, width};
  }
  return fallback_box(recipe, h, w);
}

Box crop_box(base::ImageSize crop, int64_t h, int64_t w, at::Generator& generator) {
  const auto [height, width] = std::pair{crop.height, crop.width};
  if (h < height || w < width) {
    throw base::Error("a random crop of " + (crop.square() ? "" : std::to_string(height) + " x ") + std::to_string(width) +
                      " pixels does not fit into an image of " + std::to_string(h) + " x " + std::to_string(w) +
                      "; put a resize before it");
  }
  if (h == height && w == width) return {0, 0, height, width};
  const int64_t top = integer(h - height + 1, generator);
  return {top, integer(w - width + 1, generator), height, width};
}

void draw_jitter(const base::TransformRecipe& recipe, at::Generator& generator, SampleParams& params) {
  const at::Tensor order = at::randperm(4, generator, at::kLong);
  for (int i = 0; i < 4; ++i) params.jitter_order[i] = order[i].item<int64_t>();
  for (int i = 0; i < 3; ++i) {
    const double strength = recipe.jitter[i];
    if (strength > 0) params.jitter_factor[i] = uniform(std::max(0.0, 1 - strength), 1 + strength, generator);
  }
}

// One axis of a step without resampling, or of a resize, of which only a window is wanted.
AxisSpec axis(int64_t begin, int64_t length, int64_t out, int64_t window_begin, int64_t window) {
  return {.begin = begin, .length = length, .out = out, .window_begin = window_begin, .window = window};
}

}  // namespace

SampleParams draw(const base::TransformRecipe& recipe, int64_t h, int64_t w, at::Generator& generator) {
  SampleParams params;
  const auto [height, width] = resized(recipe, h, w);
  if (recipe.random_resized_crop) {
    params.crop = resized_crop_box(recipe, height, width, generator);
  } else if (recipe.random_crop) {
    params.crop = crop_box(recipe.crop_size(), height, width, generator);
  }
  if (recipe.flip > 0) params.flip = uniform(0, 1, generator) < recipe.flip;
  if (recipe.jitter != std::array<double, 4>{}) draw_jitter(recipe, generator, params);
  return params;
}

std::pair<int64_t, int64_t> resized(const base::TransformRecipe& recipe, int64_t h, int64_t w) {
  if (recipe.resize == 0) return {h, w};
  if (recipe.resize_square) return {recipe.resize, recipe.resize_width ? recipe.resize_width : recipe.resize};
  const auto longer = [&](int64_t long_side, int64_t short_side) {
    return static_cast<int64_t>(static_cast<double>(recipe.resize * long_side) / static_cast<double>(short_side));
  };
  return h <= w ? std::pair{recipe.resize, longer(w, h)} : std::pair{longer(h, w), recipe.resize};
}

int64_t center_offset(int64_t size, int64_t n) {
  if (n > size) return -((n - size) / 2);
  return round_even(static_cast<double>(size - n) / 2.0);
}

std::vector<Stage> stages(const base::TransformRecipe& recipe, int64_t h, int64_t w, const SampleParams& params) {
  const auto [height, width] = resized(recipe, h, w);
  const Box& crop = params.crop;
  const base::ImageSize out = recipe.crop_size();
  std::vector<Stage> steps;
  if (recipe.random_resized_crop) {
    int64_t top = crop.top, left = crop.left;
    if (recipe.resize) {
      steps.push_back({axis(0, h, height, crop.top, crop.height), axis(0, w, width, crop.left, crop.width)});
      top = left = 0;
    }
    steps.push_back({axis(top, crop.height, out.height, 0, out.height), axis(left, crop.width, out.width, 0, out.width)});
  } else {
    steps.push_back({axis(0, h, height, 0, height), axis(0, w, width, 0, width)});
    if (recipe.random_crop) {
      steps[0].rows.window_begin = crop.top;
      steps[0].columns.window_begin = crop.left;
      steps[0].rows.window = out.height;
      steps[0].columns.window = out.width;
    }
  }
  Stage& last = steps.back();
  if (recipe.center_crop) {
    for (const auto& [spec, size] : {std::pair{&last.rows, out.height}, std::pair{&last.columns, out.width}}) {
      spec->window_begin += center_offset(spec->window, size);
      spec->window = size;
    }
  }
  last.columns.reversed = params.flip;
  return steps;
}

}  // namespace clb::data
