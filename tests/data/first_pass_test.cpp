#include <clb/base/error.hpp>
#include <clb/base/sha256.hpp>

#include "errors.hpp"
#include "image_tree.hpp"

namespace {

using namespace clb;
namespace fs = std::filesystem;
using clb::testing::bytes_read;
using clb::testing::contains;
using clb::testing::error_of;
using FirstPass = clb::testing::ImageTree;

// What the design says a fingerprint is, one sample after another.
std::string defined_fingerprint(const data::Dataset& dataset) {
  base::Sha256 hash;
  for (data::Split split : data::kSplits) {
    const auto labels = dataset.labels(split), domains = dataset.domains(split);
    hash.update(split == data::Split::kTrain ? "train" : "test").update_u64(labels.size());
    for (int64_t i = 0; i < static_cast<int64_t>(labels.size()); ++i) {
      const auto samples = dataset.read(split, {&i, 1});
      hash.update_u64(static_cast<uint64_t>(labels[i])).update_u64(domains.empty() ? 0 : static_cast<uint64_t>(domains[i]));
      hash.update(std::span<const uint8_t>(base::sha256(std::span(samples[0].bytes, samples[0].size))));
    }
  }
  return base::hex(hash.finish());
}

TEST_F(FirstPass, GivesTheSameFingerprintWhateverIsKept) {
  const std::string expected = defined_fingerprint(data::Dataset(CLB_IMAGE_FOLDER, root().string()));
  for (const int64_t limit : {int64_t{0}, kDecoded / 2, kDecoded - 1, kDecoded}) {
    fs::remove_all(cache());
    EXPECT_EQ(data::prepare(preparation(limit)).fingerprint, expected) << limit;
  }
  auto without = preparation(kDecoded);
  without.cache.clear();
  EXPECT_EQ(data::prepare(without).fingerprint, expected);
}

// A second reading would come to twice the total; beside the files the plugin itself is read, and a sample of them (1 MiB at most).
TEST_F(FirstPass, ReadsTheFilesOnce) {
  for (const int64_t limit : {int64_t{0}, kDecoded / 2, kDecoded}) {
    fs::remove_all(cache());
    const uint64_t plugin = fs::file_size(CLB_IMAGE_FOLDER), before = bytes_read();
    data::prepare(preparation(limit));
    const uint64_t read = bytes_read() - before;
    EXPECT_GE(read, total_) << limit;
    EXPECT_LT(read, total_ * 3 / 2 + 3 * plugin) << limit;
  }
}

TEST_F(FirstPass, KeepsAboveTheLimitTheIndexAlone) {
  const std::string fingerprint = data::prepare(preparation(kDecoded - 1)).fingerprint;
  const auto names = kept(fingerprint);
  ASSERT_EQ(names.size(), 3u);
  EXPECT_TRUE(names[0].starts_with("files-")) << names[0];
  EXPECT_EQ(names[1], "test.index");
  EXPECT_EQ(names[2], "train.index");
  fs::remove_all(cache());
  data::prepare(preparation(kDecoded));
  EXPECT_EQ(kept(fingerprint).size(), 5u);
}

// Of a batch of large images the first few are decoded ahead, the others when they are taken.
TEST_F(FirstPass, LargeImagesAreKeptLikeSmallOnes) {
  constexpr uint32_t kLarge = 1200;
  const size_t pixels = size_t{3} * kLarge * kLarge;
  for (char i = 0; i < 6; ++i) {
    std::string rows;
    for (uint32_t y = 0; y < kLarge; ++y) rows += '\0' + std::string(size_t{3} * kLarge, static_cast<char>(i + 1));
    folder_.write("tree/train/cat/00" + std::to_string(i) + ".png", clb::testing::png(kLarge, kLarge, 8, 2, rows));
  }
  const int64_t limit = int64_t{1} << 30;
  base::DatasetSpec spec = dataset(data::prepare(preparation(limit)).fingerprint);
  spec.class_count = 2;
  data::SampleStore store(spec, execution(limit), clb::testing::no_warning, [](const std::string&, int64_t, int64_t) { FAIL(); });
  for (int64_t i = 0; i < 6; ++i) {
    const data::SampleBytes kept = store.read(data::Split::kTrain, i);
    ASSERT_EQ(kept.bytes.size(), pixels) << i;
    EXPECT_FALSE(kept.encoded);
    EXPECT_TRUE(std::all_of(kept.bytes.begin(), kept.bytes.end(), [&](uint8_t value) { return value == i + 1; })) << i;
  }
}

TEST_F(FirstPass, TellsHowFarItIs) {
  std::vector<int64_t> done;
  auto wanted = preparation(kDecoded);
  wanted.progress = [&](const std::string&, int64_t so_far, int64_t total) {
    EXPECT_EQ(total, 3 * kPerClass);
    done.push_back(so_far);
  };
  data::prepare(wanted);
  EXPECT_TRUE(std::is_sorted(done.begin(), done.end()));
  EXPECT_EQ(done.front(), 0);
  EXPECT_EQ(done.back(), 3 * kPerClass);
}

TEST_F(FirstPass, ThatIsStoppedLeavesNothing) {
  auto wanted = preparation(kDecoded);
  wanted.progress = [&](const std::string&, int64_t done, int64_t) {
    if (done > kPerClass) throw base::Error("stop");
  };
  EXPECT_THROW(data::prepare(wanted), base::Error);
  for (const auto& entry : fs::directory_iterator(cache() / "data")) EXPECT_EQ(entry.path().extension(), ".lock") << entry.path();
}

TEST_F(FirstPass, NamesDamagedFilesInTheirOrder) {
  for (const int64_t index : {30, 2, 100}) std::ofstream(file(index)) << "no image";
  const std::string said = error_of<base::Error>([&] { data::prepare(preparation(kDecoded)); });
  EXPECT_TRUE(contains(said, "3 samples cannot be read")) << said;
  const size_t first = said.find(file(2).string()), second = said.find(file(30).string()), third = said.find(file(100).string());
  EXPECT_LT(first, second) << said;
  EXPECT_LT(second, third) << said;
  EXPECT_NE(third, std::string::npos) << said;
}

TEST_F(FirstPass, IsNotRepeatedWhereTheCacheTakesNothing) {
  std::ofstream(cache()) << "a file where the folder should be";
  const uint64_t plugin = fs::file_size(CLB_IMAGE_FOLDER), before = bytes_read();
  const auto prepared = data::prepare(preparation(kDecoded));
  EXPECT_FALSE(prepared.not_kept.empty());
  EXPECT_EQ(prepared.fingerprint.size(), 64u);
  EXPECT_LT(bytes_read() - before, total_ * 3 / 2 + 3 * plugin);
}

}  // namespace
