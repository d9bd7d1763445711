// One head of attention in float32: forward, and backward from the weights that forward leaves. Queries, keys and values are read where the
// projection put them, and gradients are written there: no copies for each head.
#pragma once

#include "product_f32.hpp"

namespace clb::nn {

struct AttentionHead {
  int64_t queries, keys, width;
  Strided<const float> q, k, v;  // [queries, width], [keys, width] twice
};

// Columns of the weights: multiples of what a register holds, behind the last key zeros.
int64_t padded_keys(int64_t keys);

// weights [queries, padded_keys] = softmax(q k^T / sqrt(width)), out [queries, width] = weights v.
void attend_head(const AttentionHead& head, float* weights, Strided<float> out);

// The gradients of q, k and v from that of `out`, which `gradient` is.
struct HeadGradients {
  Strided<float> q, k, v;
};
void attend_head_backward(const AttentionHead& head, const float* weights, Strided<const float> gradient, const HeadGradients& to);

}  // namespace clb::nn
