// What this clbench has at hand: its runner, its cache, its plugins.
#pragma once

#include <clb/launch/plugins.hpp>
#include <clb/launch/spawn.hpp>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "options.hpp"

namespace clb::cli {

// What a person types to start this: a Python environment has a command that finds LibTorch and becomes this program (CLB_COMMAND;
// tools/python/clbench/program.py).
std::filesystem::path invoked();

struct Preset {
  std::string method, name, about;  // about: the first comment line of its file
  std::filesystem::path file;
};

// From the options --plugin-path and --cache. Error when a folder of --plugin-path does not exist.
std::vector<std::filesystem::path> plugin_folders(const Options& options);
std::vector<launch::PluginFile> installed_plugins(const Options& options);
std::optional<std::filesystem::path> cache_folder(const Options& options);

// Where data sets given by name are looked for: --data-path (Error when a folder does not exist), CLB_DATA, the user's data folder.
std::vector<std::filesystem::path> data_folders(const Options& options);

// Where weights given by name are looked for: --weights-path (Error when a folder does not exist), CLB_WEIGHTS_PATH, the installation, the
// user's data folder.
std::vector<std::filesystem::path> weights_folders(const Options& options);

// share/clbench/presets/<method>/<name>.toml, sorted.
std::vector<Preset> installed_presets();

}  // namespace clb::cli
