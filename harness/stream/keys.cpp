#include <clb/stream/keys.hpp>
#include <cstring>
#include <numeric>
#include <random>
#include <utility>

namespace clb::stream {
namespace {

uint64_t first8(const base::Digest& digest) {
  uint64_t number;
  std::memcpy(&number, digest.data(), sizeof number);
  return number;
}

// Uniform in [0, bound) without modulo bias: the draws of the incomplete last block are thrown away.
uint64_t below(std::mt19937_64& generator, uint64_t bound) {
  const uint64_t limit = UINT64_MAX - UINT64_MAX % bound;
  for (;;)
    if (const uint64_t draw = generator(); draw < limit) return draw % bound;
}

}  // namespace

Keys::Keys(int64_t seed) : root_(base::Sha256().update("clbench keys 1").update_u64(static_cast<uint64_t>(seed)).finish()) {}

base::Digest Keys::derive(std::string_view name, std::span<const int64_t> indices) const {
  base::Sha256 hash;
  hash.update(std::span<const uint8_t>(root_)).update_u64(name.size()).update(name);
  for (int64_t index : indices) hash.update_u64(static_cast<uint64_t>(index));
  return hash.finish();
}

uint64_t Keys::number(std::string_view name, std::initializer_list<int64_t> indices) const {
  return first8(derive(name, std::span<const int64_t>(indices.begin(), indices.size())));
}

Keys Keys::for_method() const { return Keys(derive("method")); }

std::vector<int64_t> permutation(uint64_t key, int64_t n) {
  std::vector<int64_t> order(static_cast<size_t>(n));
  std::iota(order.begin(), order.end(), 0);
  std::mt19937_64 generator(key);
  for (int64_t i = n - 1; i > 0; --i) std::swap(order[i], order[below(generator, static_cast<uint64_t>(i) + 1)]);
  return order;
}

}  // namespace clb::stream
