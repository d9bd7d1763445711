#include "clb/nn/tensors.hpp"

#include <clb/nn/error.hpp>
#include <string>

namespace clb::nn {

torch::Tensor unit_rows(const torch::Tensor& x) { return x / x.norm(2, -1, /*keepdim=*/true).clamp_min(1e-12); }

torch::Tensor grow_rows(const torch::Tensor& t, int64_t rows, int64_t cols, torch::Device device) {
  torch::Tensor grown = torch::zeros({rows, cols}, torch::dtype(torch::kFloat64).device(device));
  if (!t.defined()) return grown;
  if (t.dim() != 2 || t.size(0) > rows || t.size(1) > cols) {
    throw Error(ErrorKind::kInternal, "grow_rows: cannot grow a tensor of " + std::to_string(t.numel()) + " values to [" +
                                          std::to_string(rows) + ", " + std::to_string(cols) + "]; the new size must not be smaller");
  }
  grown.narrow(0, 0, t.size(0)).narrow(1, 0, t.size(1)).copy_(t);
  return grown;
}

}  // namespace clb::nn
