// The ViT that is pre-trained, and the heads that give it something to learn; these are thrown away afterwards.
#pragma once

#include <clb/nn/linear.hpp>
#include <clb/nn/vit.hpp>
#include <clb/pretrain/recipe.hpp>

namespace clb::pretrain {

// What a slice of images is and should give; on the network's device.
struct Slice {
  torch::Tensor images;   // [n, 3, 32, 32] float32, mean and deviation 0.5 taken out
  torch::Tensor kept;     // [n, k] tokens that are computed, 0 (the class token) first; undefined: all
  torch::Tensor classes;  // [n, classes] shares, rows sum to 1
  torch::Tensor masks;    // [n, 256]
  torch::Tensor numbers;  // [n, kAttributes]
};

// Sums over a slice, scalars; total is weighted.
struct Losses {
  torch::Tensor total, classes, mask, numbers, thumbnail, right;  // right: images whose class comes first; counts
};

class Network final : public nn::Module {
 public:
  explicit Network(const Recipe& recipe);

  // A copy whose tensors of the ViT are of this type and all leaves of a graph of their own.
  Network leaves(torch::ScalarType type) const;

  Losses losses(const Slice& slice) const;

  const nn::Vit& vit() const { return vit_; }
  nn::Vit& vit() { return vit_; }

 private:
  void parts(nn::Parts& p) override;                                // "vit.<timm name>" and "head.<name>", heads that have a loss
  torch::Tensor features(const Slice& slice) const;                 // [n, d] float32
  torch::Tensor class_logits(const torch::Tensor& features) const;  // [n, classes]

  LossRecipe loss_;
  nn::Vit vit_;
  nn::Linear classes_, mask_, numbers_, thumbnail_;
};

// Fixed positions in two dimensions (Chen, Xie, He, ICCV 2021, as in MAE and "Better plain ViT baselines"), times `scale`; the class
// token's row is zero. [1, 1 + grid * grid, dim]
torch::Tensor sine_cosine_positions(int64_t grid, int64_t dim, double scale);

// The generator of an initial tensor of this name.
torch::Generator generator_of(int64_t seed, const std::string& name);

}  // namespace clb::pretrain
