#include <dlfcn.h>
#include <link.h>
#include <unistd.h>

#include <clb/base/error.hpp>
#include <clb/base/paths.hpp>
#include <cstdlib>
#include <sstream>
#include <system_error>

namespace clb::base {

namespace {

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

}  // namespace

fs::path executable() {
  std::error_code error;
  fs::path file = fs::read_symlink("/proc/self/exe", error);
  if (error) throw Error("/proc/self/exe: cannot be read: " + error.message(), Exit::kInternal);
  return file;
}

fs::path code_file() {
  Dl_info info{};
  link_map* object = nullptr;
  const bool known = dladdr1(reinterpret_cast<void*>(&code_file), &info, reinterpret_cast<void**>(&object), RTLD_DL_LINKMAP) != 0;
  return known && object != nullptr && object->l_name[0] != '\0' ? fs::path(object->l_name) : fs::path(kThisProgram);
}

fs::path prefix() { return executable().parent_path().parent_path(); }

fs::path share() { return prefix() / "share" / "clbench"; }

std::optional<fs::path> cache_dir(const std::string& flag) {
  const std::string chosen = flag.empty() ? environment("CLB_CACHE") : flag;
  if (chosen == "off") return std::nullopt;
  if (!chosen.empty()) return fs::absolute(chosen);
  // The XDG specification says that a relative path there is to be ignored.
  if (const fs::path xdg = environment("XDG_CACHE_HOME"); xdg.is_absolute()) return xdg / "clbench";
  if (const std::string home = environment("HOME"); !home.empty()) return fs::absolute(home) / ".cache" / "clbench";
  throw Error("no folder for the cache: neither --cache, CLB_CACHE, XDG_CACHE_HOME nor HOME is set; give --cache DIR or --cache off");
}

std::optional<fs::path> shared_cache_dir() {
  const std::string given = environment("CLB_CACHE_SHARED");
  if (given.empty()) return std::nullopt;
  return fs::absolute(given);
}

std::vector<fs::path> listed_folders(const std::vector<std::string>& flags, const char* variable) {
  std::vector<fs::path> folders;
  for (const std::string& flag : flags) folders.push_back(fs::absolute(flag));
  std::istringstream listed(environment(variable));
  for (std::string folder; std::getline(listed, folder, ':');) {
    if (!folder.empty()) folders.push_back(fs::absolute(folder));
  }
  return folders;
}

std::optional<fs::path> user_data(const std::string& kind) {
  // The XDG specification says that a relative path there is to be ignored.
  if (const fs::path xdg = environment("XDG_DATA_HOME"); xdg.is_absolute()) return xdg / "clbench" / kind;
  if (const std::string home = environment("HOME"); !home.empty()) return fs::absolute(home) / ".local" / "share" / "clbench" / kind;
  return std::nullopt;
}

std::vector<fs::path> plugin_folders(const std::vector<std::string>& flags) {
  std::vector<fs::path> folders(flags.begin(), flags.end());
  std::istringstream listed(environment("CLB_PLUGIN_PATH"));
  for (std::string folder; std::getline(listed, folder, ':');) {
    if (!folder.empty()) folders.emplace_back(folder);
  }
  const fs::path installed = prefix() / "lib" / "clbench";
  folders.push_back(installed / "methods");
  folders.push_back(installed / "datasets");
  return folders;
}

}  // namespace clb::base
