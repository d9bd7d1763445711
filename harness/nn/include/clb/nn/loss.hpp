// Losses that several methods share.
#pragma once

#include <torch/nn/functional/loss.h>
#include <torch/types.h>

#include <vector>

namespace clb::nn {

// Logits [n, c] with -inf in the columns that are not among `labels`: cross-entropy and its gradient then see these classes alone, and the
// other rows of a head get a gradient of exactly zero. Not for label smoothing, which would multiply -inf by its share.
torch::Tensor mask_to(const std::vector<int64_t>& labels, const torch::Tensor& logits);

}  // namespace clb::nn
