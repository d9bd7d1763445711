// The header of a safetensors file, checked: 8 bytes little-endian length, JSON, then the tensors' bytes without gaps or overlaps.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

namespace clb::base {

struct TensorEntry {
  std::string dtype;  // "F32", "BF16", "I64", "U8", ...
  std::vector<int64_t> shape;
  uint64_t begin = 0, end = 0;  // offsets into the whole file
};

struct SafetensorsHeader {
  std::map<std::string, TensorEntry> tensors;
  std::map<std::string, std::string> metadata;
};

// Checks the header length, the JSON, every dtype, shape, product, offset, gap and overlap against the file's size. `name` opens the
// sentence of the Error, which says the tensor and the offset.
SafetensorsHeader parse_safetensors(std::span<const uint8_t> file, const std::string& name);

// Bytes per element, 0 for an unknown dtype.
uint64_t dtype_size(const std::string& dtype);

// Header bytes (length prefix and JSON, padded to 8) for tensors laid out one after another in map order. `begin` and `end` of the entries
// are ignored; sizes follow from dtype and shape.
std::string safetensors_header(const std::map<std::string, TensorEntry>& tensors, const std::map<std::string, std::string>& metadata);

}  // namespace clb::base
