// Choices that are drawn and yet have gradients: the Gumbel softmax (Jang et al., ICLR 2017; Maddison et al., ICLR 2017).
#pragma once

#include <torch/types.h>

namespace clb::nn {

// Of numbers u uniform in [0, 1): -log(-log(u + 1e-20) + 1e-20). Added to logits, it makes the largest of them a draw from their softmax.
torch::Tensor gumbel_noise(const torch::Tensor& u);

// [n, k]: 1 at the largest of each row and 0 elsewhere, exactly; the gradient is that of `soft` itself (straight through).
torch::Tensor straight_through(const torch::Tensor& soft);

}  // namespace clb::nn
