// PNG files made in memory; needs zlib.
#pragma once

#include <zlib.h>

#include <cstdint>
#include <string>

namespace clb::testing {

inline void append_big_endian(std::string& bytes, uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) bytes.push_back(static_cast<char>(value >> shift));
}

inline std::string png_chunk(const std::string& type, const std::string& data) {
  std::string bytes;
  append_big_endian(bytes, static_cast<uint32_t>(data.size()));
  const std::string checked = type + data;
  bytes += checked;
  append_big_endian(bytes,
                    static_cast<uint32_t>(crc32(0, reinterpret_cast<const Bytef*>(checked.data()), static_cast<uInt>(checked.size()))));
  return bytes;
}

// colour: 0 grey, 2 RGB. rows: for each row a zero byte (no filter) and its samples, `bits` wide.
inline std::string png(uint32_t width, uint32_t height, int bits, int colour, const std::string& rows) {
  std::string header;
  append_big_endian(header, width);
  append_big_endian(header, height);
  header += {static_cast<char>(bits), static_cast<char>(colour), 0, 0, 0};
  uLongf size = compressBound(rows.size());
  std::string packed(size, '\0');
  compress(reinterpret_cast<Bytef*>(packed.data()), &size, reinterpret_cast<const Bytef*>(rows.data()), rows.size());
  packed.resize(size);
  return "\x89PNG\r\n\x1a\n" + png_chunk("IHDR", header) + png_chunk("IDAT", packed) + png_chunk("IEND", "");
}

}  // namespace clb::testing
