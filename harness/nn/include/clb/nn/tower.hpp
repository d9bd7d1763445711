// A frozen network as the host sees it: images in, features of named kinds out. Whichever format its weights have, the host asks the same;
// a new format is an entry of the table in tower.cpp and one of clb/base/network_format.hpp.
#pragma once

#include <clb/nn/image_size.hpp>
#include <clb/nn/injection.hpp>
#include <clb/nn/weights.hpp>
#include <memory>
#include <optional>

namespace clb::nn {

struct TowerOptions {
  std::string format = "timm_vit";                   // timm_vit, openclip, openai_clip, ...
  int64_t heads = 0, text_heads = 0;                 // 0: width / 64
  ImageSize image = 0;                               // of the images to come; 0: what the weights were made for
  bool pos_antialias = true;                         // see interpolate_positions
  std::optional<torch::ScalarType> text_computed{};  // see ClipText::compute_in; an image tower computes in the type of its images
};

class Tower {
 public:
  virtual ~Tower() = default;

  virtual BlocksShape shape() const = 0;  // of the blocks that an image passes

  // The features of images [n, channels, height, width] of the tower's device and type: [n, width]. "cls": the class token after the final
  // norm; "image" of a CLIP: that projected. an Error (invalid) names the kinds that there are.
  virtual torch::Tensor compute(const std::string& kind, const torch::Tensor& images) const = 0;

  // [n, k, d]: the class tokens that blocks first, first + 1, ... put out.
  virtual torch::Tensor cls_of_blocks(const torch::Tensor& images, int64_t first) const = 0;
};

// The text tower of a network that has one: token ids in, features out.
class TextTower {
 public:
  virtual ~TextTower() = default;
  virtual torch::Tensor compute(const torch::Tensor& ids) const = 0;  // [n, t] int64 -> [n, width], not normalised
};

// Errors are those of the format's own network. make_text_tower: an Error (invalid) where the format has none.
std::unique_ptr<Tower> make_tower(const TensorMap& tensors, const TowerOptions& options, const std::string& name, torch::Device device,
                                  torch::ScalarType dtype);
std::unique_ptr<TextTower> make_text_tower(const TensorMap& tensors, const TowerOptions& options, const std::string& name,
                                           torch::Device device, torch::ScalarType dtype);

}  // namespace clb::nn
