// Applies a transform recipe to decoded images: resize, random (resized) crop, centre crop, flip, colour jitter, to float, normalise.
//
// Two implementations with equal results for resampler "pil", bit for bit: kernels for the processor, one sample after another on the
// calling thread, and batched tensor operations for a device.
#pragma once

#include <torch/types.h>

#include <array>
#include <clb/base/recipe.hpp>
#include <clb/data/transform_params.hpp>
#include <memory>
#include <span>
#include <utility>

namespace clb::data {

struct ImageView {
  const uint8_t* pixels = nullptr;  // [height, width, channels] without gaps
  int64_t height = 0, width = 0;
  int64_t channels = 3;  // 1 (grey, becomes three equal channels) or 3 (RGB)
};

class Transform {
 public:
  // base::Error when the recipe's steps do not fit together.
  explicit Transform(const base::TransformRecipe& recipe);
  ~Transform();
  Transform(Transform&&) noexcept;
  Transform& operator=(Transform&&) noexcept;

  const base::TransformRecipe& recipe() const;

  // Height and width of the result for an h x w image.
  std::pair<int64_t, int64_t> output_size(int64_t h, int64_t w) const;

  // Fills out [n, 3, H, W], float32 or bfloat16, contiguous, with the transformed images; images[i] may differ in size and each has its own
  // params[i], but all results must have the size H x W (else base::Error). out on the CPU: everything happens on the calling thread. Else:
  // on out's device, in the calling thread's current stream. [any]
  void apply(std::span<const ImageView> images, std::span<const SampleParams> params, torch::Tensor& out) const;

  // The batched implementation, whatever device `out` is on.
  void apply_batched(std::span<const ImageView> images, std::span<const SampleParams> params, torch::Tensor& out) const;

 private:
  struct Impl;
  std::unique_ptr<const Impl> impl_;
};

}  // namespace clb::data
