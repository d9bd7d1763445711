// The training of one recipe from beginning to end, or on from where it was interrupted.
#pragma once

#include <clb/pretrain/recipe.hpp>
#include <filesystem>
#include <functional>
#include <string>

namespace clb::pretrain {

struct Progress {
  int64_t images = 0, total = 0;
  double rate = 0;          // images a second, of late
  double seconds_left = 0;  // at this rate; the last part, without dropped patches, is slower
  double loss = 0, accuracy = 0;
};

struct TrainOptions {
  std::filesystem::path folder;  // checkpoint.safetensors and curve.jsonl; made when missing
  std::filesystem::path out;     // the weights
  std::filesystem::path recipe;  // the file, which is not written over; may be empty
  bool force = false;            // replaces files of these names that clb-pretrain did not write
  bool resume = false;
  std::string device = "auto";  // auto | cpu | cuda
  int threads = 2;              // that compute; as many others draw images, which takes little
  double checkpoint_minutes = 5;
  int64_t curve_every = 0;                        // updates; 0: 100, or a fiftieth of the training where that is less
  std::function<void(const Progress&)> progress;  // at every point of the curve
  std::function<void(const std::string&)> warn;   // a checkpoint that is damaged, so that the training starts over
  std::function<bool()> stop;                     // true: write a checkpoint and return after this update
};

// True: finished, the weights are written. False: stopped; the checkpoint holds the rest.
bool train(const Recipe& recipe, const TrainOptions& options);

}  // namespace clb::pretrain
