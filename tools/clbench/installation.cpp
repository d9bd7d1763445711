#include "installation.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <clb/base/error.hpp>
#include <clb/base/paths.hpp>
#include <clb/base/text.hpp>
#include <clb/known_data/search.hpp>
#include <clb/weights/search.hpp>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <set>

#include "say.hpp"

namespace clb::cli {

namespace fs = std::filesystem;

namespace {

// The folders of an option, all of which are there.
std::vector<std::string> folders_given(const Options& options, const char* name) {
  std::vector<std::string> given = options.texts(name);
  for (const std::string& folder : given) {
    std::error_code error;
    if (!fs::is_directory(folder, error)) throw base::Error(fmt::format("--{} {}: there is no such folder", name, folder));
  }
  return given;
}

}  // namespace

fs::path invoked() {
  const char* given = std::getenv("CLB_COMMAND");
  return given && *given ? fs::path(given) : base::executable();
}

std::vector<fs::path> plugin_folders(const Options& options) { return base::plugin_folders(folders_given(options, "plugin-path")); }

std::vector<fs::path> weights_folders(const Options& options) {
  return weights::folders(folders_given(options, "weights-path"), base::share());
}

std::vector<fs::path> data_folders(const Options& options) { return known_data::folders(folders_given(options, "data-path")); }

std::vector<launch::PluginFile> installed_plugins(const Options& options) { return launch::find_plugins(plugin_folders(options)); }

namespace {

// Why files cannot be written below a folder; "" when they can. Nothing is created: a cache appears with its first entry.
std::string obstacle(const fs::path& folder) {
  struct stat status;
  fs::path at = folder;
  while (stat(at.c_str(), &status) != 0) {
    if ((errno != ENOENT && errno != ENOTDIR) || !at.has_relative_path()) return fmt::format("{}: {}", at.string(), strerror(errno));
    at = at.parent_path();
  }
  if (!S_ISDIR(status.st_mode)) return fmt::format("{} is no folder", at.string());
  if (access(at.c_str(), W_OK | X_OK) != 0) return fmt::format("{}: {}", at.string(), strerror(errno));
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    if (entry->is_directory(error) && access(entry->path().c_str(), W_OK | X_OK) != 0)
      return fmt::format("{}: {}", entry->path().string(), strerror(errno));
  }
  return "";
}

void warn_once(const std::string& sentence) {
  static std::set<std::string> said;
  if (said.insert(sentence).second) say(stderr, "clbench: warning: {}\n", sentence);
}

// Nobody asked for the cache at its default place: where it cannot be, things take longer and that is all.
std::optional<fs::path> default_cache() {
  const char* xdg = std::getenv("XDG_CACHE_HOME");
  if (xdg && *xdg && *xdg != '/')
    warn_once(fmt::format("XDG_CACHE_HOME is \"{}\", which is ignored because it is no absolute path", base::printable(xdg)));
  std::string why;
  try {
    const fs::path cache = base::cache_dir("").value();
    why = obstacle(cache);
    if (why.empty()) return cache;
    why = fmt::format("the cache {} cannot be written ({})", cache.string(), why);
  } catch (const base::Error& error) {
    why = "neither CLB_CACHE, XDG_CACHE_HOME nor HOME says where the cache is";
  }
  warn_once(why + "; nothing is cached; --cache DIR names another place");
  return std::nullopt;
}

}  // namespace

std::optional<fs::path> cache_folder(const Options& options) {
  const std::string flag = options.text("cache");
  const char* variable = std::getenv("CLB_CACHE");
  if (flag.empty() && (!variable || !*variable)) return default_cache();
  const std::optional<fs::path> cache = base::cache_dir(flag);
  if (!cache) return cache;
  if (const std::string why = obstacle(*cache); !why.empty())
    throw base::Error(fmt::format("{} {}: the cache cannot be written ({}); name another folder, or off to do without",
                                  flag.empty() ? "CLB_CACHE" : "--cache", cache->string(), why));
  return cache;
}

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
