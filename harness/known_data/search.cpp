#include <clb/base/paths.hpp>
#include <clb/base/there.hpp>
#include <clb/known_data/search.hpp>

namespace clb::known_data {

namespace fs = std::filesystem;
using base::is_there;

bool holds_data(const fs::path& path) {
  std::error_code error;
  if (!base::is_folder(path)) return is_there(path);
  for (fs::directory_iterator entry(path, error), end; !error && entry != end; entry.increment(error))
    if (!entry->path().filename().native().starts_with('.')) return true;
  return static_cast<bool>(error);
}

std::vector<fs::path> folders(const std::vector<std::string>& flags) {
  std::vector<fs::path> all = base::listed_folders(flags, "CLB_DATA");
  if (const auto own = base::user_data("data")) all.push_back(*own);
  return all;
}

std::optional<fs::path> find_folder(const Known& known, const std::vector<fs::path>& folders) {
  for (const fs::path& folder : folders)
    if (holds_data(folder / known.name)) return folder / known.name;
  if (!known.root.empty() && is_there(known.root)) return known.root;
  return std::nullopt;
}

std::string looked_in(const Known& known, const std::vector<fs::path>& folders) {
  std::string text;
  for (const fs::path& folder : folders) text += (text.empty() ? "in none of " : ", ") + folder.string();
  if (!known.root.empty()) text += (text.empty() ? "not at " : " and not at ") + known.root.string();
  for (const fs::path& folder : folders)
    if (const std::string why = base::is_there(folder / known.name) ? "" : base::why_no_folder(folder / known.name); !why.empty())
      text += " (" + why + ")";
  return text.empty() ? "in no folder of data" : text;
}

}  // namespace clb::known_data
