// Whether neighbours rise or fall does not change when values are scaled, shifted or rounded. 30 such signs behind a place of an image are
// a pattern that hardly occurs elsewhere; where one occurs in the bytes, the whole image is compared.
#include "image_search.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <type_traits>

namespace clb::conformance {
namespace {

constexpr size_t kSigns = 30, kAnchorStep = 16;
constexpr uint32_t kMask = (1u << kSigns) - 1;
constexpr int64_t kSmallestSide = 8;
constexpr int64_t kEnough = 256;      // pixels that decide, where an image has as many
constexpr double kCorrelation = 0.8;  // a mean of 12 images has 0.5 with each of them
constexpr uint32_t kFilterBits = 24;

// An image upside down in brightness has the same pattern.
uint32_t canonical(uint32_t signs) { return (signs & 1) != 0 ? ~signs & kMask : signs; }
uint32_t hash(uint32_t pattern) { return pattern * 2654435761u >> (32 - kFilterBits); }

// A number as it may stand in a state: its order among others, and its value.
template <class T>
struct Whole {
  using Bits = T;
  static int64_t order(T bits) { return static_cast<int64_t>(bits); }
  static double value(T bits) { return static_cast<double>(bits); }
};
template <class T, int exponent_bits>
struct Floating {
  using Bits = T;
  static constexpr int kWidth = 8 * sizeof(T), kMantissa = kWidth - 1 - exponent_bits;
  static int64_t order(T bits) {  // the bits of a positive number rise with it, those of a negative one fall
    const auto magnitude = static_cast<int64_t>(bits & static_cast<T>(std::make_signed_t<T>(~T{0}) & ~(T{1} << (kWidth - 1))));
    return (bits >> (kWidth - 1)) != 0 ? -magnitude : magnitude;
  }
  static double value(T bits) {
    const int64_t exponent = (static_cast<int64_t>(bits) >> kMantissa) & ((int64_t{1} << exponent_bits) - 1);
    const int64_t mantissa = static_cast<int64_t>(bits) & ((int64_t{1} << kMantissa) - 1);
    constexpr int64_t kBias = (int64_t{1} << (exponent_bits - 1)) - 1;
    const double magnitude = exponent == 0 ? std::ldexp(static_cast<double>(mantissa), static_cast<int>(1 - kBias - kMantissa))
                                           : std::ldexp(static_cast<double>(mantissa | (int64_t{1} << kMantissa)),
                                                        static_cast<int>(exponent - kBias - kMantissa));
    return (bits >> (kWidth - 1)) != 0 ? -magnitude : magnitude;
  }
};
using Float64 = Floating<uint64_t, 11>;
using Float32 = Floating<uint32_t, 8>;
using Float16 = Floating<uint16_t, 5>;
using BFloat16 = Floating<uint16_t, 8>;

template <class Number>
const char* name() {
  if constexpr (std::is_same_v<Number, Float64>) return "float64";
  if constexpr (std::is_same_v<Number, Float32>) return "float32";
  if constexpr (std::is_same_v<Number, Float16>) return "float16";
  if constexpr (std::is_same_v<Number, BFloat16>) return "bfloat16";
  if constexpr (std::is_same_v<Number, Whole<uint8_t>>) return "uint8";
  if constexpr (std::is_same_v<Number, Whole<int8_t>>) return "int8";
  return "integers";
}

template <class Number>
typename Number::Bits load(std::string_view bytes, size_t at) {
  typename Number::Bits bits;
  std::memcpy(&bits, bytes.data() + at, sizeof bits);
  return bits;
}

// Sums for a correlation of two series.
struct Correlation {
  double n = 0, x = 0, y = 0, xx = 0, yy = 0, xy = 0;
  void add(double a, double b) {
    n += 1;
    x += a;
    y += b;
    xx += a * a;
    yy += b * b;
    xy += a * b;
  }
  double value() const {
    const double vx = n * xx - x * x, vy = n * yy - y * y;
    return vx > 0 && vy > 0 ? (n * xy - x * y) / std::sqrt(vx * vy) : 0;
  }
};

using Plane = std::vector<float>;

Plane transposed(const Plane& p, size_t side) {
  Plane out(p.size());
  for (size_t y = 0; y < side; ++y)
    for (size_t x = 0; x < side; ++x) out[x * side + y] = p[y * side + x];
  return out;
}
Plane mirrored(Plane p, size_t side) {
  for (auto row = p.begin(); row != p.end(); row += static_cast<int64_t>(side)) std::reverse(row, row + static_cast<int64_t>(side));
  return p;
}
// Half the side: means of four pixels, or every second one.
Plane halved(const Plane& p, size_t side, bool means) {
  Plane out;
  for (size_t y = 0; y < side; y += 2)
    for (size_t x = 0; x < side; x += 2) {
      const float* at = p.data() + y * side + x;
      out.push_back(means ? (at[0] + at[1] + at[side] + at[side + 1]) / 4 : at[0]);
    }
  return out;
}

std::vector<Plane> planes_of(const std::vector<uint8_t>& image, size_t side) {
  std::vector<Plane> planes(4, Plane(side * side));
  for (size_t k = 0; k < side * side; ++k) {
    for (size_t c = 0; c < 3; ++c) planes[c][k] = image[3 * k + c];
    planes[3][k] = 0.299f * planes[0][k] + 0.587f * planes[1][k] + 0.114f * planes[2][k];  // grey
  }
  return planes;
}

// The low `width` bits of every word, put together to bytes.
std::string low_bits(std::string_view bytes, size_t word, size_t phase, unsigned width, bool high_first, size_t skip) {
  std::string packed;
  unsigned value = 0, filled = 0;
  for (size_t at = phase + skip * word; at < bytes.size(); at += word) {
    const unsigned part = static_cast<unsigned char>(bytes[at]) & ((1u << width) - 1);
    value |= high_first ? part << (8 - width - filled) : part << filled;
    filled += width;
    if (filled < 8) continue;
    packed += static_cast<char>(value);
    value = filled = 0;
  }
  return packed;
}

}  // namespace

ImageSearch::ImageSearch(const std::vector<std::vector<uint8_t>>& images, int64_t side) {
  for (size_t i = 0; i < images.size(); ++i) add_planes(i, planes_of(images[i], static_cast<size_t>(side)), side);
  index();
}

void ImageSearch::add_planes(size_t image, const std::vector<Plane>& planes, int64_t side) {
  const auto n = static_cast<size_t>(side);
  for (const Plane& plane : planes) {
    const Plane other = mirrored(plane, n);
    for (const Plane& p : {plane, transposed(plane, n), other, transposed(other, n)}) sequences_.push_back({image, p});
  }
  if (side / 2 < kSmallestSide) return;
  for (const bool means : {true, false}) {
    std::vector<Plane> halves;
    for (const Plane& plane : planes) halves.push_back(halved(plane, n, means));
    add_planes(image, halves, side / 2);
  }
}

void ImageSearch::index() {
  maybe_.assign(size_t{1} << (kFilterBits - 6), 0);
  for (size_t s = 0; s < sequences_.size(); ++s) {
    const std::vector<float>& v = sequences_[s].values;
    for (size_t at = 0; at + kSigns < v.size(); at += kAnchorStep) {
      uint32_t signs = 0;
      for (size_t k = 0; k < kSigns; ++k) signs = signs << 1 | static_cast<uint32_t>(v[at + k + 1] > v[at + k]);
      anchors_.push_back({canonical(signs), static_cast<uint32_t>(s), static_cast<uint32_t>(at)});
      const uint32_t bit = hash(anchors_.back().pattern);
      maybe_[bit / 64] |= uint64_t{1} << bit % 64;
    }
  }
  std::ranges::sort(anchors_, {}, &Anchor::pattern);
}

// The first images of the stream of numbers that begins at `phase`; element: where the pattern begins.
template <class Number>
std::optional<ImageSearch::Found> ImageSearch::verify(std::string_view bytes, size_t stride, size_t phase, int64_t element,
                                                      uint32_t pattern) const {
  const auto count = static_cast<int64_t>((bytes.size() - phase - sizeof(typename Number::Bits)) / stride) + 1;
  for (const Anchor& anchor : std::ranges::equal_range(anchors_, pattern, {}, &Anchor::pattern)) {
    const Sequence& sequence = sequences_[anchor.sequence];
    const auto length = static_cast<int64_t>(sequence.values.size()), first = element - anchor.offset;
    const int64_t begin = std::max<int64_t>(0, -first), end = std::min(length, count - first);
    if (end - begin < std::min(length, kEnough)) continue;
    Correlation correlation;
    for (int64_t k = begin; k < end; ++k)
      correlation.add(static_cast<double>(sequence.values[static_cast<size_t>(k)]),
                      Number::value(load<Number>(bytes, phase + static_cast<size_t>(first + k) * stride)));
    if (const double r = std::abs(correlation.value()); r > kCorrelation) {  // not where a number is infinite or NaN
      const std::string spread = stride == sizeof(typename Number::Bits) ? "" : ", one every " + std::to_string(stride) + " bytes";
      return Found{sequence.image, name<Number>() + spread, r};
    }
  }
  return std::nullopt;
}

template <class Number>
std::optional<ImageSearch::Found> ImageSearch::find_as(std::string_view bytes, size_t stride) const {
  constexpr size_t kSize = sizeof(typename Number::Bits);
  for (size_t phase = 0; phase < stride && phase + kSize <= bytes.size(); ++phase) {
    uint32_t signs = 0;
    int64_t before = Number::order(load<Number>(bytes, phase)), element = 0;
    for (size_t at = phase + stride; at + kSize <= bytes.size(); at += stride) {
      const int64_t now = Number::order(load<Number>(bytes, at));
      signs = (signs << 1 | static_cast<uint32_t>(now > before)) & kMask;
      before = now;
      if (++element < static_cast<int64_t>(kSigns)) continue;
      const uint32_t pattern = canonical(signs), bit = hash(pattern);
      if ((maybe_[bit / 64] >> bit % 64 & 1) == 0) continue;
      if (auto found = verify<Number>(bytes, stride, phase, element - static_cast<int64_t>(kSigns), pattern)) return found;
    }
  }
  return std::nullopt;
}

std::optional<ImageSearch::Found> ImageSearch::find_in_low_bits(std::string_view bytes) const {
  for (const size_t word : {4, 2, 8})
    for (const unsigned width : {4u, 2u, 1u})
      for (size_t phase = 0; phase < word; ++phase)
        for (const bool high_first : {false, true})
          for (size_t skip = 0; skip < 8 / width; ++skip) {
            const std::string packed = low_bits(bytes, word, phase, width, high_first, skip);
            for (const size_t stride : {1, 3}) {
              auto found = find_as<Whole<uint8_t>>(packed, stride);
              if (!found) continue;
              found->as = std::to_string(width) + " bits of every " + std::to_string(word) + " bytes";
              return found;
            }
          }
  return std::nullopt;
}

// Two values in each byte.
std::optional<ImageSearch::Found> ImageSearch::find_in_nibbles(std::string_view bytes) const {
  for (const bool high_first : {false, true}) {
    std::string values;
    for (const char c : bytes) {
      const auto low = static_cast<char>(c & 15), high = static_cast<char>(static_cast<unsigned char>(c) >> 4);
      values += {high_first ? high : low, high_first ? low : high};
    }
    for (const size_t stride : {1, 2, 3})
      if (auto found = find_as<Whole<uint8_t>>(values, stride)) {
        found->as = "4 bits of a byte each";
        return found;
      }
  }
  return std::nullopt;
}

std::optional<ImageSearch::Found> ImageSearch::find(std::string_view bytes) const {
  std::optional<Found> found;
  const auto look = [&]<class Number>(Number, std::initializer_list<size_t> strides) {
    for (const size_t stride : strides)
      if (!found) found = find_as<Number>(bytes, stride);
  };
  look(Whole<uint8_t>{}, {1, 2, 3, 4, 6, 8, 12, 24});  // 3 times a width: interleaved channels
  look(Whole<int8_t>{}, {1, 2, 3, 4, 6, 8, 12, 24});
  look(Float32{}, {4, 8, 12});
  look(BFloat16{}, {2, 4, 6, 8, 12});
  look(Float16{}, {2, 4, 6, 8, 12});
  look(Whole<uint16_t>{}, {2, 4, 6, 8});
  look(Whole<int16_t>{}, {2, 6});
  look(Whole<int32_t>{}, {4, 12});
  look(Whole<int64_t>{}, {8, 24});
  look(Float64{}, {8, 24});
  if (!found) found = find_in_nibbles(bytes);
  return found ? found : find_in_low_bits(bytes);
}

}  // namespace clb::conformance
