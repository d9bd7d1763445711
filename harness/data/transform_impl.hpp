// What both implementations of Transform share.
#pragma once

#include <string>
#include <vector>

#include "clb/data/transform.hpp"

namespace clb::data {

struct Transform::Impl {
  base::TransformRecipe recipe;
  Filter filter;
  bool pil;                                          // else float
  std::array<std::array<float, 256>, 3> table;       // normalised value of each byte, per channel
  std::array<std::array<uint16_t, 256>, 3> table16;  // the same as bfloat16
  mutable AxisCache<int32_t> pil_axes;
  mutable AxisCache<float> float_axes;

  std::shared_ptr<const PilAxis> pil_table(const AxisSpec& spec) const {
    return pil_axes.get(spec, [this](const AxisSpec& s) { return pil_axis(s, filter); });
  }
  std::shared_ptr<const FloatAxis> float_table(const AxisSpec& spec) const {
    return float_axes.get(spec, [this](const AxisSpec& s) { return float_axis(s, filter, recipe.antialias); });
  }
  std::pair<int64_t, int64_t> output_size(int64_t h, int64_t w) const;
  void check_batch(std::span<const ImageView> images, std::span<const SampleParams> params, const torch::Tensor& out) const;
  bool jitters() const { return recipe.jitter != std::array<double, 4>{}; }
};

}  // namespace clb::data
