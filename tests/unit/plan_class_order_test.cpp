// Class orders against NumPy's and Python's own (fixtures class_orders.json and class_orders_python.json).
#include <gtest/gtest.h>

#include <algorithm>
#include <clb/base/error.hpp>
#include <clb/base/file.hpp>
#include <clb/base/json.hpp>
#include <clb/plan/class_order.hpp>
#include <clb/plan/plan.hpp>
#include <cstdlib>
#include <filesystem>
#include <sstream>

namespace clb::plan {
namespace {

using base::Json;

Json fixture(const std::string& name) {
  const char* folder = std::getenv("CLB_GOLDEN_DIR");
  const std::filesystem::path file = std::filesystem::path(folder ? folder : CLB_SOURCE_DIR "/tests/golden") / name;
  return std::filesystem::exists(file) ? base::parse_json(base::read_file(file), file.string()) : Json();
}

#define LOAD_OR_SKIP(variable, name)   \
  const Json variable = fixture(name); \
  if (variable.is_null()) GTEST_SKIP() << "SKIPPED: no fixture " << name

std::vector<int64_t> inverse(const std::vector<int64_t>& order) {
  std::vector<int64_t> position(order.size());
  for (size_t k = 0; k < order.size(); ++k) position[static_cast<size_t>(order[k])] = static_cast<int64_t>(k);
  return position;
}

TEST(NumpyOrder, Permutations) {
  LOAD_OR_SKIP(golden, "class_orders.json");
  for (const auto& [seed, orders] : golden.at("orders").items())
    for (const auto& [n, order] : orders.items())
      EXPECT_EQ(Json(NumpyLegacy(static_cast<uint32_t>(std::stoul(seed))).permutation(std::stol(n))), order)
          << "seed " << seed << ", n " << n;
  const Json& example = golden.at("inverse_example");
  const auto order = NumpyLegacy(example.at("seed").get<uint32_t>()).permutation(example.at("n").get<int64_t>());
  EXPECT_EQ(Json(inverse(order)), example.at("new_label_of_original_class"));
}

TEST(NumpyOrder, Generator) {
  LOAD_OR_SKIP(golden, "class_orders.json");
  for (const auto& [seed, expected] : golden.at("mt19937").items()) {
    const auto value = static_cast<uint32_t>(std::stoul(seed));
    std::stringstream state;
    state << std::mt19937(value);
    for (const Json& word : expected.at("state_0_to_3_after_seeding")) {
      uint32_t found = 0;
      state >> found;
      EXPECT_EQ(found, word.get<uint32_t>()) << "seed " << seed;
    }
    NumpyLegacy words(value);
    std::vector<uint32_t> drawn;
    for (int i = 0; i < 1000; ++i) drawn.push_back(words.next());
    const auto first = expected.at("first_10_uint32").get<std::vector<uint32_t>>();
    ASSERT_LE(first.size(), drawn.size());
    EXPECT_TRUE(std::equal(first.begin(), first.end(), drawn.begin())) << "seed " << seed;
    EXPECT_EQ(drawn.back(), expected.at("1000th_uint32").get<uint32_t>()) << "seed " << seed;
  }
  NumpyLegacy standard(5489);
  for (int i = 1; i < 10000; ++i) standard.next();
  EXPECT_EQ(standard.next(), golden.at("default_seed_5489_10000th").get<uint32_t>());
}

TEST(NumpyOrder, TraceOfEveryStep) {
  LOAD_OR_SKIP(golden, "class_orders.json");
  const Json& trace = golden.at("trace");
  const auto seed = trace.at("seed").get<uint32_t>();
  NumpyLegacy draws(seed), raw(seed);
  int64_t used = 0;
  for (const Json& step : trace.at("steps")) {
    for (const Json& rejected : step.at("rejected_raw")) EXPECT_EQ(raw.next(), rejected.get<uint32_t>());
    EXPECT_EQ(raw.next(), step.at("raw").get<uint32_t>());
    EXPECT_EQ(draws.up_to(step.at("i").get<uint32_t>()), step.at("draw").get<uint32_t>()) << "i " << step.at("i");
    used += static_cast<int64_t>(step.at("rejected_raw").size()) + 1;
  }
  EXPECT_EQ(used, trace.at("total_uint32_used").get<int64_t>());
  EXPECT_EQ(draws.next(), raw.next());  // both used the same number of words
  EXPECT_EQ(NumpyLegacy(1).up_to(0), 0u);
}

TEST(NumpyOrder, TwoPermutationsFromOneGenerator) {
  LOAD_OR_SKIP(golden, "class_orders.json");
  const Json& two = golden.at("two_in_a_row");
  NumpyLegacy generator(two.at("seed").get<uint32_t>());
  EXPECT_EQ(Json(generator.permutation(two.at("n").get<int64_t>())), two.at("first"));
  EXPECT_EQ(Json(generator.permutation(two.at("n").get<int64_t>())), two.at("second"));
}

TEST(PythonOrder, ShufflesAndGenerator) {
  LOAD_OR_SKIP(golden, "class_orders_python.json");
  for (const auto& [n, orders] : golden.at("orders").items())
    for (const auto& [seed, order] : orders.items())
      EXPECT_EQ(Json(PythonRandom(std::stoull(seed)).shuffled_range(std::stol(n))), order) << "seed " << seed << ", n " << n;
  for (const auto& [key, value] : golden.items()) {
    const size_t at = key.find("_seed_");
    if (at == std::string::npos) continue;
    PythonRandom random(std::stoull(key.substr(at + 6)));
    if (key.starts_with("first_32_bit_outputs")) {
      for (const Json& word : value) EXPECT_EQ(random.next(), word.get<uint32_t>()) << key;
    } else if (key.starts_with("below")) {
      for (size_t i = 0; i < value.at("k").size(); ++i)
        EXPECT_EQ(random.below(value.at("k")[i].get<uint32_t>()), value.at("values")[i].get<uint32_t>()) << key << " " << i;
    }
  }
}

// CPython 3: random.seed(2**40 + 7); x = list(range(10)); random.shuffle(x). The seed has two 32-bit words.
TEST(PythonOrder, SeedOfTwoWords) {
  const std::vector<int64_t> expected = {0, 5, 2, 3, 6, 1, 8, 4, 7, 9};
  EXPECT_EQ(PythonRandom((uint64_t{1} << 40) + 7).shuffled_range(10), expected);
}

TEST(HashedOrder, DependsOnTheOrderSeedAlone) {
  const auto order = hashed_order(0, 100);
  EXPECT_EQ(order, hashed_order(0, 100));
  EXPECT_NE(order, hashed_order(1, 100));
  auto sorted = order;
  std::sort(sorted.begin(), sorted.end());
  for (size_t i = 0; i < sorted.size(); ++i) EXPECT_EQ(sorted[i], static_cast<int64_t>(i));
  // Published tables depend on it: it may never change.
  EXPECT_EQ(std::vector<int64_t>(order.begin(), order.begin() + 8), (std::vector<int64_t>{61, 64, 7, 19, 27, 29, 63, 89}));
}

TEST(OrderName, Names) {
  base::DatasetInfo dataset;
  dataset.id = "toy";
  dataset.class_count = 10;
  dataset.orders = {{"backwards", {9, 8, 7, 6, 5, 4, 3, 2, 1, 0}}};
  const auto order = [&](const std::string& name, uint64_t seed) {
    const OrderName parsed = parse_order(name, "");
    return parsed.kind == "official" ? official_order(parsed, {dataset.orders, "toy", "class", "classes", 10}, "").second
                                     : permutation(parsed, seed, 10, "");
  };
  EXPECT_EQ(order("pilot", 5), NumpyLegacy(1993).permutation(10));
  EXPECT_EQ(order("numpy(7)", 5), NumpyLegacy(7).permutation(10));
  EXPECT_EQ(order("numpy", 5), NumpyLegacy(5).permutation(10));
  EXPECT_EQ(order("python(3)", 5), PythonRandom(3).shuffled_range(10));
  EXPECT_EQ(order("python", 5), PythonRandom(5).shuffled_range(10));
  EXPECT_EQ(order("identity", 5), (std::vector<int64_t>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}));
  EXPECT_EQ(order("official", 5), dataset.orders.at("backwards"));
  EXPECT_EQ(order("official:backwards", 5), dataset.orders.at("backwards"));
  EXPECT_EQ(order("seed", 5), hashed_order(5, 10));
  EXPECT_TRUE(parse_order("seed", "").uses_order_seed() && parse_order("numpy", "").uses_order_seed());
  EXPECT_FALSE(parse_order("pilot", "").uses_order_seed() || parse_order("identity", "").uses_order_seed());
  EXPECT_THROW(order("numpy", uint64_t{1} << 32), base::Error);
  EXPECT_THROW(parse_order("numpy(", ""), base::Error);
}

TEST(Split, NameOfAList) {
  EXPECT_EQ(split_name({50, 25, 25}), "B50-Inc25");
  EXPECT_EQ(split_name({10, 10, 10}), "B0-Inc10");
  EXPECT_EQ(split_name({4, 4, 2}), "B0-Inc4");
  EXPECT_EQ(split_name({60, 40}), "B60-Inc40");
  EXPECT_EQ(split_name({7}), "B0-Inc7");
  EXPECT_EQ(split_name({50, 20, 30}), "[50, 20, 30]");
  EXPECT_EQ(split_name({1, 2, 3, 1, 2, 3, 1, 2, 3, 1, 2, 3, 1}), "list of 13 sizes");
}

TEST(Split, TaskSizes) {
  EXPECT_EQ(task_sizes("B0-Inc10", 100, ""), std::vector<int64_t>(10, 10));
  EXPECT_EQ(task_sizes("B50-Inc20", 100, ""), (std::vector<int64_t>{50, 20, 20, 10}));
  EXPECT_EQ(task_sizes("B0-Inc4", 10, ""), (std::vector<int64_t>{4, 4, 2}));
  EXPECT_EQ(task_sizes("B10-Inc1", 10, ""), (std::vector<int64_t>{10}));
  for (const char* bad :
       {"", "B", "B0", "B0-Inc", "B0-Inc0", "B-1-Inc2", "b0-inc2", "B0-Inc2 ", "B0-Inc99999999999999999999", "B0-Inc11", "B11-Inc1"})
    EXPECT_THROW(task_sizes(bad, 10, ""), base::Error) << bad;
}

}  // namespace
}  // namespace clb::plan
