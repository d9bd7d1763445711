// Random initial tensors. Each tensor has a generator of its own, seeded by a hash that holds the tensor's name, so the order of drawing
// and what else a method draws cannot matter. Drawn on the CPU in float64 (LibTorch draws float32 normals in a way that depends on the
// processor) and rounded to float32: every device starts with the same numbers.
#pragma once

#include <torch/types.h>

#include <functional>
#include <string>

namespace clb::nn {

using Rng = std::function<torch::Generator(const std::string& name)>;

torch::Tensor uniform(torch::IntArrayRef sizes, double low, double high, torch::Generator generator);
torch::Tensor normal(torch::IntArrayRef sizes, double mean, double deviation, torch::Generator generator);

// [out, in], uniform within +-1/sqrt(in): torch's default for linear weights, kaiming_uniform with a = sqrt(5).
torch::Tensor linear_weight(int64_t out, int64_t in, torch::Generator generator);

}  // namespace clb::nn
