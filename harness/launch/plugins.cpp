#include <fmt/format.h>

#include <algorithm>
#include <clb/base/error.hpp>
#include <clb/base/nearest.hpp>
#include <clb/base/paths.hpp>
#include <clb/launch/plugins.hpp>
#include <clb/python/header.hpp>
#include <fstream>
#include <map>
#include <utility>

namespace clb::launch {

namespace fs = std::filesystem;

namespace {

// A module that a method in Python imports is beside it, and no plugin.
bool is_plugin(const fs::path& file) {
  if (file.extension() == ".so") return true;
  try {
    return python::is_python(file) && python::has_header(file);
  } catch (const base::Error&) {
    return false;  // it cannot be read
  }
}

std::vector<fs::path> plugin_files(const fs::path& folder) {
  std::vector<fs::path> files;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    if (!entry->is_directory(error) && is_plugin(entry->path())) files.push_back(entry->path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

PluginFile examine(const fs::path& file) {
  PluginFile plugin{file, {}, {}, {}};
  try {
    plugin.meta = python::read_meta(file);
    plugin.error = base::mismatch(plugin.meta, plugin.meta.kind, "");
  } catch (const base::Error& error) {
    plugin.error = error.what();
  }
  return plugin;
}

}  // namespace

std::vector<PluginFile> find_plugins(const std::vector<fs::path>& folders) {
  std::vector<PluginFile> plugins;
  std::map<std::pair<std::string, std::string>, fs::path> first;
  std::vector<fs::path> seen;
  for (const fs::path& folder : folders) {
    std::error_code error;
    const fs::path real = fs::weakly_canonical(folder, error);
    if (std::find(seen.begin(), seen.end(), real) != seen.end()) continue;
    seen.push_back(real);
    for (const fs::path& file : plugin_files(folder)) {
      PluginFile plugin = examine(file);
      if (plugin.error.empty()) {
        const auto [place, is_new] = first.try_emplace({plugin.meta.kind, plugin.meta.id}, file);
        if (!is_new) plugin.shadowed_by = place->second;
      }
      plugins.push_back(std::move(plugin));
    }
  }
  return plugins;
}

std::string build_command() {
  std::error_code error;
  fs::path tree = fs::proximate(base::prefix(), error);
  if (error || tree.empty() || tree.native().starts_with("..")) tree = base::prefix();
  return fmt::format("cmake --build {}", tree.string());
}

std::string UnbuiltPlugin::command() const { return fmt::format("{} --target {}_{}", build_command(), kind, id); }

std::string UnbuiltPlugin::sentence() const {
  return fmt::format("the {} {} is not built yet; build it with `{}`, or everything with `{}`", kind, id, command(), build_command());
}

std::vector<UnbuiltPlugin> unbuilt_plugins(const std::vector<PluginFile>& plugins) {
  std::vector<UnbuiltPlugin> unbuilt;
  std::ifstream listed(base::prefix() / "lib" / "clbench" / "build_tree.txt");
  for (UnbuiltPlugin one; listed >> one.kind >> one.id;) {
    const auto is_it = [&](const PluginFile& plugin) { return plugin.file.stem() == one.id || plugin.meta.id == one.id; };
    if (std::none_of(plugins.begin(), plugins.end(), is_it)) unbuilt.push_back(one);
  }
  return unbuilt;
}

const PluginFile& plugin(const std::vector<PluginFile>& plugins, const std::string& kind, const std::string& id) {
  std::vector<std::string> ids;
  for (const PluginFile& candidate : plugins) {
    if (candidate.usable() && candidate.meta.kind == kind) {
      if (candidate.meta.id == id) return candidate;
      ids.push_back(candidate.meta.id);
    }
  }
  for (const PluginFile& candidate : plugins) {
    if (!candidate.error.empty() && (candidate.meta.id == id || candidate.file.stem() == id)) throw base::Error(candidate.error);
  }
  for (const UnbuiltPlugin& unbuilt : unbuilt_plugins(plugins)) {
    if (unbuilt.kind == kind && unbuilt.id == id) throw base::Error(unbuilt.sentence());
  }
  if (const std::string near = base::nearest(id, ids); !near.empty()) {
    throw base::Error(fmt::format("there is no {} '{}'; did you mean '{}'?", kind, id, near));
  }
  throw base::Error(
      fmt::format("there is no {0} '{1}'; `clbench list {0}s` shows what is installed, --plugin-path DIR adds a folder", kind, id));
}

}  // namespace clb::launch
