// Operations in float32 on the processor whose backward is written out: fewer passes over memory than autograd's chain of single
// operations, and nothing kept that no gradient needs. Each gives nothing where it does not apply: another type or device, no gradient
// wanted. Their backward cannot be differentiated again and says so.
#pragma once

#include <torch/types.h>

#include <optional>
#include <vector>

namespace clb::nn {

inline bool is_float(const torch::Tensor& t) { return t.is_cpu() && t.scalar_type() == torch::kFloat32; }
inline bool wants_gradient(const torch::Tensor& t) { return t.defined() && t.requires_grad(); }

// In the backward of such an operation, the gradient of its result. Throws where that backward is to be differentiated itself.
torch::Tensor first_derivative(const std::vector<torch::Tensor>& gradients);

// x Phi(x) of x [..., d], with the derivative kept in place of x.
std::optional<torch::Tensor> trained_gelu(const torch::Tensor& x);
// The same bits where no gradient is wanted.
std::optional<torch::Tensor> plain_gelu(const torch::Tensor& x);

// x [..., in], weight [out, in], bias [out] or undefined -> [..., out]: gelu(x W^T + b), and other + x W^T + b. Frozen weights and biases
// may lie in bfloat16: backward widens them once more, and no wide copy is kept.
std::optional<torch::Tensor> trained_linear_gelu(const torch::Tensor& x, const torch::Tensor& weight, const torch::Tensor& bias);
std::optional<torch::Tensor> trained_linear_add(const torch::Tensor& x, const torch::Tensor& weight, const torch::Tensor& bias,
                                                const torch::Tensor& other);

// softmax(q k^T / sqrt(d / heads)) v of each head: q [n, tq, d], k and v [n, tk, d] -> [n, tq, d]; or of what a projection put side by
// side, qkv [n, t, 3 d] -> [n, t, d]. The weights are kept, so that backward takes five products and no exponential.
std::optional<torch::Tensor> trained_attention(const torch::Tensor& q, const torch::Tensor& k, const torch::Tensor& v, int64_t heads);
std::optional<torch::Tensor> trained_self_attention(const torch::Tensor& qkv, int64_t heads);
// The same bits where no gradient is wanted: the weights of a head stay in the cache.
std::optional<torch::Tensor> plain_attention(const torch::Tensor& q, const torch::Tensor& k, const torch::Tensor& v, int64_t heads);
std::optional<torch::Tensor> plain_self_attention(const torch::Tensor& qkv, int64_t heads);

}  // namespace clb::nn
