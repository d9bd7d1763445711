// Data sets that are the four IDX files of MNIST, ten classes of 28 x 28: what is checked of each. What IdxImages itself checks is tested
// beside fashion_mnist.
#pragma once

#include <gtest/gtest.h>

#include <clb/sdk/call_dataset.hpp>
#include <string>

#include "errors.hpp"
#include "idx_file.hpp"
#include "pack.hpp"
#include "temp_folder.hpp"

namespace clb::testing {

inline void expect_ten_classes_in_idx(const clb_dataset* table, const char* first_class) {
  const TempFolder folder;
  for (const std::string stem : {"train", "t10k"}) {
    folder.write(stem + "-images-idx3-ubyte.gz", gzip(idx_images(3)));
    folder.write(stem + "-labels-idx1-ubyte.gz", gzip(idx_labels(std::string("\x09\0\x01", 3))));
  }
  const clb_host host = clb::ErrorSink::minimal_host();
  clb::DatasetPlugin plugin(table, &host);
  plugin.open(folder.path().string());
  EXPECT_EQ(plugin.index(CLB_SPLIT_TRAIN).labels[0], 9);
  EXPECT_EQ(plugin.describe().class_count, 10);
  EXPECT_STREQ(plugin.describe().class_names[0], first_class);
  const int64_t ids[] = {2};
  EXPECT_EQ(plugin.read(CLB_SPLIT_TEST, ids)[0].bytes[5], (2 * 784 + 5) % 251);
}

inline void expect_an_eleventh_label_is_refused(const clb_dataset* table) {
  const TempFolder folder;
  folder.write("train-images-idx3-ubyte", idx_images(1));
  folder.write("train-labels-idx1-ubyte", idx_labels("\x0a"));
  const clb_host host = clb::ErrorSink::minimal_host();
  clb::DatasetPlugin plugin(table, &host);
  const std::string said = error_of<clb::PluginError>([&] { plugin.open(folder.path().string()); });
  EXPECT_TRUE(contains(said, "train-labels-idx1-ubyte: label 10 of sample 0 (offset 8) is not below 10")) << said;
}

}  // namespace clb::testing
