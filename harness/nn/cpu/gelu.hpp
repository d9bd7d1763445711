// GELU on the processor together with its derivative, which shares the exponential that both need: backward is one multiplication.
#pragma once

#include <cstdint>

namespace clb::nn {

// Of `rows` x `columns` numbers x, row-major, with `bias` [columns] added to each row (nullptr: none): value = x Phi(x) and
// slope = Phi(x) + x phi(x), Phi and phi of the standard normal distribution. Errors stay below 3e-7 of max(1, |x|). One of both may be
// `x`, and `slope` nullptr.
void gelu_with_slope(const float* x, const float* bias, int64_t rows, int64_t columns, float* value, float* slope);

}  // namespace clb::nn
