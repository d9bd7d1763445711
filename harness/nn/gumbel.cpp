#include "clb/nn/gumbel.hpp"

namespace clb::nn {

using torch::Tensor;

Tensor gumbel_noise(const Tensor& u) { return -((-(u + 1e-20).log() + 1e-20).log()); }

Tensor straight_through(const Tensor& soft) {
  const Tensor hard = torch::zeros_like(soft).scatter_(1, soft.detach().argmax(1, /*keepdim=*/true), 1);
  return hard + (soft - soft.detach());  // what is added is zero, not nearly zero
}

}  // namespace clb::nn
