#include "fashion_mnist.cpp"

#include <gtest/gtest.h>

#include <clb/sdk/call_dataset.hpp>
#include <numeric>

#include "damage.hpp"
#include "errors.hpp"
#include "idx_file.hpp"
#include "pack.hpp"
#include "temp_folder.hpp"

namespace {

using clb::testing::be32;
using clb::testing::contains;
using clb::testing::idx_images;
using clb::testing::idx_labels;
using clb::testing::TempFolder;

constexpr size_t kImages = 5;

class FashionMnistTest : public ::testing::Test {
 protected:
  void SetUp() override {
    for (const char* stem : {"train", "t10k"}) {
      write(stem + std::string("-images-idx3-ubyte"), idx_images(kImages));
      write(stem + std::string("-labels-idx1-ubyte"), idx_labels(std::string("\x09\0\x01\x02\x03", kImages)));
    }
  }
  void write(const std::string& name, const std::string& bytes) { folder_.write(name, bytes); }
  void replace(const std::string& name, const std::string& suffix, const std::string& bytes) {
    std::filesystem::remove(folder_.path() / name);
    write(name + suffix, bytes);
  }
  void open(const std::string& root) { plugin_.open(root); }
  // The sentence of a failed open, "" when it succeeded.
  std::string opened() {
    try {
      clb::DatasetPlugin plugin(clb_dataset_v0(), &host_);
      plugin.open(folder_.path().string());
      return "";
    } catch (const clb::PluginError& error) {
      EXPECT_EQ(error.status(), CLB_E_IO) << error.what();
      return error.what();
    }
  }

  TempFolder folder_;
  clb_host host_ = clb::ErrorSink::minimal_host();
  clb::DatasetPlugin plugin_{clb_dataset_v0(), &host_};
};

TEST_F(FashionMnistTest, PlainGzipAndXzRead) {
  replace("train-images-idx3-ubyte", ".gz", clb::testing::gzip(idx_images(kImages)));
  replace("t10k-images-idx3-ubyte", ".xz", clb::testing::xz(idx_images(kImages)));
  open(folder_.path().string());
  const clb_index index = plugin_.index(CLB_SPLIT_TRAIN);
  EXPECT_EQ(std::vector<int64_t>(index.labels, index.labels + index.count), (std::vector<int64_t>{9, 0, 1, 2, 3}));
  for (uint32_t split : {CLB_SPLIT_TRAIN, CLB_SPLIT_TEST}) {
    const int64_t ids[] = {3};
    const auto samples = plugin_.read(split, ids);
    EXPECT_EQ(samples[0].size, 784u);
    EXPECT_EQ(samples[0].channels, 1);
    EXPECT_EQ(samples[0].bytes[5], (3 * 784 + 5) % 251);
  }
}

TEST_F(FashionMnistTest, EveryTruncationNamesTheFile) {
  clb::testing::for_each_truncation(idx_images(1), [&](const std::string& bytes, size_t size) {
    write("train-images-idx3-ubyte", bytes);
    EXPECT_TRUE(contains(opened(), "train-images-idx3-ubyte")) << size;
  });
  SetUp();
  const std::string packed = clb::testing::gzip(idx_images(kImages));
  std::filesystem::remove(folder_.path() / "train-images-idx3-ubyte");
  clb::testing::for_each_truncation(packed, [&](const std::string& bytes, size_t size) {
    write("train-images-idx3-ubyte.gz", bytes);
    const std::string said = opened();
    EXPECT_TRUE(contains(said, "train-images-idx3-ubyte.gz")) << size << ": " << said;
  });
}

TEST_F(FashionMnistTest, EveryFlippedHeaderBitIsFound) {
  for (const auto& [name, file, header] : {std::tuple("train-images-idx3-ubyte", idx_images(kImages), 16),
                                           std::tuple("t10k-labels-idx1-ubyte", idx_labels("\x01\x02\x03\x04\x05"), 8)}) {
    clb::testing::for_each_bit_flip(file, 0, static_cast<size_t>(header), [&](const std::string& bytes, size_t at, int bit) {
      write(name, bytes);
      EXPECT_TRUE(contains(opened(), name)) << at << "." << bit;
    });
    SetUp();
  }
}

TEST_F(FashionMnistTest, WrongContentsNameFileOffsetAndCause) {
  write("train-labels-idx1-ubyte", idx_labels(std::string("\x09\0\x0a\x02\x03", kImages)));
  EXPECT_TRUE(contains(opened(), "train-labels-idx1-ubyte: label 10 of sample 2 (offset 10)")) << opened();
  write("train-labels-idx1-ubyte", idx_labels("\x01\x02"));
  EXPECT_TRUE(contains(opened(), "train-images-idx3-ubyte: has 5 samples (offset 4), but train-labels-idx1-ubyte has 2")) << opened();
  SetUp();
  write("train-images-idx3-ubyte", idx_images(kImages, 28, 27));
  EXPECT_TRUE(contains(opened(), "side 2 (offset 12) is 27, wanted 28")) << opened();
  write("train-images-idx3-ubyte", idx_images(kImages) + "x");
  EXPECT_TRUE(contains(opened(), "goes on after its last expected byte (offset 3936")) << opened();
  write("train-images-idx3-ubyte", std::string("\0\0\x0d\x03", 4) + std::string(12, '\xff'));
  EXPECT_TRUE(contains(opened(), "element type 13, wanted 8 (offset 2")) << opened();
  write("train-images-idx3-ubyte", std::string("\0\0\x08\x03", 4) + std::string(12, '\xff'));
  EXPECT_TRUE(contains(opened(), "impossible length 4294967295 (offset 8")) << opened();
  write("train-images-idx3-ubyte", std::string("\0\0\x08\x03\0\0\0\0", 8) + be32(28) + be32(28));
  EXPECT_TRUE(contains(opened(), "impossible length 0 (offset 4")) << opened();
  std::filesystem::remove(folder_.path() / "train-images-idx3-ubyte");
  EXPECT_TRUE(contains(opened(), "train-images-idx3-ubyte: is missing")) << opened();
}

TEST_F(FashionMnistTest, WrongGzipChecksumIsFound) {
  std::string packed = clb::testing::gzip(idx_images(kImages));
  packed[packed.size() - 8] = static_cast<char>(packed[packed.size() - 8] ^ 1);
  replace("train-images-idx3-ubyte", ".gz", packed);
  EXPECT_TRUE(contains(opened(), "incorrect data check")) << opened();
}

TEST_F(FashionMnistTest, DebiansPackageIsFoundByItself) {
  const std::string root = plugin_.describe().default_root;
  if (!std::filesystem::exists(root)) GTEST_SKIP() << root << " is not there (Debian package dataset-fashion-mnist)";
  open(root);
  for (const auto& [split, count] : {std::pair(CLB_SPLIT_TRAIN, 60'000), std::pair(CLB_SPLIT_TEST, 10'000)}) {
    const clb_index index = plugin_.index(split);
    ASSERT_EQ(index.count, count);
    std::vector<int64_t> per_class(10);
    for (int64_t i = 0; i < index.count; ++i) ++per_class[static_cast<size_t>(index.labels[i])];
    EXPECT_EQ(per_class, std::vector<int64_t>(10, count / 10));
  }
  std::vector<int64_t> ids(60'000);
  std::iota(ids.begin(), ids.end(), 0);
  double sum = 0;
  for (const clb_sample& sample : plugin_.read(CLB_SPLIT_TRAIN, ids)) sum += std::accumulate(sample.bytes, sample.bytes + sample.size, 0.0);
  EXPECT_NEAR(sum / (60'000.0 * 784 * 255), 0.2860, 5e-5) << "published mean of the training images";
}

}  // namespace
