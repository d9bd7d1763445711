#include "clb/data/resample.hpp"

#include <algorithm>
#include <cmath>

namespace clb::data {
namespace {

// Keys' cubic convolution; x is the distance from the sample.
template <class Real>
Real cubic(Real x, Real a) {
  x = std::abs(x);
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  if (x < 2) return (((x - 5) * x + 8) * x - 4) * a;
  return 0;
}

template <class Real>
Real linear(Real x) {
  return std::max<Real>(0, 1 - std::abs(x));
}

template <class Real>
struct Taps {
  int64_t first = 0;  // within the box
  std::vector<Real> weights;
};

// Weights of output sample i when `in` samples become `out` and the filter is widened by the shrinking factor.
template <class Real>
Taps<Real> widened(int64_t i, int64_t in, int64_t out, Filter filter) {
  const Real scale = static_cast<Real>(in) / static_cast<Real>(out), widen = std::max<Real>(scale, 1);
  const Real support = (filter == Filter::kBicubic ? 2 : 1) * widen;
  const auto center = static_cast<Real>(scale * (static_cast<double>(i) + 0.5));
  // Converting truncates toward zero, on purpose: the first difference may be negative.
  const int64_t first = std::max<int64_t>(static_cast<int64_t>(center - support + Real(0.5)), 0);
  const int64_t end = std::min<int64_t>(static_cast<int64_t>(center + support + Real(0.5)), in);
  Taps<Real> taps{first, {}};
  Real sum = 0;
  for (int64_t k = first; k < end; ++k) {
    const Real x = (static_cast<Real>(k) - center + Real(0.5)) * (1 / widen);
    const Real weight = filter == Filter::kBicubic ? cubic<Real>(x, Real(-0.5)) : linear(x);
    taps.weights.push_back(weight);
    sum += weight;
  }
  if (sum != 0) {
    for (Real& weight : taps.weights) weight /= sum;
  }
  return taps;
}

// The 2 or 4 nearest samples; those beyond the edge are the edge's.
Taps<float> nearest(int64_t i, int64_t in, int64_t out, Filter filter) {
  const float scale = static_cast<float>(in) / static_cast<float>(out);
  float at = scale * (static_cast<float>(i) + 0.5F) - 0.5F;
  if (filter == Filter::kBilinear) at = std::max(at, 0.0F);
  const auto floor = static_cast<int64_t>(std::floor(at));
  const int64_t reach = filter == Filter::kBicubic ? 2 : 1, low = floor - reach + 1, high = floor + reach;
  const auto clip = [in](int64_t k) { return std::clamp<int64_t>(k, 0, in - 1); };
  Taps<float> taps{clip(low), std::vector<float>(clip(high) - clip(low) + 1)};
  for (int64_t k = low; k <= high; ++k) {
    const float x = at - static_cast<float>(k);
    taps.weights[clip(k) - taps.first] += filter == Filter::kBicubic ? cubic(x, -0.75F) : linear(x);
  }
  return taps;
}

// Rounds half away from zero.
int32_t fixed_point(double weight) { return static_cast<int32_t>(weight * (1 << kPilBits) + (weight < 0 ? -0.5 : 0.5)); }

// Weights of 0 at both ends are left out; a step that changes nothing then has one tap.
template <class Real>
Taps<Real> without_zeros(Taps<Real> taps) {
  const auto is_set = [](Real weight) { return weight != 0; };
  const auto begin = std::find_if(taps.weights.begin(), taps.weights.end(), is_set);
  const auto end = std::find_if(taps.weights.rbegin(), taps.weights.rend(), is_set).base();
  if (begin >= end) return {};
  return {taps.first + (begin - taps.weights.begin()), {begin, end}};
}

// The table of a whole window out of the taps of single samples.
template <class Weight, class MakeTaps, class Convert>
Axis<Weight> assemble(const AxisSpec& spec, MakeTaps make, Convert convert) {
  std::vector<decltype(make(int64_t{}))> all(spec.window);
  Axis<Weight> axis;
  for (int64_t o = 0; o < spec.window; ++o) {
    const int64_t i = spec.window_begin + (spec.reversed ? spec.window - 1 - o : o);
    if (i >= 0 && i < spec.out) all[o] = without_zeros(make(i));
    axis.taps = std::max<int64_t>(axis.taps, static_cast<int64_t>(all[o].weights.size()));
  }
  for (const auto& taps : all) {
    axis.first.push_back(static_cast<int32_t>(spec.begin + taps.first));
    axis.count.push_back(static_cast<int32_t>(taps.weights.size()));
    for (const auto weight : taps.weights) axis.weights.push_back(convert(weight));
    axis.weights.resize(axis.first.size() * axis.taps);
  }
  return axis;
}

uint8_t to_byte(int32_t sum) { return static_cast<uint8_t>(std::clamp(sum >> kPilBits, 0, 255)); }

constexpr int32_t kHalf = 1 << (kPilBits - 1);

// One output row out of K source rows. Inlined into the clones below, so that each gets vector code of its own.
template <int K>
[[gnu::always_inline]] inline void combine(const int32_t* weights, const uint8_t* rows, int64_t length, uint8_t* out) {
  for (int64_t i = 0; i < length; ++i) {
    int32_t sum = kHalf;
    for (int k = 0; k < K; ++k) sum += weights[k] * rows[k * length + i];
    out[i] = to_byte(sum);
  }
}

// Any number of rows: the sums of a part of the row stay in the first-level cache.
[[gnu::always_inline]] inline void combine_many(const int32_t* weights, int64_t count, const uint8_t* rows, int64_t length, uint8_t* out) {
  constexpr int64_t kPart = 512;
  int32_t sums[kPart];
  for (int64_t begin = 0; begin < length; begin += kPart) {
    const int64_t part = std::min(kPart, length - begin);
    std::fill_n(sums, part, kHalf);
    for (int64_t k = 0; k < count; ++k) {
      const uint8_t* row = rows + k * length + begin;
      for (int64_t i = 0; i < part; ++i) sums[i] += weights[k] * row[i];
    }
    for (int64_t i = 0; i < part; ++i) out[begin + i] = to_byte(sums[i]);
  }
}

}  // namespace

template <class Weight>
std::pair<int64_t, int64_t> Axis<Weight>::sources() const {
  int64_t begin = INT64_MAX, end = 0;
  for (size_t o = 0; o < first.size(); ++o) {
    if (count[o] == 0) continue;
    begin = std::min<int64_t>(begin, first[o]);
    end = std::max<int64_t>(end, first[o] + count[o]);
  }
  return end == 0 ? std::pair<int64_t, int64_t>{0, 0} : std::pair{begin, end};
}
template struct Axis<int32_t>;
template struct Axis<float>;

PilAxis pil_axis(const AxisSpec& spec, Filter filter) {
  return assemble<int32_t>(
      spec, [&](int64_t i) { return widened<double>(i, spec.length, spec.out, filter); }, fixed_point);
}

FloatAxis float_axis(const AxisSpec& spec, Filter filter, bool antialias) {
  const auto make = [&](int64_t i) {
    return antialias ? widened<float>(i, spec.length, spec.out, filter) : nearest(i, spec.length, spec.out, filter);
  };
  return assemble<float>(spec, make, [](float weight) { return weight; });
}

[[gnu::target_clones("avx512f", "avx2", "default")]] void resample(const PilAxis& axis, const uint8_t* source, int64_t origin,
                                                                   int64_t length, uint8_t* out) {
  for (int64_t o = 0; o < axis.size(); ++o, out += length) {
    const int32_t* weights = axis.weights.data() + o * axis.taps;
    const uint8_t* rows = source + (axis.first[o] - origin) * length;
    switch (axis.count[o]) {
      case 0:
        std::fill_n(out, length, uint8_t{0});
        break;
      case 1:
        combine<1>(weights, rows, length, out);
        break;
      case 2:
        combine<2>(weights, rows, length, out);
        break;
      case 3:
        combine<3>(weights, rows, length, out);
        break;
      case 4:
        combine<4>(weights, rows, length, out);
        break;
      case 5:
        combine<5>(weights, rows, length, out);
        break;
      default:
        combine_many(weights, axis.count[o], rows, length, out);
    }
  }
}

[[gnu::target_clones("avx512f", "avx2", "default")]] void resample(const FloatAxis& axis, const float* source, int64_t origin,
                                                                   int64_t length, float* out) {
  for (int64_t o = 0; o < axis.size(); ++o, out += length) {
    const float* weights = axis.weights.data() + o * axis.taps;
    const float* rows = source + (axis.first[o] - origin) * length;
    std::fill_n(out, length, 0.0F);
    for (int64_t k = 0; k < axis.count[o]; ++k) {
      for (int64_t i = 0; i < length; ++i) out[i] += weights[k] * rows[k * length + i];
    }
  }
}

}  // namespace clb::data
