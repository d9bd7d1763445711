// Image batches of one view: read from the sample store, decode, transform, move to the device. Pure functions of (samples, keys): any
// thread, any order.
#pragma once

#include <torch/types.h>
#include <torch/utils.h>

#include <clb/base/recipe.hpp>
#include <clb/base/run_spec.hpp>
#include <clb/data/samples.hpp>
#include <clb/data/transform.hpp>
#include <mutex>
#include <span>
#include <vector>

namespace clb::data {

inline bool has_images(const base::RunSpec& run) { return run.dataset.modality == "images"; }  // else: feature vectors
void require_images(const base::RunSpec& run);  // PluginError CLB_E_UNSUPPORTED when there are none

struct ImageRequest {
  Split split;
  int64_t index;
  uint64_t key;  // seeds the draws of a random transform
};

class Images {
 public:
  Images(Samples& store, const base::TransformRecipe& recipe, torch::Device device, torch::ScalarType dtype);

  torch::Tensor batch(std::span<const ImageRequest> requests) const;  // [n, 3, H, W] of dtype on the device; [any]
  base::ImageSize size() const { return recipe_.output_size(); }      // 0: not fixed

 private:
  static constexpr size_t kPooled = 8;
  torch::Tensor buffer(at::IntArrayRef shape) const;

  Samples& store_;
  base::TransformRecipe recipe_;
  Transform transform_;
  torch::Device device_;
  torch::ScalarType dtype_;
  mutable std::mutex pool_mutex_;
  mutable std::vector<torch::Tensor> pool_;
};

}  // namespace clb::data
