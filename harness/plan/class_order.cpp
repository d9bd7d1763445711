#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <clb/base/error.hpp>
#include <clb/base/nearest.hpp>
#include <clb/base/sha256.hpp>
#include <clb/plan/class_order.hpp>
#include <numeric>
#include <utility>

#include "toml.hpp"

namespace clb::plan {
namespace {

constexpr uint32_t kPilotSeed = 1993;  // LAMDA-PILOT and its descendants

// A "seed sequence" for std::mt19937 whose words are the generator's state after init_by_array(key) (Matsumoto and Nishimura, 2002).
class InitByArray {
 public:
  using result_type = uint32_t;
  explicit InitByArray(uint64_t seed) : key_{static_cast<uint32_t>(seed)} {
    if (seed >> 32) key_.push_back(static_cast<uint32_t>(seed >> 32));
  }

  template <class Iterator>
  void generate(Iterator begin, Iterator end) const {
    constexpr size_t n = 624;
    std::array<uint32_t, n> s{};
    s[0] = 19650218;
    for (uint32_t i = 1; i < n; ++i) s[i] = 1812433253u * mixed(s[i - 1]) + i;
    size_t i = 1, j = 0;
    const auto advance = [&] {
      if (++i < n) return;
      s[0] = s[n - 1];
      i = 1;
    };
    for (size_t k = 0; k < n; ++k) {  // the key is shorter than the state
      s[i] = (s[i] ^ (mixed(s[i - 1]) * 1664525u)) + key_[j] + static_cast<uint32_t>(j);
      j = (j + 1) % key_.size();
      advance();
    }
    for (size_t k = 0; k + 1 < n; ++k) {
      s[i] = (s[i] ^ (mixed(s[i - 1]) * 1566083941u)) - static_cast<uint32_t>(i);
      advance();
    }
    s[0] = 0x80000000u;
    for (size_t k = 0; begin != end; ++begin, ++k) *begin = s[k % n];
  }

 private:
  static uint32_t mixed(uint32_t word) { return word ^ (word >> 30); }
  std::vector<uint32_t> key_;
};

uint64_t parse_seed(const std::string& digits, uint64_t max, const std::string& text, const std::string& where) {
  uint64_t seed = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), seed);
  if (error != std::errc{} || end != digits.data() + digits.size() || seed > max)
    throw base::Error(fmt::format("{}the seed in \"{}\" must be an integer from 0 to {}", lead(where), one_line(text), max));
  return seed;
}

}  // namespace

std::vector<int64_t> identity(int64_t n) {
  std::vector<int64_t> order(static_cast<size_t>(n));
  std::iota(order.begin(), order.end(), 0);
  return order;
}

uint32_t NumpyLegacy::up_to(uint32_t max) {
  const uint32_t mask = max == 0 ? 0 : UINT32_MAX >> std::countl_zero(max);
  uint32_t draw = next() & mask;
  while (draw > max) draw = next() & mask;
  return draw;
}

std::vector<int64_t> NumpyLegacy::permutation(int64_t n) {
  std::vector<int64_t> order = identity(n);
  for (size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[up_to(static_cast<uint32_t>(i - 1))]);
  return order;
}

PythonRandom::PythonRandom(uint64_t seed) {
  const InitByArray words(seed);
  words_.seed(words);
}

uint32_t PythonRandom::below(uint32_t count) {
  const int shift = std::countl_zero(count);
  uint32_t draw = next() >> shift;
  while (draw >= count) draw = next() >> shift;
  return draw;
}

std::vector<int64_t> PythonRandom::shuffled_range(int64_t n) {
  std::vector<int64_t> order = identity(n);
  for (size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[below(static_cast<uint32_t>(i))]);
  return order;
}

std::vector<int64_t> hashed_order(uint64_t order_seed, int64_t n) {
  std::vector<std::pair<base::Digest, int64_t>> keyed;
  for (int64_t c = 0; c < n; ++c) {
    base::Sha256 hash;
    hash.update("clb.class-order").update_u64(order_seed).update_u64(static_cast<uint64_t>(c));
    keyed.emplace_back(hash.finish(), c);
  }
  std::sort(keyed.begin(), keyed.end());
  std::vector<int64_t> order;
  for (const auto& [digest, c] : keyed) order.push_back(c);
  return order;
}

OrderName parse_order(const std::string& text, const std::string& where) {
  if (text == "pilot") return {"numpy", true, kPilotSeed, ""};
  for (const std::string kind : {"numpy", "python"}) {
    if (!text.starts_with(kind + "(") || !text.ends_with(")")) continue;
    const std::string digits = text.substr(kind.size() + 1, text.size() - kind.size() - 2);
    return {kind, true, parse_seed(digits, kind == "numpy" ? UINT32_MAX : UINT64_MAX, text, where), ""};
  }
  if (text.starts_with("official:")) return {"official", true, 0, text.substr(9)};
  const std::vector<std::string> names = {"pilot", "numpy", "python", "identity", "official", "seed"};
  if (std::find(names.begin(), names.end(), text) != names.end()) return {text, false, 0, ""};
  const std::string near = base::nearest(text, names);
  throw base::Error(lead(where) + fmt::format("unknown class order \"{}\"", one_line(text)) +
                    (near.empty() ? "; known are pilot, numpy(SEED), python(SEED), identity, official, official:NAME, seed, or a list"
                                  : fmt::format("; did you mean \"{}\"?", near)));
}

std::vector<int64_t> permutation(const OrderName& name, uint64_t order_seed, int64_t n, const std::string& where) {
  const uint64_t seed = name.has_argument ? name.seed : order_seed;
  if (name.kind == "identity") return identity(n);
  if (name.kind == "seed") return hashed_order(order_seed, n);
  if (name.kind == "python") return PythonRandom(seed).shuffled_range(n);
  if (seed > UINT32_MAX) throw base::Error(fmt::format("{}the order numpy takes seeds up to {}, not {}", lead(where), UINT32_MAX, seed));
  return NumpyLegacy(static_cast<uint32_t>(seed)).permutation(n);
}

std::pair<std::string, std::vector<int64_t>> official_order(const OrderName& name, const OfficialOrders& official,
                                                            const std::string& where) {
  std::vector<std::string> names;
  for (const auto& [key, order] : official.orders) names.push_back(key);
  if (names.empty()) throw base::Error(fmt::format("{}dataset {} has no official {} order", lead(where), official.dataset, official.what));
  if (!name.has_argument && names.size() > 1)
    throw base::Error(fmt::format("{}dataset {} has several official {} orders, name one: official:{}", lead(where), official.dataset,
                                  official.what, fmt::join(names, ", official:")));
  const auto found = official.orders.find(name.has_argument ? name.official : names.front());
  if (found == official.orders.end())
    throw base::Error(fmt::format("{}dataset {} has no official {} order \"{}\"{}", lead(where), official.dataset, official.what,
                                  one_line(name.official), suggestion(name.official, names, "its orders")));
  std::vector<int64_t> sorted = found->second;
  std::sort(sorted.begin(), sorted.end());
  if (sorted != identity(official.count))
    throw base::Error(fmt::format("{}the official {} order \"{}\" of dataset {} is no permutation of its {} {}", lead(where), official.what,
                                  found->first, official.dataset, official.count, official.plural));
  return *found;
}

}  // namespace clb::plan
