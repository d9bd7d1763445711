// MATLAB files of level 5 made in memory.
#pragma once

#include <zlib.h>

#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

namespace clb::testing {

inline std::string le32(uint32_t value) {
  std::string bytes(4, '\0');
  std::memcpy(bytes.data(), &value, 4);
  return bytes;
}

inline std::string mat_element(uint32_t type, std::string data) {
  const auto size = static_cast<uint32_t>(data.size());
  data.resize((data.size() + 7) / 8 * 8);
  return le32(type) + le32(size) + data;
}

// kind: 1 cell, 2 struct, 4 char, 6 double, 9 uint8. `body`: what follows the name.
inline std::string mat_array(uint32_t kind, const std::vector<uint32_t>& sides, const std::string& name, const std::string& body) {
  std::string numbers;
  for (const uint32_t side : sides) numbers += le32(side);
  return mat_element(14, mat_element(6, le32(kind) + le32(0)) + mat_element(5, numbers) + mat_element(1, name) + body);
}

inline std::string mat_bytes(const std::vector<uint32_t>& sides, const std::string& name, const std::string& values) {
  return mat_array(9, sides, name, mat_element(2, values));
}

inline std::string mat_text(const std::string& text) {
  return mat_array(4, {1, static_cast<uint32_t>(text.size())}, "", mat_element(16, text));
}

// A 1 x 1 double, kept as a small element of one byte, as MATLAB does.
inline std::string mat_number(uint8_t value) {
  return mat_array(6, {1, 1}, "", le32(1 << 16 | 2) + std::string(1, static_cast<char>(value)) + std::string(3, '\0'));
}

inline std::string mat_packed(const std::string& array) {
  uLongf size = compressBound(array.size());
  std::string packed(size, '\0');
  compress(reinterpret_cast<Bytef*>(packed.data()), &size, reinterpret_cast<const Bytef*>(array.data()), array.size());
  packed.resize(size);
  return le32(15) + le32(static_cast<uint32_t>(size)) + packed;
}

inline std::string mat_file(const std::string& variables) {
  std::string header = "MATLAB 5.0 MAT-file";
  header.resize(124, ' ');
  return header + std::string("\0\1IM", 4) + variables;
}

}  // namespace clb::testing
