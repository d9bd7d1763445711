#include <clb/base/paths.hpp>
#include <clb/base/there.hpp>
#include <clb/weights/search.hpp>
#include <set>

namespace clb::weights {

namespace fs = std::filesystem;
using base::is_file;

std::vector<fs::path> user_folders(const std::vector<std::string>& flags) {
  std::vector<fs::path> all = base::listed_folders(flags, "CLB_WEIGHTS_PATH");
  if (const auto own = base::user_data("weights")) all.push_back(*own);
  return all;
}

std::vector<fs::path> folders(const std::vector<std::string>& flags, const fs::path& share) {
  std::vector<fs::path> all = user_folders(flags);
  const auto own = base::user_data("weights");
  all.insert(own ? all.end() - 1 : all.end(), share / "weights");
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
