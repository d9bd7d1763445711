// Frozen weights in panels (panels.hpp), made when they are first asked for and kept as long as the weight is.
#pragma once

#include <torch/types.h>

namespace clb::nn {

// Of a contiguous float32 weight [out, in] on the processor: what x [rows, in] is multiplied with for x W^T, and what g [rows, out] is
// for g W. Made anew once the weight was changed: by an operation of LibTorch, or, which a few of its numbers tell, past LibTorch.
torch::Tensor ahead_panels(const torch::Tensor& weight);
torch::Tensor back_panels(const torch::Tensor& weight);

}  // namespace clb::nn
