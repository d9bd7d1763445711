// Files of CIFAR's "binary version": records without a header, of one or two labels and the planes of an image, plain, gzip or xz.
#pragma once

#include <array>
#include <clb/sdk/dataset.hpp>
#include <clb/sdk/packed_file.hpp>
#include <sstream>

namespace clb {

struct CifarRecords {
  static constexpr int64_t kSide = 32, kPlane = kSide * kSide, kImage = 3 * kPlane;

  std::vector<uint8_t> pixels;  // [n, 32, 32, 3]
  std::vector<uint8_t> labels;  // [n]

  std::span<const uint8_t> image(int64_t i) const { return {pixels.data() + i * kImage, kImage}; }
};

// A label byte at the beginning of each record; the last one is kept.
struct CifarLabel {
  const char* what;  // "fine label"
  int64_t count;
};

// Appends exactly `count` records; planes become channels-last once, here, so that read() hands out views.
template <size_t N>
void append_cifar(CifarRecords& to, const Path& name, int64_t count, const std::array<CifarLabel, N>& labels) {
  using R = CifarRecords;
  PackedFile file(name);
  std::array<uint8_t, N + R::kImage> record;
  to.labels.reserve(to.labels.size() + static_cast<size_t>(count));
  to.pixels.reserve(to.pixels.size() + static_cast<size_t>(count * R::kImage));
  for (int64_t i = 0; i < count; ++i) {
    const uint64_t at = file.offset();
    file.read_exactly(record, ("record " + std::to_string(i) + " of " + std::to_string(count)).c_str());
    for (size_t k = 0; k < N; ++k) {
      if (record[k] < labels[k].count) continue;
      file.fail(std::string(labels[k].what) + " " + std::to_string(record[k]) + " is not below " + std::to_string(labels[k].count), at + k);
    }
    to.labels.push_back(record[N - 1]);
    const size_t begin = to.pixels.size();
    to.pixels.resize(begin + R::kImage);
    const uint8_t *red = record.data() + N, *green = red + R::kPlane, *blue = green + R::kPlane;
    uint8_t* pixel = to.pixels.data() + begin;
    for (int64_t p = 0; p < R::kPlane; ++p, pixel += 3) pixel[0] = red[p], pixel[1] = green[p], pixel[2] = blue[p];
  }
  file.expect_end();
}

// A file of class names beside the records, when there is one, must list the classes that the plugin knows.
inline void require_cifar_names(const Path& file, const std::vector<std::string>& names) {
  if (!std::filesystem::exists(file)) return;
  const std::vector<uint8_t> bytes = read_packed(file, 64 << 10);
  std::istringstream lines(std::string(bytes.begin(), bytes.end()));
  size_t row = 0;
  for (std::string line; std::getline(lines, line); ++row) {
    if (line.ends_with('\r')) line.pop_back();
    if (line.empty() && row == names.size()) return;
    if (row < names.size() && line == names[row]) continue;
    throw PluginError(CLB_E_IO, file.string() + ":" + std::to_string(row + 1) + ": class \"" + line + "\", wanted " +
                                    (row < names.size() ? "\"" + names[row] + "\"" : "the end of the file"));
  }
  if (row < names.size()) {
    throw PluginError(CLB_E_IO, file.string() + ": has " + std::to_string(row) + " names, wanted " + std::to_string(names.size()));
  }
}

}  // namespace clb
