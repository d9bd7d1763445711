#include "tree_folder.hpp"

#include <algorithm>
#include <array>
#include <clb/base/folder.hpp>
#include <clb/sdk/image_tree.hpp>
#include <string_view>

namespace clb::tree {

namespace {

namespace fs = std::filesystem;

std::string extension_of(const std::string& name) {
  const size_t dot = name.rfind('.');
  std::string extension = dot == std::string::npos || dot == 0 ? "" : name.substr(dot);  // as fs::path has it, which costs more
  for (char& c : extension) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return extension;
}

template <size_t N>
bool among(const std::string& text, const std::array<std::string_view, N>& list) {
  return std::find(list.begin(), list.end(), text) != list.end();
}

// What was left there by something else than the data set; "": it belongs to it.
std::string clutter(const std::string& name) {
  constexpr std::array<std::string_view, 4> known{"desktop.ini", "__MACOSX", ".DS_Store", ".ipynb_checkpoints"};
  if (among(name, known)) return name;
  if (name == "Thumbs.db" || name == "ehthumbs.db") return "Thumbs.db";
  return name.starts_with("._") ? "._*" : name.starts_with('.') ? "hidden" : "";
}

}  // namespace

bool is_image(const std::string& name) { return among(extension_of(name), std::array<std::string_view, 3>{".jpg", ".jpeg", ".png"}); }

bool is_text(const std::string& name) {
  constexpr std::array<std::string_view, 12> text{".txt", ".md",   ".csv", ".tsv", ".json", ".xml",
                                                  ".yml", ".yaml", ".log", ".ini", ".html", ".toml"};
  return among(extension_of(name), text);
}

Folder::Folder(const Path& path) {
  using Kind = base::Listed::Kind;
  std::error_code error;
  for (base::Listed& entry : base::list_folder(path.string(), error)) {
    const std::string kind = clutter(entry.name);
    if (kind.empty())
      (entry.kind == Kind::kFolder ? folders : entry.kind == Kind::kFile ? files : others).push_back(std::move(entry.name));
    else
      ++passed_over[kind];
  }
  if (error) tree_problem(path, "cannot be listed: " + error.message());
}

void NoImages::add(const Path& file) {
  if (count_++ == 0) first_ = file;
  ++by_extension_[extension_of(file.filename().string())];
}

void NoImages::refuse() const {
  if (count_ == 0) return;
  std::string said = "ends neither in .jpg, .jpeg nor .png";
  if (count_ > 1) {
    said += ", as do " + std::to_string(count_ - 1) + " more (";
    for (const auto& [extension, count] : by_extension_)
      said += (said.ends_with('(') ? "" : ", ") + (extension.empty() ? "no extension" : extension) + ": " + std::to_string(count);
    said += ")";
  }
  tree_problem(first_, said + "; convert what is an image, remove the others or hide them with a leading dot");
}

}  // namespace clb::tree
