// What IdxImages checks is tested beside fashion_mnist.
#include "mnist.cpp"

#include <gtest/gtest.h>

#include <clb/sdk/call_dataset.hpp>

#include "errors.hpp"
#include "idx_file.hpp"
#include "pack.hpp"
#include "temp_folder.hpp"

namespace {

using namespace clb::testing;

TEST(Mnist, ReadsItsFilesAndKnowsItsClasses) {
  const TempFolder folder;
  for (const std::string stem : {"train", "t10k"}) {
    folder.write(stem + "-images-idx3-ubyte.gz", gzip(idx_images(3)));
    folder.write(stem + "-labels-idx1-ubyte.gz", gzip(idx_labels(std::string("\x09\0\x01", 3))));
  }
  const clb_host host = clb::ErrorSink::minimal_host();
  clb::DatasetPlugin plugin(clb_dataset_v0(), &host);
  plugin.open(folder.path().string());
  EXPECT_EQ(plugin.index(CLB_SPLIT_TRAIN).labels[0], 9);
  EXPECT_EQ(plugin.describe().class_count, 10);
  EXPECT_STREQ(plugin.describe().class_names[0], "0");
  const int64_t ids[] = {2};
  EXPECT_EQ(plugin.read(CLB_SPLIT_TEST, ids)[0].bytes[5], (2 * 784 + 5) % 251);
}

TEST(Mnist, AnotherLabelIsRefused) {
  const TempFolder folder;
  folder.write("train-images-idx3-ubyte", idx_images(1));
  folder.write("train-labels-idx1-ubyte", idx_labels("\x0a"));
  const clb_host host = clb::ErrorSink::minimal_host();
  clb::DatasetPlugin plugin(clb_dataset_v0(), &host);
  const std::string said = error_of<clb::PluginError>([&] { plugin.open(folder.path().string()); });
  EXPECT_TRUE(contains(said, "train-labels-idx1-ubyte: label 10 of sample 0 (offset 8) is not below 10")) << said;
}

}  // namespace
