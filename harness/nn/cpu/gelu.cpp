#include "gelu.hpp"

#include <algorithm>
#include <cstring>
#include <numbers>

// The processor's widest float32 registers, chosen where the program runs. Elsewhere the compiler makes of it what it can.
#if defined(__x86_64__)
#define CLB_AVX2 __attribute__((target("avx2,fma")))
#define CLB_AVX512 __attribute__((target("avx2,fma,avx512f,avx512dq")))
#endif
#define CLB_INLINE __attribute__((always_inline)) inline

namespace clb::nn {
namespace {

// LANES float32, and as many int32, that are computed with at once.
template <int LANES>
struct Lanes {
  typedef float Floats __attribute__((vector_size(4 * LANES)));
  typedef int32_t Ints __attribute__((vector_size(4 * LANES)));
};

// e^y for y <= 0, relative error below 2e-7; below -87 as for -87.
template <int LANES>
CLB_INLINE void exponential(typename Lanes<LANES>::Floats& y) {
  using Floats = typename Lanes<LANES>::Floats;
  using Ints = typename Lanes<LANES>::Ints;
  constexpr float kRound = 12582912;  // 1.5 * 2^23: what is added to it loses its fraction
  const Floats limit = Floats{} - 87.0F, bounded = y > limit ? y : limit;
  const Floats shifted = bounded * std::numbers::log2e_v<float> + kRound, whole = shifted - kRound;
  const Floats part = bounded - whole * 0.693359375F + whole * 2.12194440e-4F;  // ln 2 in two pieces
  Floats power = Floats{} + 1 / 720.F;                                          // Taylor, |part| <= ln(2) / 2
  for (const float c : {1 / 120.F, 1 / 24.F, 1 / 6.F, 0.5F, 1.F, 1.F}) power = power * part + c;
  Ints exponent;
  std::memcpy(&exponent, &shifted, sizeof exponent);
  exponent = (exponent << 23) + (127 << 23);
  Floats scale;
  std::memcpy(&scale, &exponent, sizeof scale);
  y = power * scale;
}

template <int LANES>
CLB_INLINE void gelu_of(const float* x, const float* bias, float* value, float* slope) {
  using Floats = typename Lanes<LANES>::Floats;
  Floats v;
  std::memcpy(&v, x, sizeof v);
  if (bias != nullptr) {
    Floats b;
    std::memcpy(&b, bias, sizeof b);
    v += b;
  }
  const Floats size = v < 0 ? -v : v;
  Floats density = v * v * -0.5F;
  exponential<LANES>(density);  // e^(-x^2 / 2)
  // erfc(|x| / sqrt(2)) as in Abramowitz and Stegun, Handbook of Mathematical Functions, 7.1.26
  const Floats t = 1 / (1 + size * (0.3275911F / std::numbers::sqrt2_v<float>));
  Floats tail = Floats{} + 1.061405429F;
  for (const float c : {-1.453152027F, 1.421413741F, -0.284496736F, 0.254829592F}) tail = tail * t + c;
  tail = tail * t * density * 0.5F;  // 1 - Phi(|x|)
  const Floats below = v < 0 ? tail : 1 - tail;
  const Floats product = v * below,
               derivative = below + v * density * (0.5F * std::numbers::inv_sqrtpi_v<float> * std::numbers::sqrt2_v<float>);
  std::memcpy(value, &product, sizeof product);
  std::memcpy(slope, &derivative, sizeof derivative);
}

template <int LANES>
CLB_INLINE void gelu_of_rows(const float* x, const float* bias, int64_t rows, int64_t columns, float* value, float* slope) {
  const int64_t whole = columns / LANES * LANES;
  for (int64_t r = 0; r < rows; ++r, x += columns, value += columns, slope += columns) {
    for (int64_t c = 0; c < whole; c += LANES) gelu_of<LANES>(x + c, bias == nullptr ? nullptr : bias + c, value + c, slope + c);
    for (int64_t c = whole; c < columns; ++c) gelu_of<1>(x + c, bias == nullptr ? nullptr : bias + c, value + c, slope + c);
  }
}

#if defined(__x86_64__)
CLB_AVX512 void gelu_avx512(const float* x, const float* bias, int64_t rows, int64_t columns, float* value, float* slope) {
  gelu_of_rows<16>(x, bias, rows, columns, value, slope);
}
CLB_AVX2 void gelu_avx2(const float* x, const float* bias, int64_t rows, int64_t columns, float* value, float* slope) {
  gelu_of_rows<8>(x, bias, rows, columns, value, slope);
}
#endif
void gelu_plain(const float* x, const float* bias, int64_t rows, int64_t columns, float* value, float* slope) {
  gelu_of_rows<4>(x, bias, rows, columns, value, slope);
}

}  // namespace

void gelu_with_slope(const float* x, const float* bias, int64_t rows, int64_t columns, float* value, float* slope) {
#if defined(__x86_64__)
  static const auto chosen = __builtin_cpu_supports("avx512dq")                                ? gelu_avx512
                             : __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? gelu_avx2
                                                                                               : gelu_plain;
  chosen(x, bias, rows, columns, value, slope);
#else
  gelu_plain(x, bias, rows, columns, value, slope);
#endif
}

}  // namespace clb::nn
