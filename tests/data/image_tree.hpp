// A tree of small PNG files that do not shrink, and how many bytes this process has read.
#pragma once

#include <gtest/gtest.h>

#include <clb/data/prepare.hpp>
#include <clb/data/sample_store.hpp>
#include <fstream>
#include <string>
#include <vector>

#include "support/png.hpp"
#include "support/temp_folder.hpp"

namespace clb::testing {

namespace fs = std::filesystem;

inline std::string noisy_png(uint32_t side, uint32_t seed) {
  std::string rows;
  for (uint32_t y = 0; y < side; ++y) {
    rows.push_back(0);
    for (uint32_t x = 0; x < 3 * side; ++x) rows.push_back(static_cast<char>((seed = seed * 1664525 + 1013904223) >> 24));
  }
  return png(side, side, 8, 2, rows);
}

// Bytes that this process has asked the system for, whether or not they were cached.
inline uint64_t bytes_read() {
  std::ifstream io("/proc/self/io");
  std::string name;
  uint64_t value = 0;
  while (io >> name >> value)
    if (name == "rchar:") return value;
  return 0;
}

// Two classes with `per_class` training images and half as many of the test split.
class ImageTree : public ::testing::Test {
 protected:
  static constexpr int kPerClass = 80;
  static constexpr uint32_t kSide = 64;
  static constexpr int64_t kDecoded = int64_t{3} * kPerClass * kSide * kSide * 3;  // bytes of all, decoded

  ImageTree() {
    uint32_t seed = 0;
    for (const auto& [split, count] : {std::pair("train", kPerClass), std::pair("test", kPerClass / 2)})
      for (const std::string name : {"cat", "dog"}) {
        fs::create_directories(root() / split / name);
        for (int i = 0; i < count; ++i) {
          const std::string bytes = noisy_png(kSide, ++seed);
          folder_.write(std::string("tree/") + split + "/" + name + "/" + std::to_string(100 + i) + ".png", bytes);
          total_ += bytes.size();
        }
      }
  }

  fs::path root() const { return folder_.path() / "tree"; }
  fs::path cache() const { return folder_.path() / "cache"; }
  fs::path file(int64_t train_index) const {
    return root() / "train" / (train_index < kPerClass ? "cat" : "dog") / (std::to_string(100 + train_index % kPerClass) + ".png");
  }
  data::Preparation preparation(int64_t store_limit) const {
    return {.file = CLB_IMAGE_FOLDER, .root = root().string(), .cache = cache(), .store_limit = store_limit};
  }
  std::vector<std::string> kept(const std::string& fingerprint) const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(cache() / "data" / fingerprint)) names.push_back(entry.path().filename());
    std::sort(names.begin(), names.end());
    return names;
  }
  base::DatasetSpec dataset(const std::string& fingerprint) const {
    base::DatasetSpec spec;
    spec.id = "image_folder";
    spec.file = CLB_IMAGE_FOLDER;
    spec.root = root().string();
    spec.fingerprint = fingerprint;
    spec.modality = "images";
    return spec;
  }
  base::ExecutionSpec execution(int64_t store_limit) const {
    base::ExecutionSpec spec;
    spec.cache_dir = cache().string();
    spec.store_limit = store_limit;
    return spec;
  }

  TempFolder folder_;
  uint64_t total_ = 0;  // bytes of the files
};

inline const auto no_warning = [](const std::string& text) { ADD_FAILURE() << text; };

}  // namespace clb::testing
