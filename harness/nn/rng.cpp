#include "clb/nn/rng.hpp"

#include <clb/nn/error.hpp>
#include <cmath>
#include <string>

namespace clb::nn {

namespace {
void expect_ordered(double low, double high) {
  if (!(low <= high))
    throw Error(ErrorKind::kInvalid,
                "numbers cannot be drawn uniformly from " + std::to_string(low) + " to " + std::to_string(high) + "; exchange the two");
}
}  // namespace

torch::Tensor uniform(torch::IntArrayRef sizes, double low, double high, torch::Generator generator) {
  expect_ordered(low, high);
  return torch::empty(sizes, torch::kFloat64).uniform_(low, high, std::move(generator)).to(torch::kFloat32);
}

torch::Tensor normal(torch::IntArrayRef sizes, double mean, double deviation, torch::Generator generator) {
  return torch::empty(sizes, torch::kFloat64).normal_(mean, deviation, std::move(generator)).to(torch::kFloat32);
}

torch::Tensor linear_weight(int64_t out, int64_t in, torch::Generator generator) {
  const double bound = 1 / std::sqrt(static_cast<double>(in));
  return uniform({out, in}, -bound, bound, std::move(generator));
}

}  // namespace clb::nn
