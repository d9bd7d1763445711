#include "panels.hpp"

namespace clb::nn {
namespace {

constexpr int64_t kDepth = 768;  // of a panel that stays in a core's second cache while rows pass by

template <int LANES>
constexpr int64_t kWidth = LANES* kTileRegisters<LANES>;

struct Cut {
  const Matrix& b;
  int64_t depth, columns;
  float* panels;

  template <int LANES>
  CLB_INLINE void run() const {
    float* to = panels;
    for (int64_t first = 0; first < columns; first += kWidth<LANES>) {
      const int64_t end = std::min(columns, first + kWidth<LANES>);
      for (int64_t k = 0; k < depth; ++k)
        for (int64_t c = first; c < end; ++c) *to++ = b.data[k * b.row_stride + c * b.step];
    }
  }
};

struct Multiply {
  Strided<const float> a;
  const float* panels;
  const ProductSizes& n;
  const Ending& end;

  template <int LANES>
  CLB_INLINE void run() const {
    for (int64_t k = 0; k < n.depth; k += kDepth) {
      const int64_t depth = std::min(kDepth, n.depth - k);
      Ending part = end;
      if (k > 0) part.bias = nullptr, part.other = {end.c.data, end.c.stride};
      if (k + depth < n.depth) part.times = {};
      for (int64_t first = 0; first < n.columns; first += kWidth<LANES>) {
        const int64_t width = std::min(kWidth<LANES>, n.columns - first);
        const Strided<const float> panel{panels + first * n.depth + k * width, width};
        const int64_t next = first + width < n.columns ? first + width : 0;
        const float* soon = panels + next * n.depth + k * std::min(kWidth<LANES>, n.columns - next);
        product<LANES>({a.data + k, a.stride, 1}, panel, {n.rows, depth, width}, part.at(0, first), k > 0, soon);
      }
    }
  }
};

}  // namespace

bool panels_pay() {
#if defined(__x86_64__)
  return __builtin_cpu_supports("avx512dq") || (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"));
#else
  return false;
#endif
}

void to_panels(const Matrix& b, int64_t depth, int64_t columns, float* panels) { run_in_lanes(Cut{b, depth, columns, panels}); }

void product_of_panels(Strided<const float> a, const float* panels, const ProductSizes& n, const Ending& end) {
  run_in_lanes(Multiply{a, panels, n, end});
}

}  // namespace clb::nn
