// JPEG or PNG, by the first bytes. Who delivers image files and who decodes them must mean the same.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>

namespace clb::base {

enum class ImageKind { kNeither, kJpeg, kPng };

inline ImageKind image_kind(std::span<const uint8_t> file) {
  constexpr std::array<uint8_t, 3> kJpeg{0xff, 0xd8, 0xff};
  constexpr std::array<uint8_t, 8> kPng{0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
  const auto begins_with = [&](const auto& magic) {
    return file.size() >= magic.size() && std::equal(magic.begin(), magic.end(), file.begin());
  };
  return begins_with(kJpeg) ? ImageKind::kJpeg : begins_with(kPng) ? ImageKind::kPng : ImageKind::kNeither;
}

}  // namespace clb::base
