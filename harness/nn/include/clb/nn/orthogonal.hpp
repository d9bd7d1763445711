// Rows that should be orthogonal to one another: drawn so (Gram-Schmidt), kept so (a penalty), and measured (their overlap). CODA-Prompt,
// Smith et al., CVPR 2023, arXiv:2211.13218.
#pragma once

#include <torch/types.h>

#include <functional>

namespace clb::nn {

// A new row [d]; `row` counts from the first one there is, `attempt` from 0.
using DrawRow = std::function<torch::Tensor(int64_t row, int64_t attempt)>;

// [s + count, d] float32 on the CPU, where rows are drawn: the rows `kept` [s, d] as they are, and behind them unit rows made of drawn
// ones. Classical Gram-Schmidt: what lies along each row before it is taken from the drawn row, all of it at once. So a new row is
// orthogonal to the new ones before it, and to the kept ones as far as these are orthogonal among themselves (rows that were trained are
// not quite). A row that lies in the span of the others is drawn again; where no direction is left, because there are as many rows as
// columns, it stays as it was drawn, at unit length.
torch::Tensor gram_schmidt_rows(const torch::Tensor& kept, int64_t count, const DrawRow& draw);

// The mean of (Z Z^T - I)^2 over its k x k entries, summed over what lies before: rows Z [..., k, d] -> a scalar. 0 without rows.
torch::Tensor orthogonality_loss(const torch::Tensor& rows);

// The mean of |cos| over all pairs of different rows and over what lies before: rows [..., k, d]. 0 with fewer than two rows.
double overlap(const torch::Tensor& rows);

}  // namespace clb::nn
