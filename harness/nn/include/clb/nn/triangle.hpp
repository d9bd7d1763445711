// Symmetric matrices as their upper triangles, row by row: half the memory, and half the bytes of a saved state.
#pragma once

#include <torch/types.h>

namespace clb::nn {

// [..., d, d] -> [..., d (d + 1) / 2]; what lies below the diagonal is not read.
torch::Tensor pack_triangle(const torch::Tensor& square);

// [..., d (d + 1) / 2] -> [..., d, d] with zeros below the diagonal. Throws Error (state) when the length does not belong to d.
torch::Tensor unpack_triangle(const torch::Tensor& packed, int64_t d);

// The symmetric matrices [..., d, d] whose upper triangles are those of `upper`.
torch::Tensor mirrored(const torch::Tensor& upper);

}  // namespace clb::nn
