// Products of matrices in float32: pieces whose sums stay in registers until they are done.
#pragma once

#include <algorithm>
#include <type_traits>

#include "lanes.hpp"

namespace clb::nn {

// A row-major matrix of which each row lies `stride` elements behind the one before.
template <class T>
struct Strided {
  T* data;
  int64_t stride;
};

template <class T>
CLB_INLINE Strided<T> from_column(Strided<T> m, int64_t column) {
  return {m.data + column, m.stride};
}

// The left factor of a product, as it lies or transposed: element (row, k) is data[row * row_stride + k * step].
struct Left {
  const float* data;
  int64_t row_stride, step;
};

// What is done with a product p [rows, columns]: c = (factor p + bias + other) * times. Undefined ones, data == nullptr, are left out.
struct Ending {
  Strided<float> c{};
  float factor = 1;
  const float* bias = nullptr;   // [columns]
  Strided<const float> other{};  // [rows, columns]
  Strided<const float> times{};  // [rows, columns]

  CLB_INLINE Ending at(int64_t row, int64_t column) const {
    return {moved(c, row, column), factor, bias == nullptr ? nullptr : bias + column, moved(other, row, column), moved(times, row, column)};
  }

 private:
  template <class T>
  CLB_INLINE static Strided<T> moved(Strided<T> m, int64_t row, int64_t column) {
    return {m.data == nullptr ? nullptr : m.data + row * m.stride + column, m.stride};
  }
};

// What is read soon and fetched meanwhile: a cache line for each step of a tile, `step` numbers behind the one before.
struct Soon {
  const float* data;
  int64_t step;
};

constexpr int64_t kLine = 16;  // numbers of a cache line

constexpr int kTileRows = 6;  // rows whose sums stay in registers, beside those of the columns

// Registers of columns beside kTileRows rows: as many as there are registers for.
template <int LANES>
constexpr int kTileRegisters = LANES == 16 ? 4 : 2;

// Rows [R, columns] that a tile's end reads.
template <int R, int COLUMNS>
CLB_INLINE void fetch(Strided<const float> m) {
  if (m.data == nullptr) return;
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r)
#pragma GCC unroll 8
    for (int c = 0; c < COLUMNS; c += kLine) __builtin_prefetch(m.data + r * m.stride + c);
}

// The first R rows of a times the first LANES V columns of b, which has `depth` rows.
template <int LANES, int R, int V>
CLB_INLINE void product_tile(const Left& a, Strided<const float> b, int64_t depth, const Ending& end, Soon soon) {
  using L = Lanes<LANES>;
  using Floats = typename L::Floats;
  fetch<R, LANES * V>(end.other);
  fetch<R, LANES * V>(end.times);
  Floats sums[R][V] = {};
  const float *row = a.data, *columns_from = b.data;
  for (int64_t k = 0; k < depth; ++k, row += a.step, columns_from += b.stride, soon.data += soon.step) {
    __builtin_prefetch(soon.data, 0, 2);
    Floats columns[V];
#pragma GCC unroll 8
    for (int v = 0; v < V; ++v) L::load(columns_from + LANES * v, columns[v]);
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) {
      // Minus nothing, which the compiler leaves out; plus nothing it computes, since -0 + 0 is not -0.
      const Floats factor = row[r * a.row_stride] - Floats{};
#pragma GCC unroll 8
      for (int v = 0; v < V; ++v) sums[r][v] += factor * columns[v];
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r) {
#pragma GCC unroll 8
    for (int v = 0; v < V; ++v) {
      Floats sum = sums[r][v] * end.factor, more;
      if (end.bias != nullptr) {
        L::load(end.bias + LANES * v, more);
        sum += more;
      }
      if (end.other.data != nullptr) {
        L::load(end.other.data + r * end.other.stride + LANES * v, more);
        sum += more;
      }
      if (end.times.data != nullptr) {
        L::load(end.times.data + r * end.times.stride + LANES * v, more);
        sum *= more;
      }
      L::store(sum, end.c.data + r * end.c.stride + LANES * v);
    }
  }
}

// The same as functions of their own, so that every register is the loop's.
#if defined(__x86_64__)
template <int R, int V>
CLB_AVX512 __attribute__((noinline)) void tile_avx512(const Left& a, Strided<const float> b, int64_t depth, const Ending& end, Soon soon) {
  product_tile<16, R, V>(a, b, depth, end, soon);
}
template <int R, int V>
CLB_AVX2 __attribute__((noinline)) void tile_avx2(const Left& a, Strided<const float> b, int64_t depth, const Ending& end, Soon soon) {
  product_tile<8, R, V>(a, b, depth, end, soon);
}
#endif
template <int LANES, int R, int V>
CLB_INLINE void tile(const Left& a, Strided<const float> b, int64_t depth, const Ending& end, Soon soon) {
#if defined(__x86_64__)
  if constexpr (LANES == 16)
    tile_avx512<R, V>(a, b, depth, end, soon);
  else if constexpr (LANES == 8)
    tile_avx2<R, V>(a, b, depth, end, soon);
  else
#endif
    product_tile<LANES, R, V>(a, b, depth, end, soon);
}

struct ProductSizes {
  int64_t rows, depth, columns;
};

template <int LANES, int R>
CLB_INLINE void product_strip(const Left& a, Strided<const float> b, const ProductSizes& n, const Ending& end, Soon soon) {
  constexpr int kWide = kTileRegisters<LANES>;
  int64_t k = 0;
  for (; k + kWide * LANES <= n.columns; k += kWide * LANES) tile<LANES, R, kWide>(a, from_column(b, k), n.depth, end.at(0, k), soon);
  for (; k + LANES <= n.columns; k += LANES) tile<LANES, R, 1>(a, from_column(b, k), n.depth, end.at(0, k), soon);
  for (; k < n.columns; ++k) tile<1, R, 1>(a, from_column(b, k), n.depth, end.at(0, k), soon);
}

// a b, b [depth, columns]. Each row is summed up in the same order, however many there are. `once`: no row may be computed twice. `soon`:
// what is read after it, as large as b; nullptr: nothing.
template <int LANES>
CLB_INLINE void product(const Left& a, Strided<const float> b, const ProductSizes& n, const Ending& end, bool once = false,
                        const float* soon = nullptr) {
  const auto from = [&](int64_t row) { return Left{a.data + row * a.row_stride, a.row_stride, a.step}; };
  const Soon nothing{b.data, 0};
  int64_t fetched = 0, row = 0;
  for (; row + kTileRows <= n.rows; row += kTileRows, fetched += n.depth * kLine) {
    const bool more = soon != nullptr && fetched < n.depth * n.columns;
    product_strip<LANES, kTileRows>(from(row), b, n, end.at(row, 0), more ? Soon{soon + fetched, kLine} : nothing);
  }
  if (row == n.rows) return;
  if (n.rows > kTileRows && !once) {  // some rows again
    product_strip<LANES, kTileRows>(from(n.rows - kTileRows), b, n, end.at(n.rows - kTileRows, 0), nothing);
    return;
  }
  for (; row < n.rows; ++row) product_strip<LANES, 1>(from(row), b, n, end.at(row, 0), nothing);
}

}  // namespace clb::nn
