#include <clb/base/error.hpp>
#include <clb/data/image_decode.hpp>
#include <thread>

#include "errors.hpp"
#include "image_tree.hpp"
#include "support/replace_file.hpp"

namespace {

using namespace clb;
namespace fs = std::filesystem;
using clb::testing::bytes_read;
using clb::testing::contains;
using clb::testing::error_of;
using clb::testing::no_warning;
using data::Split;
using Store = clb::testing::ImageTree;

std::vector<uint8_t> pixels(data::SampleStore& store, Split split, int64_t index) {
  const auto sample = store.read(split, index);
  if (!sample.encoded) return {sample.bytes.begin(), sample.bytes.end()};
  return data::decode_image(sample.bytes, "it").pixels;
}

TEST_F(Store, GivesTheSameFromThePluginAsDecoded) {
  const std::string fingerprint = data::prepare(preparation(kDecoded)).fingerprint;
  data::SampleStore decoded(dataset(fingerprint), execution(kDecoded), no_warning);
  EXPECT_FALSE(decoded.read(Split::kTrain, 0).encoded);
  data::SampleStore indexed(dataset(fingerprint), execution(0), no_warning);
  EXPECT_TRUE(indexed.read(Split::kTrain, 0).encoded);
  for (const Split split : data::kSplits) {
    const auto expected = decoded.labels(split), found = indexed.labels(split);
    EXPECT_TRUE(std::equal(expected.begin(), expected.end(), found.begin(), found.end()));
    for (int64_t i = 0; i < static_cast<int64_t>(expected.size()); i += 7) EXPECT_EQ(pixels(decoded, split, i), pixels(indexed, split, i));
  }
  EXPECT_EQ(indexed.bytes_of(Split::kTrain, 3), static_cast<int64_t>(fs::file_size(file(3))));
  EXPECT_EQ(decoded.bytes_of(Split::kTrain, 3), kSide * kSide * 3);
}

TEST_F(Store, IsOpenedAboveTheLimitWithoutAnotherPass) {
  const std::string fingerprint = data::prepare(preparation(10)).fingerprint;
  const uint64_t before = bytes_read();
  data::SampleStore store(dataset(fingerprint), execution(10), no_warning);
  EXPECT_LT(bytes_read() - before, total_ / 2 + 3 * fs::file_size(CLB_IMAGE_FOLDER));
  EXPECT_EQ(store.images_read(), 0);
  data::SampleStore larger(dataset(fingerprint), execution(kDecoded), no_warning);
  EXPECT_FALSE(larger.read(Split::kTrain, 0).encoded) << "a limit that was raised decodes";
}

TEST_F(Store, NamesFilesAlsoWhereItHoldsPixels) {
  const std::string fingerprint = data::prepare(preparation(kDecoded)).fingerprint;
  for (const int64_t limit : {int64_t{0}, kDecoded}) {
    const data::SampleStore store(dataset(fingerprint), execution(limit), no_warning);
    EXPECT_EQ(store.name_of(Split::kTrain, 90), file(90).string());
    EXPECT_EQ(store.name_of(Split::kTest, 0), (root() / "test/cat/100.png").string());
  }
}

// The look at the cache's proof reads some files alone; what it missed is seen when the image is read.
TEST_F(Store, RefusesAnImageThatWasExchanged) {
  const std::string fingerprint = data::prepare(preparation(0)).fingerprint;
  data::SampleStore store(dataset(fingerprint), execution(0), no_warning);
  std::string bytes = base::read_file(file(41));
  bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
  clb::testing::overwrite_keeping_times(file(41), bytes);
  const std::string said = error_of<base::Error>([&] { store.read(Split::kTrain, 41); });
  EXPECT_TRUE(contains(said, file(41).string())) << said;
  EXPECT_TRUE(contains(said, "plan it again")) << said;
}

TEST_F(Store, IsReadByManyThreads) {
  const std::string fingerprint = data::prepare(preparation(kDecoded)).fingerprint;
  for (const int64_t limit : {int64_t{0}, kDecoded}) {
    data::SampleStore store(dataset(fingerprint), execution(limit), no_warning);
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t)
      threads.emplace_back([&, t] {
        for (int64_t i = t; i < 2 * kPerClass; i += 3) EXPECT_FALSE(store.read(Split::kTrain, i).bytes.empty());
      });
    for (auto& thread : threads) thread.join();
    EXPECT_GT(store.images_read(), 2 * kPerClass);
  }
}

TEST_F(Store, MendsDamageWhileThreadsRead) {
  const std::string fingerprint = data::prepare(preparation(kDecoded)).fingerprint;
  const fs::path file = cache() / "data" / fingerprint / "train.decoded";
  std::string bytes = base::read_file(file);
  bytes[5] = static_cast<char>(bytes[5] ^ 1);
  std::ofstream(file, std::ios::binary) << bytes;
  std::atomic<int> warnings = 0;
  data::SampleStore store(dataset(fingerprint), execution(kDecoded), [&](const std::string&) { ++warnings; });
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      for (int64_t i = 0; i < 20; ++i) EXPECT_FALSE(store.read(Split::kTrain, i).bytes.empty());
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(warnings, 1);
}

}  // namespace
