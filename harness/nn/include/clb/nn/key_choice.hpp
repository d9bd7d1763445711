// Which of a pool's keys lie nearest to a query, and what a batch votes for: L2P (Wang et al., CVPR 2022) and what came of it.
#pragma once

#include <torch/types.h>

namespace clb::nn {

// The positions of the k largest values along the last dimension, largest first, [..., m] -> [..., k] int64. Equal ones: the smaller
// position first.
torch::Tensor first_largest(const torch::Tensor& values, int64_t k);

// How often each number below m is among the ids [...] (int64): [m] int64.
torch::Tensor count_ids(const torch::Tensor& ids, int64_t m);

// The batch's vote: the k ids that its rows [n, k] name most often, for every row. With fewer than k different ids the smallest one fills
// up, as in the published code. Equal votes: the smaller id first.
torch::Tensor voted_ids(const torch::Tensor& ids, int64_t m);

// A number below m for each of the rows [n, d], by which of its numbers are largest: [n] int64. As good as any, but the same in every batch
// and in another process.
torch::Tensor arbitrary_ids(const torch::Tensor& rows, int64_t m);

}  // namespace clb::nn
