#include "cifar10.cpp"

#include <gtest/gtest.h>

#include <clb/sdk/call_dataset.hpp>

#include "errors.hpp"
#include "pack.hpp"
#include "temp_folder.hpp"

namespace {

using clb::testing::contains;
using clb::testing::error_of;
using clb::testing::TempFolder;

// `count` records; the label of record i is (i + first) mod 10, plane c holds (i + 50 c + position) mod 256.
std::string records(int64_t count, int64_t first) {
  std::string file;
  for (int64_t i = 0; i < count; ++i) {
    file += static_cast<char>((i + first) % 10);
    for (int64_t c = 0; c < 3; ++c)
      for (int64_t p = 0; p < Records::kPlane; ++p) file += static_cast<char>(i + 50 * c + p);
  }
  return file;
}

struct Opened {
  explicit Opened(const clb::Path& root) { plugin.open(root.string()); }
  clb_host host = clb::ErrorSink::minimal_host();
  clb::DatasetPlugin plugin{clb_dataset_v0(), &host};
};

TEST(Cifar10, SixBatchesBecomeTwoSplits) {
  const TempFolder folder;
  std::filesystem::create_directory(folder.path() / "cifar-10-batches-bin");
  for (int64_t k = 1; k <= 5; ++k)
    folder.write("cifar-10-batches-bin/data_batch_" + std::to_string(k) + ".bin.gz", clb::testing::gzip(records(kInBatch, k)));
  folder.write("cifar-10-batches-bin/test_batch.bin", records(kInBatch, 0));
  folder.write("cifar-10-batches-bin/batches.meta.txt", "airplane\nautomobile\nbird\ncat\ndeer\ndog\nfrog\nhorse\nship\ntruck\n\n");
  const Opened opened(folder.path());
  const clb_index train = opened.plugin.index(CLB_SPLIT_TRAIN);
  ASSERT_EQ(train.count, 50'000);
  EXPECT_EQ(opened.plugin.index(CLB_SPLIT_TEST).count, 10'000);
  EXPECT_EQ(train.labels[0], 1);
  EXPECT_EQ(train.labels[20'003], 6) << "the fourth of the third batch";
  const int64_t ids[] = {7};
  const auto samples = opened.plugin.read(CLB_SPLIT_TEST, ids);
  for (int c = 0; c < 3; ++c) EXPECT_EQ(samples[0].bytes[5 * 3 + c], (7 + 50 * c + 5) % 256) << "channels last";

  folder.write("cifar-10-batches-bin/batches.meta.txt", "airplane\ncar\n");
  EXPECT_TRUE(contains(error_of<clb::PluginError>([&] { Opened again(folder.path()); }), "batches.meta.txt:2: class \"car\""));
}

TEST(Cifar10, DamageNamesFileAndOffset) {
  const TempFolder folder;
  const auto said = [&](const std::string& bytes) {
    folder.write("data_batch_1.bin", bytes);
    return error_of<clb::PluginError>([&] { Opened opened(folder.path()); });
  };
  EXPECT_TRUE(contains(said(records(2, 0)), "data_batch_1.bin: ends inside record 2 of 10000"));
  std::string bytes = records(2, 0);
  bytes[3073] = 10;
  EXPECT_TRUE(contains(said(bytes), "data_batch_1.bin: label 10 is not below 10 (offset 3073 "));
}

TEST(Cifar10, ThePythonVersionIsToldAsWhatItIs) {
  const TempFolder folder;
  folder.write("data_batch_1", "");
  EXPECT_TRUE(contains(error_of<clb::PluginError>([&] { Opened opened(folder.path()); }), "holds the Python version of CIFAR-10"));
}

}  // namespace
