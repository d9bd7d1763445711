#include "attention_f32.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "product_f32.hpp"

namespace clb::nn {
namespace {

constexpr int64_t kMostLanes = 16;

Left as_it_lies(Strided<const float> m) { return {m.data, m.stride, 1}; }
Left transposed(Strided<const float> m) { return {m.data, 1, m.stride}; }

// x [rows, columns] -> its transpose [columns, padded], zeros behind.
Strided<const float> transpose(Strided<const float> x, int64_t rows, int64_t columns, int64_t padded, std::vector<float>& to) {
  to.assign(static_cast<size_t>(columns * padded), 0);
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t c = 0; c < columns; ++c) to[static_cast<size_t>(c * padded + r)] = x.data[r * x.stride + c];
  return {to.data(), padded};
}

// Scores [padded] of which `keys` count become their softmax, in place.
template <int LANES>
CLB_INLINE void softmax(float* row, int64_t keys, int64_t padded) {
  using L = Lanes<LANES>;
  typename L::Floats values, top;
  std::fill(row + keys, row + padded, -std::numeric_limits<float>::infinity());
  L::load(row, top);
  for (int64_t k = LANES; k < padded; k += LANES) {
    L::load(row + k, values);
    top = values > top ? values : top;
  }
  float highest = top[0];
  for (int lane = 1; lane < LANES; ++lane) highest = std::max(highest, top[lane]);
  typename L::Floats sums{};
  for (int64_t k = 0; k < padded; k += LANES) {
    L::load(row + k, values);
    values -= highest;
    exponential<LANES>(values);
    if (k + LANES > keys)
      for (int64_t lane = std::max<int64_t>(0, keys - k); lane < LANES; ++lane) values[lane] = 0;
    sums += values;
    L::store(values, row + k);
  }
  float sum = 0;
  for (int lane = 0; lane < LANES; ++lane) sum += sums[lane];
  for (int64_t k = 0; k < padded; k += LANES) {
    L::load(row + k, values);
    L::store(values / sum, row + k);
  }
}

// gradient [padded] of softmax values becomes that of their scores, in place.
template <int LANES>
CLB_INLINE void softmax_backward(const float* weights, float* gradient, int64_t padded) {
  using L = Lanes<LANES>;
  typename L::Floats w, g, sums{};
  for (int64_t k = 0; k < padded; k += LANES) {
    L::load(weights + k, w);
    L::load(gradient + k, g);
    sums += w * g;
  }
  float sum = 0;
  for (int lane = 0; lane < LANES; ++lane) sum += sums[lane];
  for (int64_t k = 0; k < padded; k += LANES) {
    L::load(weights + k, w);
    L::load(gradient + k, g);
    L::store(w * (g - sum), gradient + k);
  }
}

float scale_of(const AttentionHead& h) { return static_cast<float>(1 / std::sqrt(static_cast<double>(h.width))); }

struct Forward {
  const AttentionHead& h;
  Strided<const float> keys_across;  // [width, padded]
  float* weights;
  Strided<float> out;

  template <int LANES>
  CLB_INLINE void run() const {
    const int64_t padded = keys_across.stride;
    product<LANES>(as_it_lies(h.q), keys_across, {h.queries, h.width, padded}, {{weights, padded}, scale_of(h)});
    for (int64_t r = 0; r < h.queries; ++r) softmax<LANES>(weights + r * padded, h.keys, padded);
    product<LANES>(as_it_lies({weights, padded}), h.v, {h.queries, h.keys, h.width}, {out});
  }
};

struct Backward {
  const AttentionHead& h;
  Strided<const float> values_across;  // [width, padded]
  const float* weights;
  Strided<const float> gradient;
  float* scores;  // [queries, padded], their gradient
  const HeadGradients& to;

  template <int LANES>
  CLB_INLINE void run() const {
    const int64_t padded = values_across.stride;
    const Strided<const float> of_scores{scores, padded};
    product<LANES>(as_it_lies(gradient), values_across, {h.queries, h.width, padded}, {{scores, padded}});
    for (int64_t r = 0; r < h.queries; ++r) softmax_backward<LANES>(weights + r * padded, scores + r * padded, padded);
    product<LANES>(as_it_lies(of_scores), h.k, {h.queries, h.keys, h.width}, {to.q, scale_of(h)});
    product<LANES>(transposed(of_scores), h.q, {h.keys, h.queries, h.width}, {to.k, scale_of(h)});
    product<LANES>(transposed({weights, padded}), gradient, {h.keys, h.queries, h.width}, {to.v});
  }
};

// Of each thread, for one head after another.
struct Scratch {
  std::vector<float> across, scores;
};
thread_local Scratch scratch;

}  // namespace

int64_t padded_keys(int64_t keys) { return (keys + kMostLanes - 1) / kMostLanes * kMostLanes; }

void attend_head(const AttentionHead& h, float* weights, Strided<float> out) {
  run_in_lanes(Forward{h, transpose(h.k, h.keys, h.width, padded_keys(h.keys), scratch.across), weights, out});
}

void attend_head_backward(const AttentionHead& h, const float* weights, Strided<const float> gradient, const HeadGradients& to) {
  const int64_t padded = padded_keys(h.keys);
  scratch.scores.resize(static_cast<size_t>(h.queries * padded));
  run_in_lanes(Backward{h, transpose(h.v, h.keys, h.width, padded, scratch.across), weights, gradient, scratch.scores.data(), to});
}

}  // namespace clb::nn
