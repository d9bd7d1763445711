// A small world for tests of the plan: a catalogue of constants and a folder with an experiment, recipes, a preset and weights.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "plan_catalogue.hpp"

namespace clb::plan::testing {

namespace fs = std::filesystem;

// `text` with its line `number` (from 1) replaced; an empty replacement removes the line.
inline std::string with_line(const std::string& text, int number, const std::string& replacement) {
  size_t begin = 0;
  for (int line = 1; line < number; ++line) begin = text.find('\n', begin) + 1;
  const size_t end = text.find('\n', begin) + 1;
  return text.substr(0, begin) + (replacement.empty() ? "" : replacement + "\n") + text.substr(end);
}

class PlanTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::canonical(fs::temp_directory_path()) / "clb_plan_XXXXXX").string();
    folder_ = mkdtemp(name.data());
    fs::create_directories(folder_ / "cifar");
    write("vit.safetensors", tiny_vit());
    write("share/recipes/plain.toml", "[train]\nresize = 32\n[eval]\nresize = 32\n");
    write("share/recipes/crop.toml", "[train]\nrandom_resized_crop = 32\nflip = 0.5\n[dataset.cifar100.train]\nrandom_crop = 32\n");
    write("share/presets/l2p/small.toml", "experiment = \"good\"\ntrain_transform = \"plain\"\n[params]\nlr = 0.5\ntop_k = 1\n");
    write("share/experiments/good.toml", kGood);
  }
  void TearDown() override { fs::remove_all(folder_); }

  void write(const std::string& name, const std::string& text) const {
    fs::create_directories((folder_ / name).parent_path());
    std::ofstream(folder_ / name, std::ios::binary) << text;
  }

  PlanOptions options(const std::vector<std::string>& overrides = {}) const {
    return {folder_ / "good.toml", overrides, folder_ / "share", 7};
  }

  Plan plan(const std::string& text, const std::vector<std::string>& overrides = {}) {
    write("good.toml", text);
    return make_plan(options(overrides), catalogue_);
  }

  // The sentence of the Error, without this folder's name; empty when there is none.
  std::string mistake(const std::string& text, const std::vector<std::string>& overrides = {}) {
    try {
      plan(text, overrides);
    } catch (const base::Error& error) {
      EXPECT_EQ(error.exit(), base::Exit::kUserMistake);
      std::string sentence = error.what();
      const std::string prefix = folder_.string() + "/";
      for (size_t at; (at = sentence.find(prefix)) != std::string::npos;) sentence.erase(at, prefix.size());
      return sentence;
    }
    return "";
  }

  fs::path folder_;
  FakeCatalogue catalogue_;
};

}  // namespace clb::plan::testing
