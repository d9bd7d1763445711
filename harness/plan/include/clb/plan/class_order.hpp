// Class orders: element k of an order is the original class that becomes class k. The generators are those of NumPy and Python, bit by
// bit, because the published orders of the field are drawn with them.
#pragma once

#include <cstdint>
#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace clb::plan {

// numpy.random.seed(seed): the legacy RandomState. Its bounded draws keep the low bits of one 32-bit word and reject (methods:
// representation 2.1; golden/representation/class_orders.md).
class NumpyLegacy {
 public:
  explicit NumpyLegacy(uint32_t seed) : words_(seed) {}
  uint32_t next() { return static_cast<uint32_t>(words_()); }
  uint32_t up_to(uint32_t max);                 // uniform in [0, max]
  std::vector<int64_t> permutation(int64_t n);  // numpy.random.permutation(n)

 private:
  std::mt19937 words_;
};

// random.seed(seed) of Python 3 with an integer: MT19937 seeded by init_by_array with the 32-bit words of the seed, low word first; bounded
// draws keep the high bits of one word and reject (methods: prompt_based 1.5).
class PythonRandom {
 public:
  explicit PythonRandom(uint64_t seed);
  uint32_t next() { return static_cast<uint32_t>(words_()); }
  uint32_t below(uint32_t count);                  // uniform in [0, count), count > 0
  std::vector<int64_t> shuffled_range(int64_t n);  // random.shuffle(list(range(n)))

 private:
  std::mt19937 words_;
};

// The order "seed": classes 0 .. n-1 sorted by SHA-256 of ("clb.class-order", order_seed, class). Depends on nothing else.
std::vector<int64_t> hashed_order(uint64_t order_seed, int64_t n);

// A class order as an experiment names it.
struct OrderName {
  std::string kind;           // identity | numpy | python | official | seed
  bool has_argument = false;  // numpy(7), python(3), official:NAME
  uint64_t seed = 0;          // of numpy(7) and python(3)
  std::string official;       // of official:NAME

  bool uses_order_seed() const { return kind == "seed" || ((kind == "numpy" || kind == "python") && !has_argument); }
};

// "pilot" (= numpy(1993)), "numpy", "numpy(7)", "python", "python(3)", "identity", "official", "official:NAME", "seed". Without an argument
// numpy and python draw with order_seed. Error begins with `where`.
OrderName parse_order(const std::string& text, const std::string& where);

std::vector<int64_t> identity(int64_t n);  // 0 .. n-1

// A permutation of 0 .. n-1 by any name but "official".
std::vector<int64_t> permutation(const OrderName& name, uint64_t order_seed, int64_t n, const std::string& where);

// What a data set states about one kind of things.
struct OfficialOrders {
  const std::map<std::string, std::vector<int64_t>>& orders;
  std::string dataset;
  const char* what;    // "class", "domain"
  const char* plural;  // "classes", "domains"
  int64_t count;
};

// The name and the permutation of "official" (the only one) or "official:NAME". Error: there is none, several, or it is no permutation.
std::pair<std::string, std::vector<int64_t>> official_order(const OrderName& name, const OfficialOrders& official,
                                                            const std::string& where);

}  // namespace clb::plan
