// Files that an experiment names, and the TOML files of a folder.
#pragma once

#include <clb/base/there.hpp>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "toml.hpp"

namespace clb::plan {

using base::is_file;

inline constexpr uint64_t kMaxTomlBytes = 1 << 20;

// Sorted names without ".toml"; empty when the folder does not exist.
std::vector<std::string> toml_stems(const std::filesystem::path& folder);

// The absolute path of a file or folder: relative to the experiment's folder when it was written there, to the current folder when it was
// given by --set.
std::filesystem::path resolve_path(const Node& path, const std::string& what, const std::filesystem::path& experiment_folder);

}  // namespace clb::plan
