#include <algorithm>
#include <clb/weights/search.hpp>
#include <cstdlib>
#include <set>
#include <sstream>

namespace clb::weights {
namespace {

namespace fs = std::filesystem;

bool is_file(const fs::path& path) {
  std::error_code error;
  return fs::is_regular_file(path, error);
}

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

}  // namespace

std::vector<fs::path> folders(const std::vector<std::string>& flags, const fs::path& share) {
  std::vector<fs::path> all;
  for (const std::string& flag : flags) all.push_back(fs::absolute(flag));
  std::istringstream listed(variable("CLB_WEIGHTS_PATH"));
  for (std::string folder; std::getline(listed, folder, ':');)
    if (!folder.empty()) all.push_back(fs::absolute(folder));
  all.push_back(share / "weights");
  // The XDG specification says that a relative path there is to be ignored.
  if (const fs::path xdg = variable("XDG_DATA_HOME"); xdg.is_absolute())
    all.push_back(xdg / "clbench" / "weights");
  else if (const std::string home = variable("HOME"); !home.empty())
    all.push_back(fs::absolute(home) / ".local" / "share" / "clbench" / "weights");
  return all;
}

std::optional<Known> find_known(const std::string& name, const std::vector<fs::path>& folders) {
  if (name.empty() || name.find('/') != std::string::npos) return std::nullopt;
  for (const fs::path& folder : folders)
    if (const fs::path file = folder / (name + ".toml"); is_file(file)) return read_known(file);
  return std::nullopt;
}

std::optional<fs::path> find_file(const Known& known, const std::vector<fs::path>& folders) {
  std::vector<fs::path> all = folders;
  if (!known.folder.empty()) all.push_back(known.folder);
  for (const fs::path& folder : all)
    if (const fs::path file = folder / known.file; is_file(file)) return file;
  return std::nullopt;
}

std::vector<std::string> known_names(const std::vector<fs::path>& folders) {
  std::set<std::string> names;
  for (const fs::path& folder : folders) {
    std::error_code error;
    for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error))
      if (entry->path().extension() == ".toml") names.insert(entry->path().stem().string());
  }
  return {names.begin(), names.end()};
}

}  // namespace clb::weights
