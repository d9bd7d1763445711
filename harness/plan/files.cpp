#include "files.hpp"

#include <algorithm>

#include "toml.hpp"

namespace clb::plan {

std::vector<std::string> toml_stems(const std::filesystem::path& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error))
    if (entry.path().extension() == ".toml") names.push_back(entry.path().stem().string());
  std::sort(names.begin(), names.end());
  return names;
}

std::filesystem::path resolve_path(const Node& path, const std::string& what, const std::filesystem::path& experiment_folder) {
  const std::filesystem::path written = to_string(path, what);
  const auto full = path.place.on_command_line() ? std::filesystem::absolute(written) : experiment_folder / written;
  return full.lexically_normal();
}

}  // namespace clb::plan
