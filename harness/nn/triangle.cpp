#include "clb/nn/triangle.hpp"

#include <clb/nn/error.hpp>
#include <string>

namespace clb::nn {
namespace {

using torch::Tensor;

// Row by row, since the indices of a triangle of 10,000 rows would take as much memory as the matrix.
template <class Each>  // each(row of the square from its diagonal on, its part of the packed tensor)
void each_row(const Tensor& square, const Tensor& packed, Each each) {
  const int64_t d = square.size(-1);
  for (int64_t i = 0, at = 0; i < d; at += d - i, ++i) each(square.select(-2, i).narrow(-1, i, d - i), packed.narrow(-1, at, d - i));
}

}  // namespace

Tensor pack_triangle(const Tensor& square) {
  const int64_t d = square.size(-1);
  std::vector<int64_t> sizes(square.sizes().begin(), square.sizes().end() - 1);
  sizes.back() = d * (d + 1) / 2;
  Tensor packed = torch::empty(sizes, square.options());
  each_row(square, packed, [](const Tensor& row, Tensor part) { part.copy_(row); });
  return packed;
}

Tensor unpack_triangle(const Tensor& packed, int64_t d) {
  if (packed.dim() < 1 || d < 0 || packed.size(-1) != d * (d + 1) / 2) {
    throw Error(ErrorKind::kState, "a triangle of " + std::to_string(packed.dim() < 1 ? 1 : packed.size(-1)) + " numbers is not one of " +
                                       std::to_string(d) + " rows");
  }
  std::vector<int64_t> sizes(packed.sizes().begin(), packed.sizes().end());
  sizes.back() = d;
  sizes.push_back(d);
  Tensor square = torch::zeros(sizes, packed.options());
  each_row(square, packed, [](Tensor row, const Tensor& part) { row.copy_(part); });
  return square;
}

Tensor mirrored(const Tensor& upper) { return upper.triu() + upper.triu(1).transpose(-2, -1); }

}  // namespace clb::nn
