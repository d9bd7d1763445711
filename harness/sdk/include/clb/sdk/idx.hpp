// IDX, the format of MNIST and its relatives: two zero bytes, element type, number of dimensions, big-endian uint32 sides, elements.
#pragma once

#include <algorithm>
#include <array>
#include <clb/sdk/packed_file.hpp>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace clb {

// An array of N dimensions. T is a type of one byte; wider ones would need their byte order changed.
template <class T, size_t N>
struct IdxArray {
  static_assert(sizeof(T) == 1 && N >= 1);

  Path file;
  std::array<int64_t, N> sides{};
  std::vector<T> values;

  static constexpr uint64_t kHeader = 4 + 4 * N;  // bytes before the first value

  int64_t size() const { return sides[0]; }
  auto begin() const { return values.begin(); }  // over the values
  auto end() const { return values.end(); }
  // The i-th slice along the first side, a row-major [sides[1], ...] array.
  std::span<const T> operator[](int64_t i) const {
    const size_t slice = sides[0] ? values.size() / static_cast<size_t>(sides[0]) : 0;
    return {values.data() + static_cast<size_t>(i) * slice, slice};
  }
};

namespace detail {

template <class T>
inline constexpr uint8_t kIdxType = 0;
template <>
inline constexpr uint8_t kIdxType<uint8_t> = 0x08;
template <>
inline constexpr uint8_t kIdxType<int8_t> = 0x09;

inline constexpr uint64_t kIdxLimit = uint64_t{1} << 34;  // bytes of one array

// Reads in steps, so that a header that claims too much costs no memory before the file's end tells.
template <class T>
std::vector<T> read_values(PackedFile& file, uint64_t count) {
  constexpr uint64_t kStep = 1 << 20;
  std::vector<T> values;
  while (values.size() < count) {
    const size_t old = values.size();
    values.resize(old + std::min(kStep, count - old));
    file.read_exactly({reinterpret_cast<uint8_t*>(values.data() + old), values.size() - old}, "the values");
  }
  return values;
}

}  // namespace detail

// Reads `name`, plain, .gz or .xz. Another element type or number of dimensions, or a length that does not follow from the sides, is a
// PluginError(CLB_E_IO) that names file and offset.
template <class T, size_t N>
IdxArray<T, N> read_idx(const Path& name) {
  PackedFile file(name);
  std::array<uint8_t, IdxArray<T, N>::kHeader> header;
  file.read_exactly(header, "the IDX header");
  if (header[0] != 0 || header[1] != 0) file.fail("is no IDX file: it must begin with two zero bytes", 0);
  if (header[2] != detail::kIdxType<T>) {
    file.fail("has the IDX element type " + std::to_string(header[2]) + ", wanted " + std::to_string(detail::kIdxType<T>), 2);
  }
  if (header[3] != N) file.fail("has " + std::to_string(header[3]) + " dimensions, wanted " + std::to_string(N), 3);

  IdxArray<T, N> array;
  uint64_t count = 1;
  for (size_t i = 0; i < N; ++i) {
    const uint8_t* side = header.data() + 4 + 4 * i;
    array.sides[i] = int64_t{side[0]} << 24 | int64_t{side[1]} << 16 | int64_t{side[2]} << 8 | int64_t{side[3]};
    const auto sides = static_cast<uint64_t>(array.sides[i]);
    if (sides == 0 || sides > detail::kIdxLimit / count) file.fail("has a side of impossible length " + std::to_string(sides), 4 + 4 * i);
    count *= sides;
  }
  array.values = detail::read_values<T>(file, count);
  file.expect_end();
  array.file = file.path();
  return array;
}

template <class A, class B>
void require_same_length(const A& a, const B& b) {
  if (a.size() == b.size()) return;
  throw PluginError(CLB_E_IO, a.file.string() + ": has " + std::to_string(a.size()) + " samples (offset 4), but " +
                                  b.file.filename().string() + " has " + std::to_string(b.size()));
}

// Every slice must have these sides: IdxArray [n, sides...].
template <class T, size_t N>
void require_sides(const IdxArray<T, N>& array, const std::array<int64_t, N - 1>& sides) {
  for (size_t i = 1; i < N; ++i) {
    if (array.sides[i] == sides[i - 1]) continue;
    throw PluginError(CLB_E_IO, array.file.string() + ": side " + std::to_string(i) + " (offset " + std::to_string(4 + 4 * i) + ") is " +
                                    std::to_string(array.sides[i]) + ", wanted " + std::to_string(sides[i - 1]));
  }
}

// Labels must lie in [0, class_count).
template <class T>
void require_labels(const IdxArray<T, 1>& labels, int64_t class_count) {
  for (int64_t i = 0; i < labels.size(); ++i) {
    const int64_t label = labels.values[static_cast<size_t>(i)];
    if (label >= 0 && label < class_count) continue;
    throw PluginError(CLB_E_IO, labels.file.string() + ": label " + std::to_string(label) + " of sample " + std::to_string(i) +
                                    " (offset " + std::to_string(labels.kHeader + static_cast<uint64_t>(i)) + ") is not below " +
                                    std::to_string(class_count));
  }
}

}  // namespace clb
