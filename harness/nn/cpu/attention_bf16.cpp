#include "attention_bf16.hpp"

#include <ATen/Parallel.h>
#include <torch/utils.h>

#if defined(__x86_64__)

// GCC 12 warns of its own intrinsics (its bug 105593).
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#include <immintrin.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <numbers>
#include <vector>

#include <clb/nn/cpu_kernels.hpp>
#include <clb/nn/parallel.hpp>

#include "fused_training.hpp"
#include "lanes.hpp"

#define CLB_BF16 __attribute__((target("arch=x86-64-v4,avx512bf16,prefer-vector-width=512")))

namespace clb::nn {
namespace {

using torch::Tensor;
using Bf16 = uint16_t;
using Pair = uint32_t;  // two bfloat16 that one product takes together

constexpr int64_t kLanes = 16;  // float32 in a register
constexpr int64_t kStrip = 6;   // rows whose sums stay in registers, beside four registers of columns
constexpr int64_t kBlock = 72;  // queries whose scores stay in the second-level cache

// A row-major matrix of which each row lies `stride` elements behind the one before.
struct Rows {
  const Bf16* data;
  int64_t stride;
  const Bf16* operator[](int64_t row) const { return data + row * stride; }
};

// c [R, 16 V], rows n apart = a [R, 2 pairs] b, b [pairs, n] of pairs of rows.
template <int R, int V>
CLB_BF16 CLB_INLINE void multiply_tile(Rows a, const Pair* b, float* c, int64_t n, int64_t pairs) {
  __m512 sums[R][V];
  for (auto& row : sums)
    for (__m512& sum : row) sum = _mm512_setzero_ps();
  for (int64_t p = 0; p < pairs; ++p) {
    __m512bh columns[V];
    for (int v = 0; v < V; ++v) columns[v] = (__m512bh)_mm512_loadu_si512(b + p * n + kLanes * v);
    for (int r = 0; r < R; ++r) {
      int pair;
      std::memcpy(&pair, a[r] + 2 * p, sizeof pair);
      for (int v = 0; v < V; ++v) sums[r][v] = _mm512_dpbf16_ps(sums[r][v], (__m512bh)_mm512_set1_epi32(pair), columns[v]);
    }
  }
  for (int r = 0; r < R; ++r)
    for (int v = 0; v < V; ++v) _mm512_storeu_ps(c + r * n + kLanes * v, sums[r][v]);
}

template <int R>
CLB_BF16 CLB_INLINE void multiply_strip(Rows a, const Pair* b, float* c, int64_t n, int64_t pairs) {
  int64_t column = 0;
  for (; column + 4 * kLanes <= n; column += 4 * kLanes) multiply_tile<R, 4>(a, b + column, c + column, n, pairs);
  for (; column < n; column += kLanes) multiply_tile<R, 1>(a, b + column, c + column, n, pairs);
}

// c [m, n] = a [m, 2 pairs] b; n is a multiple of 16.
CLB_BF16 void multiply(Rows a, const Pair* b, float* c, int64_t m, int64_t n, int64_t pairs) {
  if (m < kStrip) {
    for (int64_t r = 0; r < m; ++r) multiply_strip<1>({a[r], a.stride}, b, c + r * n, n, pairs);
    return;
  }
  for (int64_t r = 0; r < m; r += kStrip) {
    const int64_t first = std::min(r, m - kStrip);  // the last strip computes some rows again
    multiply_strip<kStrip>({a[first], a.stride}, b, c + first * n, n, pairs);
  }
}

// 2^y for y <= 0, relative error below 1e-4; 0 below 2^-126. NaN stays NaN.
CLB_BF16 CLB_INLINE __m512 exp2_of(__m512 y) {
  const __m512 whole = _mm512_roundscale_ps(y, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC), part = _mm512_sub_ps(y, whole);
  __m512 power = _mm512_set1_ps(0.0096181291F);  // Taylor: ln(2)^k / k!
  for (const float c : {0.0555032221F, 0.240226462F, 0.693147182F, 1.F}) power = _mm512_fmadd_ps(power, part, _mm512_set1_ps(c));
  return _mm512_scalef_ps(power, whole);
}

CLB_BF16 CLB_INLINE void store(Bf16* to, __m512 values) {
  const __m256bh rounded = _mm512_cvtneps_pbh(values);
  std::memcpy(to, &rounded, sizeof rounded);
}

// Numerators of the softmax of scale * scores [m, n], of which `keys` columns count, and 1 / their sum.
CLB_BF16 void exponentials(float* scores, int64_t m, int64_t n, int64_t keys, float scale, Bf16* weights, float* inverse) {
  const __m512 factor = _mm512_set1_ps(scale);
  for (int64_t r = 0; r < m; ++r) {
    float* row = scores + r * n;
    std::fill(row + keys, row + n, -std::numeric_limits<float>::max());
    __m512 top = _mm512_loadu_ps(row);
    for (int64_t k = kLanes; k < n; k += kLanes) top = _mm512_max_ps(top, _mm512_loadu_ps(row + k));
    const __m512 highest = _mm512_set1_ps(_mm512_reduce_max_ps(top) * scale);
    __m512 sum = _mm512_setzero_ps();
    for (int64_t k = 0; k < n; k += kLanes) {
      const __m512 weight = exp2_of(_mm512_fmsub_ps(_mm512_loadu_ps(row + k), factor, highest));
      sum = _mm512_add_ps(sum, weight);
      store(weights + r * n + k, weight);
    }
    inverse[r] = 1 / _mm512_reduce_add_ps(sum);
  }
}

CLB_BF16 void scale_rows(const float* rows, const float* factor, int64_t m, int64_t n, Bf16* to, int64_t stride) {
  for (int64_t r = 0; r < m; ++r)
    for (int64_t c = 0; c < n; c += kLanes)
      store(to + r * stride + c, _mm512_mul_ps(_mm512_loadu_ps(rows + r * n + c), _mm512_set1_ps(factor[r])));
}

// k [keys, width] -> its transpose, pairs of rows together: [width / 2, padded].
void transpose_pairs(Rows k, int64_t keys, int64_t padded, int64_t width, Pair* out) {
  for (int64_t i = 0; i < keys; ++i)
    for (int64_t j = 0; j < width / 2; ++j) std::memcpy(out + j * padded + i, k[i] + 2 * j, sizeof(Pair));
}

// v [keys, width] -> pairs of rows together: [padded / 2, width]; rows behind the last are zeros.
CLB_BF16 void join_pairs(Rows v, int64_t keys, int64_t width, Pair* out) {
  for (int64_t i = 0; i < keys; i += 2)
    for (int64_t c = 0; c < width; ++c) out[i / 2 * width + c] = v[i][c] | (i + 1 < keys ? Pair{v[i + 1][c]} << 16 : 0);
}

// One head of one image; the buffers are used again for the next.
class Head {
 public:
  Head(int64_t keys, int64_t width)
      : keys_(keys),
        width_(width),
        padded_((keys + kLanes - 1) / kLanes * kLanes),
        scale_(static_cast<float>(std::numbers::log2e / std::sqrt(static_cast<double>(width)))),
        k_(static_cast<size_t>(width / 2 * padded_)),
        v_(static_cast<size_t>(padded_ / 2 * width)),
        weights_(static_cast<size_t>(kBlock * padded_)),
        scores_(static_cast<size_t>(kBlock * padded_)),
        mixed_(static_cast<size_t>(kBlock * width)),
        inverse_(kBlock) {}

  void attend(Rows q, int64_t queries, Rows k, Rows v, Bf16* out, int64_t stride) {
    transpose_pairs(k, keys_, padded_, width_, k_.data());
    join_pairs(v, keys_, width_, v_.data());
    const int64_t blocks = (queries + kBlock - 1) / kBlock, size = (queries + blocks - 1) / blocks;
    for (int64_t first = 0; first < queries; first += size) {
      const int64_t m = std::min(size, queries - first);
      multiply({q[first], q.stride}, k_.data(), scores_.data(), m, padded_, width_ / 2);
      exponentials(scores_.data(), m, padded_, keys_, scale_, weights_.data(), inverse_.data());
      multiply({weights_.data(), padded_}, v_.data(), mixed_.data(), m, width_, padded_ / 2);
      scale_rows(mixed_.data(), inverse_.data(), m, width_, out + first * stride, stride);
    }
  }

 private:
  int64_t keys_, width_, padded_;
  float scale_;
  std::vector<Pair> k_, v_;
  std::vector<Bf16> weights_;
  std::vector<float> scores_, mixed_, inverse_;
};

const Bf16* bits(const Tensor& x) { return reinterpret_cast<const Bf16*>(x.const_data_ptr<at::BFloat16>()); }

bool wants_any_gradient(const Tensor& q, const Tensor& k, const Tensor& v) {
  return at::GradMode::is_enabled() && (wants_gradient(q) || wants_gradient(k) || wants_gradient(v));
}

bool fits_bf16(const Tensor& q, const Tensor& k, const Tensor& v, int64_t heads) {
  static const bool able = cpu_kernels() && __builtin_cpu_supports("x86-64-v4") && __builtin_cpu_supports("avx512bf16");
  const auto fits = [](const Tensor& x) { return x.is_cpu() && x.scalar_type() == torch::kBFloat16 && x.dim() == 3 && x.stride(2) == 1; };
  return able && fits(q) && fits(k) && fits(v) && k.size(1) > 0 && q.size(2) / heads % kLanes == 0 && !wants_any_gradient(q, k, v);
}

}  // namespace

std::optional<Tensor> attend_bf16(const Tensor& q, const Tensor& k, const Tensor& v, int64_t heads) {
  if (!fits_bf16(q, k, v, heads)) return std::nullopt;
  const int64_t n = q.size(0), queries = q.size(1), width = q.size(2) / heads;
  Tensor out = at::empty({n, queries, q.size(2)}, q.options());
  auto* to = reinterpret_cast<Bf16*>(out.mutable_data_ptr<at::BFloat16>());
  const auto parts = static_cast<int64_t>(std::min<int64_t>(n, at::get_num_threads()));
  side_by_side(static_cast<size_t>(parts), [&](size_t part) {
    const auto p = static_cast<int64_t>(part);
    Head head(k.size(1), width);
    for (int64_t image = n * p / parts; image < n * (p + 1) / parts; ++image) {
      for (int64_t column = 0; column < q.size(2); column += width) {
        const auto rows = [&](const Tensor& t) { return Rows{bits(t) + image * t.stride(0) + column, t.stride(1)}; };
        head.attend(rows(q), queries, rows(k), rows(v), to + image * out.stride(0) + column, out.stride(1));
      }
    }
  });
  return out;
}

}  // namespace clb::nn

#else

namespace clb::nn {

std::optional<torch::Tensor> attend_bf16(const torch::Tensor&, const torch::Tensor&, const torch::Tensor&, int64_t) { return {}; }

}  // namespace clb::nn

#endif
