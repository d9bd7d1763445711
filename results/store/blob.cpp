#include "blob.hpp"

#include <SQLiteCpp/Column.h>
#include <zstd.h>

#include <algorithm>
#include <clb/base/error.hpp>
#include <clb/base/sha256.hpp>
#include <limits>

namespace clb::store {
namespace {

constexpr int kLevel = 3;
constexpr int64_t kMaxValues = int64_t{1} << 28;  // far above any test split; keeps a damaged length from asking for all memory

int64_t width_for(int64_t low, int64_t high) {
  auto fits = [&](auto type) {
    using Limits = std::numeric_limits<decltype(type)>;
    return low >= Limits::min() && high <= Limits::max();
  };
  if (fits(int8_t{})) return 1;
  if (fits(int16_t{})) return 2;
  return fits(int32_t{}) ? 4 : 8;
}

std::string hash(const std::string& raw) { return base::hex(base::sha256(std::string_view(raw))); }

}  // namespace

Blob pack(std::span<const int64_t> values) {
  if (static_cast<int64_t>(values.size()) > kMaxValues)
    throw base::Error(std::to_string(values.size()) + " class ids in one blob, expected at most " + std::to_string(kMaxValues),
                      base::Exit::kInternal);
  Blob blob;
  blob.n = static_cast<int64_t>(values.size());
  if (!values.empty()) {
    auto [low, high] = std::minmax_element(values.begin(), values.end());
    blob.width = width_for(*low, *high);
  }
  std::string raw;
  raw.reserve(values.size() * static_cast<size_t>(blob.width));
  for (int64_t value : values) {
    for (int64_t byte = 0; byte < blob.width; ++byte) raw.push_back(static_cast<char>(static_cast<uint64_t>(value) >> (8 * byte)));
  }
  blob.sha256 = hash(raw);
  blob.data.resize(ZSTD_compressBound(raw.size()));
  size_t size = ZSTD_compress(blob.data.data(), blob.data.size(), raw.data(), raw.size(), kLevel);
  if (ZSTD_isError(size)) throw base::Error(std::string("zstd cannot compress: ") + ZSTD_getErrorName(size), base::Exit::kInternal);
  blob.data.resize(size);
  return blob;
}

std::vector<int64_t> unpack(const Blob& blob, const std::string& where) {
  auto damaged = [&](const std::string& what) {
    return base::Error(where + ": damaged, " + what + "; restore the file from a copy or repeat the run with --again into a new one");
  };
  if (blob.width != 1 && blob.width != 2 && blob.width != 4 && blob.width != 8)
    throw damaged("width " + std::to_string(blob.width) + ", expected 1, 2, 4 or 8");
  if (blob.n < 0 || blob.n > kMaxValues) throw damaged("count " + std::to_string(blob.n));
  size_t expected = static_cast<size_t>(blob.n * blob.width);
  if (ZSTD_getFrameContentSize(blob.data.data(), blob.data.size()) != expected) throw damaged("the compressed frame has another length");
  std::string raw(expected, '\0');
  size_t size = ZSTD_decompress(raw.data(), raw.size(), blob.data.data(), blob.data.size());
  if (ZSTD_isError(size)) throw damaged(std::string("zstd says: ") + ZSTD_getErrorName(size));
  if (size != expected || hash(raw) != blob.sha256) throw damaged("the checksum does not fit");

  std::vector<int64_t> values(static_cast<size_t>(blob.n));
  const int shift = static_cast<int>(64 - 8 * blob.width);
  for (size_t i = 0; i < values.size(); ++i) {
    uint64_t bits = 0;
    for (size_t byte = 0; byte < static_cast<size_t>(blob.width); ++byte)
      bits |= static_cast<uint64_t>(static_cast<uint8_t>(raw[i * static_cast<size_t>(blob.width) + byte])) << (8 * byte);
    values[i] = static_cast<int64_t>(bits << shift) >> shift;  // sign extension
  }
  return values;
}

Blob blob_of(SQLite::Statement& row) {
  const SQLite::Column data = row.getColumn(3);
  Blob blob{row.getColumn(0).getInt64(), row.getColumn(1).getInt64(), row.getColumn(2).getString(), {}};
  if (data.getBytes() > 0) blob.data.assign(static_cast<const char*>(data.getBlob()), static_cast<size_t>(data.getBytes()));
  return blob;
}

}  // namespace clb::store
