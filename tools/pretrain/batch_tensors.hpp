// A batch of formula images as the network takes it: mixed, with the patches chosen that are computed.
#pragma once

#include <clb/formula/batches.hpp>

#include "network.hpp"

namespace clb::pretrain {

// All of it depends on the recipe, the images' indices and the number of the update alone.
Slice tensors_of(const Recipe& recipe, const formula::Batch& batch, int64_t update);

// For each image its own random choice of patches, as token numbers: [n, 1 + k].
torch::Tensor kept_tokens(const Recipe& recipe, int64_t first, int64_t n);
bool drops_patches(const Recipe& recipe, int64_t update);

// Rows first to first + n - 1 of all tensors.
Slice rows_of(const Slice& slice, int64_t first, int64_t n);

Slice moved(const Slice& slice, torch::Device device);

}  // namespace clb::pretrain
