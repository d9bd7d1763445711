#include "entry_path.hpp"

#include <algorithm>
#include <vector>

namespace clb::fetch {
namespace {

std::vector<std::string_view> parts_of(std::string_view name) {
  std::vector<std::string_view> parts;
  while (!name.empty()) {
    const size_t slash = std::min(name.find('/'), name.size());
    const std::string_view part = name.substr(0, slash);
    if (!part.empty() && part != ".") parts.push_back(part);
    name.remove_prefix(std::min(slash + 1, name.size()));
  }
  return parts;
}

bool is_plain(std::string_view name) {
  return std::none_of(name.begin(), name.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

std::string joined(const std::vector<std::string_view>& parts) {
  std::string name;
  for (const std::string_view part : parts) name.append(name.empty() ? "" : "/").append(part);
  return name;
}

}  // namespace

std::optional<std::string> inner_name(std::string_view name) {
  if (name.empty() || name.starts_with('/') || !is_plain(name)) return std::nullopt;
  const auto parts = parts_of(name);
  if (std::find(parts.begin(), parts.end(), "..") != parts.end()) return std::nullopt;
  return joined(parts);
}

std::optional<std::string> link_target(std::string_view name, std::string_view target) {
  if (target.empty() || target.starts_with('/') || !is_plain(target)) return std::nullopt;
  std::vector<std::string_view> at = parts_of(name);
  if (!at.empty()) at.pop_back();
  bool down = false;
  for (const std::string_view part : parts_of(target)) {
    if (part != "..") {
      down = true;
      at.push_back(part);
    } else if (down || at.empty()) {
      return std::nullopt;
    } else {
      at.pop_back();
    }
  }
  return joined(at);
}

}  // namespace clb::fetch
