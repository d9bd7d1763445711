// Small tensor helpers that several methods share.
#pragma once

#include <torch/types.h>

namespace clb::nn {

// x / max(||x||, 1e-12) over the last dimension; a zero row stays zero.
torch::Tensor unit_rows(const torch::Tensor& x);

// A float64 [rows, cols] tensor on `device` whose upper left part is `t` and whose rest is zero; an undefined `t` counts as empty. Never
// shrinks: rows and cols are at least those of `t`.
torch::Tensor grow_rows(const torch::Tensor& t, int64_t rows, int64_t cols, torch::Device device = torch::kCPU);

}  // namespace clb::nn
