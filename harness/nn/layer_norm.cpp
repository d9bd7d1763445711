#include "clb/nn/layer_norm.hpp"

#include <clb/nn/linear.hpp>

namespace clb::nn {

LayerNorm::LayerNorm(int64_t dim, double eps) : weight(torch::ones(dim)), bias(torch::zeros(dim)), eps(eps) {}

torch::Tensor LayerNorm::operator()(const torch::Tensor& x) const {
  return at::layer_norm(x, {x.size(-1)}, as_type_of(x, weight), as_type_of(x, bias), eps);
}

}  // namespace clb::nn
