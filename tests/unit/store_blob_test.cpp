// Predictions survive the way into the file and back, and a damaged one is noticed.
#include <random>

#include "blob.hpp"
#include "results_fixture.hpp"

namespace clb::results_test {
namespace {

using store::Blob;
using store::pack;
using store::unpack;

TEST(StoreBlob, the_smallest_width_that_holds_all_values_is_taken) {
  auto width = [](std::vector<int64_t> values) {
    const Blob blob = pack(values);
    EXPECT_EQ(unpack(blob, "x"), values);
    return blob.width;
  };
  EXPECT_EQ(width({}), 1);
  EXPECT_EQ(width({-1, 0, 127}), 1);
  EXPECT_EQ(width({-1, 128}), 2);
  EXPECT_EQ(width({-129}), 2);
  EXPECT_EQ(width({32767, -32768}), 2);
  EXPECT_EQ(width({32768}), 4);
  EXPECT_EQ(width({int64_t{1} << 31}), 8);
  EXPECT_EQ(width({INT64_MIN, INT64_MAX}), 8);
}

TEST(StoreBlob, a_hundred_thousand_predictions_with_gaps_round_trip_and_shrink) {
  std::mt19937_64 random(3);
  std::vector<int64_t> values(100'000);
  for (size_t i = 0; i < values.size(); ++i) values[i] = random() % 10 == 0 ? -1 : static_cast<int64_t>(random() % 100'000);
  const Blob blob = pack(values);
  EXPECT_EQ(blob.width, 4);
  EXPECT_LT(blob.data.size(), 400'000u);
  EXPECT_EQ(unpack(blob, "x"), values);
}

TEST(StoreBlob, damage_is_an_error_that_says_where) {
  std::vector<int64_t> values(1000);
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<int64_t>(i * i % 97);
  const Blob good = pack(values);
  for (size_t cut = 0; cut < good.data.size(); cut += 7) {
    Blob blob = good;
    blob.data.resize(cut);
    EXPECT_NE(sentence([&] { unpack(blob, "FILE: prediction 3"); }).find("FILE: prediction 3: damaged"), std::string::npos);
  }
  for (size_t byte = 0; byte < good.data.size(); ++byte) {
    Blob blob = good;
    blob.data[byte] = static_cast<char>(blob.data[byte] ^ 0x10);
    try {  // a flip that zstd does not use may pass, a wrong value may not
      EXPECT_EQ(unpack(blob, "x"), values);
    } catch (const base::Error&) {
    }
  }
  for (int64_t n : {int64_t{-1}, int64_t{0}, int64_t{999}, int64_t{1001}, INT64_MAX, int64_t{1} << 40}) {
    Blob blob = good;
    blob.n = n;
    sentence([&] { unpack(blob, "x"); });
  }
  for (int64_t width : {0, 2, 3, 8, -1}) {
    Blob blob = good;
    blob.width = width;
    sentence([&] { unpack(blob, "x"); });
  }
  Blob blob = good;
  blob.sha256[0] = blob.sha256[0] == 'a' ? 'b' : 'a';
  EXPECT_NE(sentence([&] { unpack(blob, "x"); }).find("checksum"), std::string::npos);
}

}  // namespace
}  // namespace clb::results_test
