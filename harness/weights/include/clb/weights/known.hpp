// What NAME.toml in a folder of weights says of one weight file: which file it is, what is in it, what it was pre-trained on, where it
// comes from. The one place for such facts: the plan reads it for `weights.main = "NAME"`, tables and pages for names and badges.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <clb/base/toml/node.hpp>

namespace clb::weights {

// How images are brought to what the network was trained on: (pixel in [0, 1] - mean) / std for each channel, RGB.
struct Preprocess {
  std::array<double, 3> mean{0, 0, 0}, std{1, 1, 1};
  std::string transform;  // a recipe whose evaluation geometry the network needs; empty: that of the experiment
};

struct Known {
  std::string name;                                             // of the TOML file
  std::string sha256;                                           // of the weight file, 64 digits; empty: nobody who wrote this had the file
  std::string file;                                             // its name in the folders of weights
  std::filesystem::path folder;                                 // looked into after all others; empty: none
  std::string format = "timm_vit";                              // timm_vit | openclip | openai_clip, or another that nn knows
  std::string activation;                                       // gelu | quick_gelu; empty: the format's
  int64_t image = 0, patch = 0, dim = 0, depth = 0, heads = 0;  // of the image tower; heads 0: dim / 64
  std::filesystem::path vocabulary;                             // of a text tower's tokeniser; empty: CLIP's own
  std::vector<std::string> labels;                              // label sets of supervised pre-training: "IN1k"; empty: none
  std::string pretraining;                                      // a sentence: data, labels, recipe
  std::string licence, source;                                  // SPDX id or a sentence; where the file comes from
  std::string get;                                              // how to get it, a sentence
  std::vector<std::string> urls;                                // mirrors of the safetensors file; empty: it is not to be had as such
  uint64_t size = 0;                                            // bytes of it; 0: not stated
  std::optional<Preprocess> preprocess;
  base::toml::Place place;  // of the file
};

// One file NAME.toml. Error with FILE:line:column for what is misspelt, missing or out of range.
Known read_known(const std::filesystem::path& file);

// Every *.toml of the folders that is a description; of two with one name the first, sorted by name. A folder that is not there has none.
std::vector<Known> read_all_known(const std::vector<std::filesystem::path>& folders);

}  // namespace clb::weights
