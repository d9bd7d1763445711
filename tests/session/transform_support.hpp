// What the transform tests share: images as tensors, and a recipe applied to them by either implementation.
#pragma once

#include <clb/data/transform.hpp>
#include <string>
#include <vector>

namespace clb::data {

enum class Path { kKernels, kBatched };
inline constexpr Path kPaths[] = {Path::kKernels, Path::kBatched};
inline const char* name_of(Path path) { return path == Path::kKernels ? "kernels" : "batched"; }

inline ImageView view(const torch::Tensor& image) {  // [h, w, c] uint8
  return {image.const_data_ptr<uint8_t>(), image.size(0), image.size(1), image.size(2)};
}

// [n, 3, H, W] of a batch.
inline torch::Tensor apply(const base::TransformRecipe& recipe, const std::vector<torch::Tensor>& images,
                           const std::vector<SampleParams>& params, Path path, torch::ScalarType dtype = torch::kFloat32) {
  const Transform transform(recipe);
  std::vector<ImageView> views;
  for (const auto& image : images) views.push_back(view(image));
  const auto [h, w] = transform.output_size(views[0].height, views[0].width);
  torch::Tensor out = torch::full({static_cast<int64_t>(views.size()), 3, h, w}, 777, dtype);
  path == Path::kKernels ? transform.apply(views, params, out) : transform.apply_batched(views, params, out);
  return out;
}

inline torch::Tensor apply(const base::TransformRecipe& recipe, const torch::Tensor& image, Path path, const SampleParams& params = {}) {
  return apply(recipe, std::vector{image}, {params}, path)[0];
}

// An 8-bit image [h, w, 3] as the values in [0, 1] that a recipe without normalisation gives, [3, h, w].
inline torch::Tensor as_values(const torch::Tensor& image) {
  return image.permute({2, 0, 1}).to(torch::kFloat32) / torch::full({1}, 255.0F);
}

inline torch::Tensor noise(int64_t h, int64_t w, int64_t channels = 3) { return torch::randint(256, {h, w, channels}, torch::kUInt8); }

}  // namespace clb::data
