#include "gelu.hpp"

#include "lanes.hpp"

namespace clb::nn {
namespace {

template <int LANES>
CLB_INLINE void gelu_of(const float* x, const float* bias, float* value, float* slope) {
  using L = Lanes<LANES>;
  using Floats = typename L::Floats;
  Floats v;
  L::load(x, v);
  if (bias != nullptr) {
    Floats b;
    L::load(bias, b);
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
  L::store(product, value);
  if (slope != nullptr) L::store(derivative, slope);
}

struct GeluRows {
  const float *x, *bias;
  int64_t rows, columns;
  float *value, *slope;

  template <int LANES>
  CLB_INLINE void run() const {
    const int64_t whole = columns / LANES * LANES;
    for (int64_t r = 0; r < rows; ++r) {
      const int64_t row = r * columns;
      for (int64_t c = 0; c < whole; c += LANES) part<LANES>(row, c);
      for (int64_t c = whole; c < columns; ++c) part<1>(row, c);
    }
  }

 private:
  template <int LANES>
  CLB_INLINE void part(int64_t row, int64_t c) const {
    gelu_of<LANES>(x + row + c, bias == nullptr ? nullptr : bias + c, value + row + c, slope == nullptr ? nullptr : slope + row + c);
  }
};

}  // namespace

void gelu_with_slope(const float* x, const float* bias, int64_t rows, int64_t columns, float* value, float* slope) {
  run_in_lanes(GeluRows{x, bias, rows, columns, value, slope});
}

}  // namespace clb::nn
