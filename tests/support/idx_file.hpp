// IDX files made in memory, as MNIST has them.
#pragma once

#include <cstdint>
#include <string>

namespace clb::testing {

inline std::string be32(uint32_t value) {
  return {static_cast<char>(value >> 24), static_cast<char>(value >> 16), static_cast<char>(value >> 8), static_cast<char>(value)};
}
inline std::string idx_labels(const std::string& values) {
  return std::string("\0\0\x08\x01", 4) + be32(static_cast<uint32_t>(values.size())) + values;
}
// Byte i of all is i mod 251.
inline std::string idx_images(size_t count, uint32_t height = 28, uint32_t width = 28) {
  std::string file = std::string("\0\0\x08\x03", 4) + be32(static_cast<uint32_t>(count)) + be32(height) + be32(width);
  for (size_t i = 0; i < count * height * width; ++i) file += static_cast<char>(i % 251);
  return file;
}

}  // namespace clb::testing
