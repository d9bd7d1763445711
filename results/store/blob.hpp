// Class ids of many samples as one compressed, checksummed blob.
#pragma once

#include <SQLiteCpp/Statement.h>

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace clb::store {

struct Blob {
  int64_t n = 0;       // values
  int64_t width = 1;   // bytes per value: little-endian, signed; the smallest of 1, 2, 4, 8 that holds all of them
  std::string sha256;  // of the n * width raw bytes
  std::string data;    // one zstd frame
};

Blob pack(std::span<const int64_t> values);

// `where` ("FILE: prediction of attempt 3 after task 2") opens the sentence of the Error when length, width or checksum do not fit.
std::vector<int64_t> unpack(const Blob& blob, const std::string& where);

Blob blob_of(SQLite::Statement& row);  // its columns are n, width, sha256, data

}  // namespace clb::store
