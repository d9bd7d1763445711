// Where weight files and their descriptions are looked for.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <clb/weights/known.hpp>

namespace clb::weights {

// The folders of --weights-path, those of CLB_WEIGHTS_PATH (separated by ':'), SHARE/weights, and $XDG_DATA_HOME/clbench/weights (without
// the variable ~/.local/share/clbench/weights).
std::vector<std::filesystem::path> folders(const std::vector<std::string>& flags, const std::filesystem::path& share);

// Those among them that are the user's own, SHARE/weights left out: what is fetched is written into the first.
std::vector<std::filesystem::path> user_folders(const std::vector<std::string>& flags);

// The description NAME.toml of the first folder that has one. Nothing: none has.
std::optional<Known> find_known(const std::string& name, const std::vector<std::filesystem::path>& folders);

// The weight file: the first of folders/file, then known.folder/file. Nothing: it is nowhere.
std::optional<std::filesystem::path> find_file(const Known& known, const std::vector<std::filesystem::path>& folders);

// Names for suggestions.
std::vector<std::string> known_names(const std::vector<std::filesystem::path>& folders);

}  // namespace clb::weights
