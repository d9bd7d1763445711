// SHA-256 (OpenSSL's libcrypto) of memory, files and streams.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace clb::base {

using Digest = std::array<uint8_t, 32>;

class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;

  Sha256& update(std::span<const uint8_t> bytes);
  Sha256& update(std::string_view text);
  Sha256& update_u64(uint64_t value);  // little-endian, so that concatenations are unambiguous
  Digest finish();                     // once

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

Digest sha256(std::string_view text);
Digest sha256(std::span<const uint8_t> bytes);
Digest sha256_file(const std::filesystem::path& file);  // Error when it cannot be read
std::string hex(std::span<const uint8_t> bytes);        // lower case

// sha256_file in hex, remembered in `cache_dir` so that large files are hashed once: by the file's stamp, when that was settled, and by a
// sample of its bytes.
std::string sha256_file_cached(const std::filesystem::path& file, const std::filesystem::path& cache_dir);

}  // namespace clb::base
