// A world whose data, plugin or weights are replaced between two runs.
#pragma once

#include <clb/base/safetensors.hpp>
#include <clb/base/sha256.hpp>

#include "e2e/cli.hpp"
#include "support/errors.hpp"
#include "support/replace_file.hpp"

namespace clb::testing {

inline constexpr int64_t kClasses = 6, kDim = 8;

// Ten vectors of each class on an axis of its own. Of the second version the axes of the training data are others.
inline std::string vectors(int64_t shift) {
  const int64_t n = 10 * kClasses;
  std::vector<float> features;
  std::vector<int64_t> labels;
  for (int64_t i = 0; i < n; ++i) {
    labels.push_back(i % kClasses);
    for (int64_t j = 0; j < kDim; ++j)
      features.push_back((j == (i + shift) % kClasses ? 1.0F : 0.0F) + static_cast<float>((i * 7 + j * 3) % 5) / 50);
  }
  std::string file = base::safetensors_header({{"features", {"F32", {n, kDim}, 0, 0}}, {"labels", {"I64", {n}, 0, 0}}}, {});
  file.append(reinterpret_cast<const char*>(features.data()), features.size() * sizeof(float));
  return file.append(reinterpret_cast<const char*>(labels.data()), labels.size() * sizeof(int64_t));
}

class ReplacedInputs : public ::testing::Test {
 protected:
  ReplacedInputs() {
    fs::create_directories(world_.path() / "vectors");
    for (const char* split : {"train", "test"}) std::ofstream(file(split), std::ios::binary) << vectors(0);
    std::ofstream(world_.experiment()) << "[dataset]\nid = \"features\"\nroot = \"vectors\"\n[protocol]\nsplit = \"B0-Inc2\"\n"
                                          "order = \"identity\"\n[run]\nthreads = 1\n[[method]]\nid = \"simplecil\"\n";
  }
  fs::path file(const std::string& split) const { return world_.path() / "vectors" / (split + ".safetensors"); }
  void replace_data(int64_t shift) const { overwrite_keeping_times(file("train"), vectors(shift)); }

  // Share of the test vectors that the run gets right; in a database of its own.
  double accuracy(const std::vector<std::string>& more = {}) const {
    fs::remove(world_.database());
    const Ended ended = world_.run(more);
    EXPECT_EQ(ended.code, 0) << ended.err;
    const auto prediction = world_.newest().prediction;
    double right = 0;
    for (size_t i = 0; i < prediction.size(); ++i) right += prediction[i] == static_cast<int64_t>(i) % kClasses;
    return prediction.empty() ? -1 : right / static_cast<double>(prediction.size());
  }
  Ended audit() const { return world_.clbench({"audit", world_.database().string()}); }

  World world_;
};

}  // namespace clb::testing
