// Gradients that leave something alone: the directions that old tasks used (GPM, Saha et al., ICLR 2021, arXiv:2103.09762; InfLoRA), or the
// loss on a memory (A-GEM, Chaudhry et al., ICLR 2019, arXiv:1812.00420). For the place between backward and update
// (FitExtras::before_update).
#pragma once

#include <torch/types.h>

#include <vector>

namespace clb::nn {

// An orthonormal basis [d, k] float64 that holds at least `share` of the trace of `moment` [d, d] (sums or means of x x^T over a layer's
// inputs; input_recorder.hpp): `basis` [d, k0], which may be undefined, and as few of the principal directions outside it as that takes
// (GPM, eq. 9). share between 0 and 1. Throws Error (numeric) when the moment is not finite.
torch::Tensor extended_basis(const torch::Tensor& basis, const torch::Tensor& moment, double share);

// rows [..., d] less what of them lies in the span of the basis [d, k]: rows - (rows B) B^T, in their type. An undefined basis: rows.
torch::Tensor outside(const torch::Tensor& rows, const torch::Tensor& basis);

// The gradients of `tensors` and `reference` (the gradients of another loss, one for each tensor, undefined ones count as 0) as one vector
// each, g and r: where g r < 0, g becomes g - (g r / r r) r, which no longer raises the other loss. Returns whether it was changed.
bool project_from(const std::vector<torch::Tensor>& tensors, const std::vector<torch::Tensor>& reference);

}  // namespace clb::nn
