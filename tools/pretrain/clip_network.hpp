// The two towers before training, on slices of a batch, and as a file holds them.
#pragma once

#include <clb/nn/clip.hpp>
#include <clb/pretrain/recipe.hpp>

namespace clb::pretrain {

// Drawn from the recipe's seed. `vocabulary`: how many ids the tokeniser has.
nn::Clip initial_clip(const Recipe& recipe, int64_t vocabulary);

// A copy whose tensors are of this type and all leaves of a graph of their own; the scale of logits stays float32.
nn::Clip leaves_of(const nn::Clip& clip, torch::ScalarType type);

// images [n, 3, 32, 32] float32; kept [n, k]: tokens that are computed, undefined: all. [n, features] float32, of length 1.
torch::Tensor image_features(const nn::ClipImage& tower, const torch::Tensor& images, const torch::Tensor& kept);
torch::Tensor text_features(const nn::ClipText& tower, const torch::Tensor& ids);  // ids [n, t]

// Under the names of OpenAI and OpenCLIP, in float32.
nn::TensorMap in_file(nn::Clip& clip);

}  // namespace clb::pretrain
