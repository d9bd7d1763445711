// Products with a matrix that is put in order once and multiplied with often: a frozen weight. Cut into panels of as many columns as a
// processor's registers take beside a tile's rows, it is read from front to back, and what follows the product is done while the sums are
// in registers.
#pragma once

#include "product_f32.hpp"

namespace clb::nn {

// Whether this processor has the registers that make it worth while: AVX2 with FMA, or AVX-512.
bool panels_pay();

// Element (k, column) of a matrix is data[k * row_stride + column * step].
using Matrix = Left;

// b [depth, columns] in panels, as many numbers.
void to_panels(const Matrix& b, int64_t depth, int64_t columns, float* panels);

// a [rows, depth] times what became `panels`; the same bits for a row whatever the others are. c of `end` must overlap nothing else.
void product_of_panels(Strided<const float> a, const float* panels, const ProductSizes& n, const Ending& end);

}  // namespace clb::nn
