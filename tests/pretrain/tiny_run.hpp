// A whole training of a recipe that ends in seconds, in a folder of its own.
#pragma once

#include <clb/base/file.hpp>
#include <clb/base/json.hpp>
#include <clb/pretrain/train.hpp>
#include <filesystem>
#include <sstream>
#include <string>
#include <vector>

#include "temp_folder.hpp"

namespace clb::pretrain {

struct TinyRun {
  Recipe recipe;
  TrainOptions options;

  TinyRun(const testing::TempFolder& temp, const std::string& name, const std::string& toml) : recipe(parse_recipe(toml, "tiny.toml")) {
    options.folder = temp.path() / name;
    options.out = options.folder / "weights.safetensors";
    options.device = "cpu";
    options.threads = 1;
    options.curve_every = 5;
  }
  bool train() const { return pretrain::train(recipe, options); }
  std::string weights() const { return base::read_file(options.out); }
  std::vector<base::Json> curve() const {  // without the times
    std::vector<base::Json> points;
    std::istringstream lines(base::read_file(options.folder / "curve.jsonl"));
    for (std::string line; std::getline(lines, line);) {
      points.push_back(base::parse_json(line, "curve"));
      points.back().erase("seconds");
    }
    return points;
  }
};

}  // namespace clb::pretrain
