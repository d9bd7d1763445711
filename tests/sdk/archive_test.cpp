// The state archive: any dtype bit for bit, readers that deliver little, damaged bytes.
#include <gtest/gtest.h>

#include <clb/sdk/archive.hpp>

#include "support/archive_bytes.hpp"

namespace {

using clb::Archive;
using clb::testing::saved;

struct State {
  torch::Tensor tensor, undefined;
  std::vector<torch::Tensor> tensors;
  std::string text;
  int64_t integer = 0;
  double real = 0;
  bool flag = false;
  std::vector<int64_t> integers;
  std::vector<double> reals;
  std::vector<std::string> texts;

  void state(Archive& a) {
    a("tensor", tensor)("undefined", undefined)("tensors", tensors)("text", text)("integer", integer)("real", real)("flag", flag);
    a("integers", integers)("reals", reals)("texts", texts);
  }
};

State loaded(const std::string& bytes, uint64_t step) {
  State state;
  clb::testing::load(state, bytes, step);
  return state;
}

State example() {
  State s;
  s.tensor =
      torch::tensor({0.1f, -0.0f, std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}).reshape({2, 2}).t();
  for (const auto type : {torch::kFloat16, torch::kBFloat16, torch::kFloat64, torch::kInt64, torch::kInt32, torch::kUInt8, torch::kBool})
    s.tensors.push_back(torch::arange(6).to(type).reshape({2, 3}));
  s.tensors.push_back(torch::empty({0, 5}));
  s.text = std::string("caf\xc3\xa9\0x", 7);
  s.integer = -5;
  s.real = 0.1;
  s.flag = true;
  s.integers = {1, -2, INT64_MAX};
  s.reals = {0.1, -0.0};
  s.texts = {"", std::string("a\0b", 3)};
  return s;
}

TEST(Archive, KeepsEverythingBitForBitWhateverOneReadDelivers) {
  State before = example();
  const std::string bytes = saved(before);
  for (const uint64_t step : {uint64_t{1}, uint64_t{3}, uint64_t{1} << 30}) {
    State after = loaded(bytes, step);
    EXPECT_EQ(saved(after), bytes) << step;
    EXPECT_FALSE(after.undefined.defined());
    EXPECT_EQ(after.text, before.text);
    EXPECT_EQ(after.integers, before.integers);
    EXPECT_EQ(after.texts, before.texts);
    ASSERT_EQ(after.tensors.size(), before.tensors.size());
    for (size_t k = 0; k < after.tensors.size(); ++k) {
      EXPECT_EQ(after.tensors[k].scalar_type(), before.tensors[k].scalar_type());
      EXPECT_TRUE(torch::equal(after.tensors[k], before.tensors[k])) << k;
    }
  }
}

TEST(Archive, EveryTruncationIsAnErrorAndEveryBitFlipIsHarmless) {
  State before = example();
  const std::string bytes = saved(before);
  for (size_t size = 0; size < bytes.size(); ++size) EXPECT_THROW(loaded(bytes.substr(0, size), 1 << 20), clb::PluginError) << size;
  for (size_t at = 0; at < bytes.size(); ++at) {
    std::string flipped = bytes;
    flipped[at] = static_cast<char>(flipped[at] ^ 0x41);
    try {
      loaded(flipped, 1 << 20);
    } catch (const clb::PluginError&) {
    }
  }
}

TEST(Archive, NamesTheFirstEntryThatDiffers) {
  State before = example();
  std::string bytes = saved(before);
  bytes[4] = 'T';  // the first byte of the first name
  try {
    loaded(bytes, 64);
    ADD_FAILURE() << "the wrong name was accepted";
  } catch (const clb::PluginError& e) {
    EXPECT_NE(std::string(e.what()).find("\"Tensor\""), std::string::npos) << e.what();
    EXPECT_EQ(e.status(), CLB_E_STATE);
  }
}

}  // namespace
