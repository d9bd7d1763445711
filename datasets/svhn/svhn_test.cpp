#include "svhn.cpp"

#include <gtest/gtest.h>

#include <clb/sdk/call_dataset.hpp>

#include "damage.hpp"
#include "errors.hpp"
#include "mat_bytes.hpp"
#include "temp_folder.hpp"

namespace {

using namespace clb::testing;

// Value number k of image i is k + i.
std::string images(uint32_t count) {
  std::string values;
  for (uint32_t i = 0; i < count; ++i)
    for (uint32_t k = 0; k < kImage; ++k) values += static_cast<char>(k + i);
  return mat_bytes({32, 32, 3, count}, "X", values);
}
std::string labels(const std::string& digits) { return mat_bytes({static_cast<uint32_t>(digits.size()), 1}, "y", digits); }

class SvhnTest : public ::testing::Test {
 protected:
  SvhnTest() { put("test", images(1) + labels("\x02")); }
  void put(const std::string& split, const std::string& variables) { folder_.write(split + "_32x32.mat", mat_file(variables)); }
  void open() { plugin_.open(folder_.path().string()); }
  std::string refusal(const std::string& variables) {
    put("train", variables);
    return error_of<clb::PluginError>([&] { clb::DatasetPlugin(clb_dataset_v0(), &host_).open(folder_.path().string()); });
  }

  TempFolder folder_;
  clb_host host_ = clb::ErrorSink::minimal_host();
  clb::DatasetPlugin plugin_{clb_dataset_v0(), &host_};
};

TEST_F(SvhnTest, PackedAndPlainVariablesAreRead) {
  put("train", mat_packed(images(3)) + mat_packed(labels("\x0a\x01\x09")));
  open();
  const clb_index index = plugin_.index(CLB_SPLIT_TRAIN);
  EXPECT_EQ(std::vector<int64_t>(index.labels, index.labels + index.count), (std::vector<int64_t>{0, 1, 9})) << "ten is zero";
  const int64_t ids[] = {2};
  const auto samples = plugin_.read(CLB_SPLIT_TRAIN, ids);
  const int64_t y = 5, x = 7, c = 1;
  EXPECT_EQ(samples[0].bytes[(y * 32 + x) * 3 + c], static_cast<uint8_t>(y + 32 * (x + 32 * c) + 2))
      << "columns and planes become rows of RGB";
}

TEST_F(SvhnTest, WhatIsWrongIsNamed) {
  EXPECT_TRUE(contains(refusal(images(2) + labels("\x01")), "train_32x32.mat: X is not 32 x 32 x 3 x 1 bytes"));
  EXPECT_TRUE(contains(refusal(images(1) + labels("\x0b")), "train_32x32.mat: label 0 of y is no number from 1 to 10"));
  EXPECT_TRUE(contains(refusal(images(1)), "train_32x32.mat: has no variable y, but X"));
  folder_.write("train_32x32.mat", "MATLAB 7.3 MAT-file" + std::string(200, ' '));
  EXPECT_TRUE(contains(error_of<clb::PluginError>([&] { open(); }), "is a MATLAB file of level 7.3, which is HDF5"));
}

TEST_F(SvhnTest, DamagedFilesEndInASentence) {
  const std::string whole = mat_file(mat_packed(images(1)) + labels("\x01"));
  for (size_t size = 0; size < whole.size(); ++size) {
    folder_.write("train_32x32.mat", whole.substr(0, size));
    EXPECT_TRUE(contains(error_of<clb::PluginError>([&] { clb::DatasetPlugin(clb_dataset_v0(), &host_).open(folder_.path().string()); }),
                         "train_32x32.mat"))
        << size;
  }
  const std::string plain = mat_file(images(1) + labels("\x01"));
  for_each_bit_flip(plain, 124, 190, [&](const std::string& bytes, size_t at, int bit) {  // ids, tags, flags and sides
    folder_.write("train_32x32.mat", bytes);
    const std::string said = said_by<clb::PluginError>([&] { clb::DatasetPlugin(clb_dataset_v0(), &host_).open(folder_.path().string()); });
    EXPECT_TRUE(said.empty() || contains(said, "train_32x32.mat")) << at << "." << bit << ": " << said;
  });
}

}  // namespace
