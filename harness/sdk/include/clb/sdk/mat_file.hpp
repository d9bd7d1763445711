// MATLAB's files of level 5 (MAT 5, `save -v6` and `-v7`), little-endian: numbers, texts, cells and structs, packed with zlib or not. What
// level 7.3 writes is HDF5 and is told as such. Every problem is a PluginError(CLB_E_IO) with file and cause.
#pragma once

#include <clb/sdk/error.hpp>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace clb {

struct MatArray {
  std::string name;
  std::vector<int64_t> sides;       // at least two; values go down the first side first
  std::vector<uint8_t> bytes;       // of numbers of one byte
  std::vector<double> numbers;      // of all other numbers
  std::string text;                 // of char arrays, one byte a letter
  std::vector<std::string> fields;  // of a struct
  std::vector<MatArray> elements;   // of a cell; of a struct, all fields of its first element, then of the next

  int64_t size() const;                                             // product of the sides
  double number(int64_t i, const char* what) const;                 // of either kind of numbers
  const MatArray& field(int64_t i, const std::string& name) const;  // of element i of a struct
};

// The variables of a file.
std::vector<MatArray> read_mat(const std::filesystem::path& file);

// One of them, or an error that lists those that are there.
const MatArray& variable(const std::vector<MatArray>& all, const std::string& name, const std::filesystem::path& file);

}  // namespace clb
