// clbench itself in a prefix of its own: the real command, a fake runner, plugins of metadata only, the shipped recipes.
#pragma once

#include <gtest/gtest.h>

#include <clb/base/json.hpp>
#include <clb/launch/spawn.hpp>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "errors.hpp"
#include "temp_folder.hpp"

namespace clb::testing {

namespace fs = std::filesystem;

class Cli : public ::testing::Test {
 protected:
  void SetUp() override {
    const fs::path plugins = prefix() / "lib/clbench", fakes = CLB_FAKE_PLUGINS;
    fs::create_directories(prefix() / "bin");
    fs::create_directories(plugins / "methods");
    fs::create_directories(plugins / "datasets");
    fs::create_directories(prefix() / "share/clbench/experiments");
    fs::create_directories(prefix() / "share/clbench/presets/fake");
    fs::copy_file(CLB_CLBENCH, prefix() / "bin/clbench");
    fs::copy_file(CLB_FAKE_RUNNER, prefix() / "bin/clb-runner");
    fs::copy_file(fakes / "fake_method.so", plugins / "methods/fake.so");
    fs::copy_file(fakes / "fake_dataset.so", plugins / "datasets/digits.so");
    fs::copy(fs::path(CLB_SOURCE_DIR) / "share/recipes", prefix() / "share/clbench/recipes", fs::copy_options::recursive);
    folder_.write("prefix/share/clbench/presets/fake/brief.toml",
                  "# the fake method, briefly\nexperiment = \"tiny\"\ntrain_transform = \"micro-32\"\n[params]\npace = 0.0\n");
    folder_.write("prefix/share/clbench/experiments/tiny.toml", experiment("ok"));
  }

  fs::path prefix() const { return folder_.path() / "prefix"; }
  std::string database() const { return (folder_.path() / "results.sqlite").string(); }

  // Two runs (seeds 0 and 1) of five tasks.
  static std::string experiment(const std::string& behave, double pace = 0) {
    return "name = \"tiny\"\n[dataset]\nid = \"digits\"\n[weights.main]\nrandom = { image = 32, patch = 4, dim = 64, depth = 1, heads = 1, "
           "seed = 0 }\n[protocol]\nkind = \"class\"\nsplit = \"B0-Inc2\"\norder = \"identity\"\neval_transform = \"micro-32\"\n[run]\n"
           "seed = [0, 1]\nthreads = 1\n[[method]]\nid = \"fake\"\nparams = { behave = \"" +
           behave + "\", at = 2, pace = " + std::to_string(pace) + " }\n";
  }
  std::string experiment_file(const std::string& behave, double pace = 0) {
    return folder_.write(behave + ".toml", experiment(behave, pace)).string();
  }

  launch::Spawn command(std::vector<std::string> words) const {
    launch::Spawn spawn{.program = prefix() / "bin/clbench", .arguments = std::move(words)};
    spawn.environment = {{"CLB_CACHE", (folder_.path() / "cache").string()}, {"CLB_PLUGIN_PATH", ""}};
    return spawn;
  }
  launch::Captured clbench(std::vector<std::string> words) const { return launch::capture(command(std::move(words)), 120); }
  launch::Captured run(const std::string& experiment, std::vector<std::string> more = {}) const {
    more.insert(more.begin(), {"run", experiment, "--db", database()});
    return clbench(std::move(more));
  }
  // The answer of a verb with --json; the test fails when it is none.
  base::Json json(std::vector<std::string> words) const {
    words.push_back("--json");
    const launch::Captured ended = clbench(std::move(words));
    EXPECT_EQ(ended.err, "");
    return base::Json::parse(ended.out);
  }
  std::vector<std::string> statuses() const {
    std::vector<std::string> words;
    for (const base::Json& run : json({"status", "--db", database()})) {
      const std::string reason = run.at("reason").get<std::string>();
      words.push_back(run.at("status").get<std::string>() + (reason.empty() ? "" : ": " + reason));
    }
    return words;
  }

  TempFolder folder_;
};

}  // namespace clb::testing
