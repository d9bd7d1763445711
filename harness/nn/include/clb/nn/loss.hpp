// Losses that several methods share.
#pragma once

#include <torch/nn/functional/loss.h>
#include <torch/types.h>

#include <vector>

namespace clb::nn {

// Logits [n, c] with -inf in the columns that are not among `labels`: cross-entropy and its gradient then see these classes alone, and the
// other rows of a head get a gradient of exactly zero. Not for label smoothing, which would multiply -inf by its share.
torch::Tensor mask_to(const std::vector<int64_t>& labels, const torch::Tensor& logits);

// Mean over the rows of -sum_c targets log softmax(logits).
torch::Tensor soft_cross_entropy(const torch::Tensor& logits, const torch::Tensor& targets);

// Rows of one kind against rows of another, logits [n, n], both ways: the mean of the cross-entropy over the columns and of that over the
// rows. answers [n, n]: 1 where two belong together; of several answers each has the same share of the target, as in UniCL (Yang et al.,
// CVPR 2022). The loss of CLIP (Radford et al., ICML 2021) has one: torch::eye(n).
torch::Tensor paired_cross_entropy(const torch::Tensor& logits, const torch::Tensor& answers);

// Every row should resemble itself most: cross-entropy of the products of all rows, which are not normalised. stored [k, d], of old
// classes, or undefined; features [n, d]. HiDe-Prompt, Wang et al., NeurIPS 2023.
torch::Tensor contrastive_loss(const torch::Tensor& stored, const torch::Tensor& features, double temperature);

}  // namespace clb::nn
