// Keys: every random choice of a run is a pure hash of (seed, name, indices), never of method, precision, threads, device or the order of
// calls.
#pragma once

#include <clb/base/sha256.hpp>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string_view>
#include <vector>

namespace clb::stream {

class Keys {
 public:
  explicit Keys(int64_t seed);

  base::Digest derive(std::string_view name, std::span<const int64_t> indices = {}) const;
  uint64_t number(std::string_view name, std::initializer_list<int64_t> indices) const;  // first 8 bytes of derive
  // What a method may draw from: host shuffles cannot be rebuilt from it.
  Keys for_method() const;

 private:
  explicit Keys(const base::Digest& root) : root_(root) {}
  base::Digest root_;
};

// A uniform permutation of 0..n-1 (Fisher-Yates, unbiased draws from mt19937_64 seeded by `key`).
std::vector<int64_t> permutation(uint64_t key, int64_t n);

}  // namespace clb::stream
