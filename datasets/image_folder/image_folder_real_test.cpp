// The subsets of Caltech-101 and PACS that lie in ../shared, against what their README says of them.
#include <gtest/gtest.h>

#include <clb/data/image_decode.hpp>
#include <clb/sdk/call_dataset.hpp>
#include <cstdlib>
#include <numeric>

#include "image_folder.cpp"
#include "temp_folder.hpp"

namespace {

namespace fs = std::filesystem;

class RealFolder : public ::testing::Test {
 protected:
  // False, with a reason given to the test: skipped.
  bool open(const std::string& name) {
    const fs::path tar = fs::path(CLB_SOURCE_DIR) / "../shared/data" / (name + ".tar");
    if (!fs::exists(tar)) return false;
    const std::string unpack = "tar -xf '" + tar.string() + "' -C '" + folder_.path().string() + "'";
    if (std::system(unpack.c_str()) != 0) throw std::runtime_error("failed: " + unpack);
    plugin_.open((folder_.path() / name).string());
    return true;
  }

  // Samples of each (domain, class), which must all be `wanted`.
  void expect_counts(uint32_t split, int64_t wanted) const {
    const clb_dataset_info info = plugin_.describe();
    const clb_index index = plugin_.index(split);
    std::vector<int64_t> counts(static_cast<size_t>(info.domain_count * info.class_count));
    for (int64_t i = 0; i < index.count; ++i) ++counts[static_cast<size_t>(index.domains[i] * info.class_count + index.labels[i])];
    EXPECT_EQ(counts, std::vector<int64_t>(counts.size(), wanted));
  }

  // Calls see(sample, decoded image) for every sample.
  template <class See>
  void decode_all(See see) const {
    for (const uint32_t split : {CLB_SPLIT_TRAIN, CLB_SPLIT_TEST}) {
      std::vector<int64_t> ids(static_cast<size_t>(plugin_.index(split).count));
      std::iota(ids.begin(), ids.end(), 0);
      for (const clb_sample& sample : plugin_.read(split, ids)) {
        see(sample, clb::data::decode_image({sample.bytes, sample.size}, sample.name));
      }
    }
  }

  clb::testing::TempFolder folder_;
  clb_host host_ = clb::ErrorSink::minimal_host();
  clb::DatasetPlugin plugin_{clb_dataset_v0(), &host_};
};

// Number of components in the frame header of a baseline JPEG.
int components(std::span<const uint8_t> jpeg) {
  for (size_t at = 2; at + 9 < jpeg.size(); at += 2u + jpeg[at + 2] * 256u + jpeg[at + 3]) {
    if (jpeg[at + 1] == 0xc0) return jpeg[at + 9];
  }
  return 0;
}

TEST_F(RealFolder, Caltech101) {
  if (!open("caltech101_subset")) GTEST_SKIP() << "SKIPPED: ../shared/data/caltech101_subset.tar is absent";
  const clb_dataset_info info = plugin_.describe();
  ASSERT_EQ(info.class_count, 101);
  EXPECT_EQ(info.domain_count, 1);
  EXPECT_STREQ(info.class_names[0], "Faces") << "capitals come first in byte order";
  EXPECT_STREQ(info.class_names[100], "yin_yang");
  expect_counts(CLB_SPLIT_TRAIN, 8);
  expect_counts(CLB_SPLIT_TEST, 4);
  int grey = 0, colour = 0;
  std::pair<int64_t, int64_t> smallest{1000, 1000}, largest{0, 0};  // width, height of the least and the largest area
  decode_all([&](const clb_sample& sample, const clb::data::DecodedImage& image) {
    (components({sample.bytes, sample.size}) == 1 ? grey : colour) += 1;
    const int64_t area = image.width * image.height;
    if (area < smallest.first * smallest.second) smallest = {image.width, image.height};
    if (area > largest.first * largest.second) largest = {image.width, image.height};
  });
  EXPECT_EQ(grey, 63);
  EXPECT_EQ(colour, 1149);
  EXPECT_EQ(smallest, std::pair(int64_t{80}, int64_t{300}));
  EXPECT_EQ(largest, std::pair(int64_t{708}, int64_t{468}));
}

TEST_F(RealFolder, Pacs) {
  if (!open("pacs_subset")) GTEST_SKIP() << "SKIPPED: ../shared/data/pacs_subset.tar is absent";
  const clb_dataset_info info = plugin_.describe();
  ASSERT_EQ(info.class_count, 7);
  ASSERT_EQ(info.domain_count, 4);
  EXPECT_EQ((std::vector<std::string>{info.domain_names, info.domain_names + 4}),
            (std::vector<std::string>{"art_painting", "cartoon", "photo", "sketch"}));
  EXPECT_EQ((std::vector<std::string>{info.class_names, info.class_names + 7}),
            (std::vector<std::string>{"dog", "elephant", "giraffe", "guitar", "horse", "house", "person"}));
  expect_counts(CLB_SPLIT_TRAIN, 12);
  expect_counts(CLB_SPLIT_TEST, 6);
  int png = 0;
  decode_all([&](const clb_sample& sample, const clb::data::DecodedImage& image) {
    EXPECT_EQ(image.width, 227) << sample.name;
    EXPECT_EQ(image.height, 227) << sample.name;
    png += sample.bytes[0] == 0x89;
  });
  EXPECT_EQ(png, 7 * 18) << "the sketches";
}

}  // namespace
