#include "installation.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <clb/base/error.hpp>
#include <clb/base/paths.hpp>
#include <fstream>

namespace clb::cli {

namespace fs = std::filesystem;

std::vector<fs::path> plugin_folders(const Options& options) {
  const std::vector<std::string> given = options.texts("plugin-path");
  for (const std::string& folder : given) {
    std::error_code error;
    if (!fs::is_directory(folder, error)) throw base::Error(fmt::format("--plugin-path {}: there is no such folder", folder));
  }
  return base::plugin_folders(given);
}

std::vector<launch::PluginFile> installed_plugins(const Options& options) { return launch::find_plugins(plugin_folders(options)); }

std::optional<fs::path> cache_folder(const Options& options) { return base::cache_dir(options.text("cache")); }

namespace {

std::string first_comment(const fs::path& file) {
  std::ifstream in(file);
  std::string line;
  if (!std::getline(in, line) || !line.starts_with('#')) return "";
  return line.substr(std::min(line.size(), line.find_first_not_of("# ")));
}

}  // namespace

std::vector<Preset> installed_presets() {
  std::vector<Preset> presets;
  std::error_code error;
  for (fs::directory_iterator method(base::share() / "presets", error), end; !error && method != end; method.increment(error)) {
    std::error_code inner;
    for (fs::directory_iterator entry(method->path(), inner); !inner && entry != end; entry.increment(inner)) {
      const fs::path& file = entry->path();
      if (file.extension() == ".toml") presets.push_back({method->path().filename(), file.stem(), first_comment(file), file});
    }
  }
  std::sort(presets.begin(), presets.end(), [](const Preset& a, const Preset& b) { return a.file < b.file; });
  return presets;
}

}  // namespace clb::cli
