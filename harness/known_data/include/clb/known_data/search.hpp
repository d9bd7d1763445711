// Where data sets that have a name are looked for: each lies in a folder of its name in one of these.
#pragma once

#include <clb/known_data/known.hpp>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace clb::known_data {

// The folders of --data-path, those of CLB_DATA (separated by ':'), and $XDG_DATA_HOME/clbench/data (without the variable
// ~/.local/share/clbench/data).
std::vector<std::filesystem::path> folders(const std::vector<std::string>& flags);

// Not so for an empty folder and one of hidden names alone, which `data get` leaves where a person has to fetch a file first.
bool holds_data(const std::filesystem::path& path);

// The first of folders/NAME that holds data, then known.root. Nothing: it is nowhere.
std::optional<std::filesystem::path> find_folder(const Known& known, const std::vector<std::filesystem::path>& folders);

// "in none of A, B and not at C": where find_folder has looked.
std::string looked_in(const Known& known, const std::vector<std::filesystem::path>& folders);

}  // namespace clb::known_data
