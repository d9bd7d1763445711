#include "layout.hpp"

#include <algorithm>
#include <array>
#include <clb/base/same_look.hpp>
#include <clb/sdk/error.hpp>
#include <iterator>
#include <string_view>

namespace image_folder {

void fail(const fs::path& path, const std::string& problem) { throw clb::PluginError(CLB_E_IO, path.string() + ": " + problem); }

std::string listed(const std::vector<std::string>& names, const std::string& what) {
  constexpr size_t kNamed = 5;
  std::string text = what;
  for (size_t i = 0; i < std::min(names.size(), kNamed); ++i) text += (i ? ", \"" : " \"") + names[i] + "\"";
  if (names.size() > kNamed) text += " and " + std::to_string(names.size() - kNamed) + " more";
  return text;
}

namespace {

// Through links; not_found for a broken one.
fs::file_type type_of(const fs::path& path) {
  std::error_code error;
  return fs::status(path, error).type();
}
bool is_folder(const fs::path& path) { return type_of(path) == fs::file_type::directory; }

// What file managers leave behind.
bool is_clutter(const std::string& name) {
  return name.starts_with('.') || name == "Thumbs.db" || name == "ehthumbs.db" || name == "desktop.ini" || name == "__MACOSX";
}

// What a folder holds, hidden names (".DS_Store") left out, in byte order.
std::vector<fs::path> visible(const fs::path& folder) {
  std::vector<fs::path> entries;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    if (!is_clutter(entry->path().filename().native())) entries.push_back(entry->path());
  }
  if (error) fail(folder, "cannot be listed: " + error.message());
  std::sort(entries.begin(), entries.end(), [](const fs::path& a, const fs::path& b) { return a.native() < b.native(); });
  return entries;
}

std::string extension_of(const fs::path& file) {
  std::string extension = file.extension().string();
  for (char& c : extension) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return extension;
}

bool has_image_extension(const fs::path& file) {
  const std::string extension = extension_of(file);
  return extension == ".jpg" || extension == ".jpeg" || extension == ".png";
}

bool has_splits(const fs::path& folder) { return is_folder(folder / "train") || is_folder(folder / "test"); }

bool holds(const fs::path& folder, bool (*what)(const fs::path&)) {
  const std::vector<fs::path> entries = visible(folder);
  return std::any_of(entries.begin(), entries.end(), what);
}

// Names under which other tools keep a split.
std::string other_name_of(const fs::path& folder, bool test) {
  const std::array train{"Train", "TRAIN", "training", "trn"};
  const std::array held_out{"Test", "TEST", "testing", "val", "valid", "validation", "dev", "eval"};
  for (const char* name : train)
    if (!test && is_folder(folder / name)) return name;
  for (const char* name : held_out)
    if (test && is_folder(folder / name)) return name;
  return "";
}

// A root whose folders hold neither train nor test.
[[noreturn]] void refuse_layout(const fs::path& root, const std::vector<fs::path>& folders) {
  std::vector<std::string> names;
  for (const fs::path& folder : folders) names.push_back(folder.filename().string());
  for (const bool test : {false, true})
    if (const std::string other = other_name_of(root, test); !other.empty())
      fail(root, "holds no folders train and test; if " + other + " is what " + (test ? "test" : "train") +
                     " should be, rename it or link to it");
  const auto with = [&](bool (*what)(const fs::path&)) {
    return std::find_if(folders.begin(), folders.end(), [&](const fs::path& folder) { return holds(folder, what); });
  };
  if (with(has_image_extension) != folders.end())
    fail(root,
         "holds images in folders of classes (" + listed(names, "").substr(1) +
             ") without train and test above them; which images are tested is not guessed: move some of each class to test/CLASS, the "
             "others to train/CLASS");
  if (const auto deeper = with(has_splits); deeper != folders.end())
    fail(root, "holds train and test one folder too deep; give " + deeper->string() + " as root");
  fail(root, "holds neither train and test nor folders of domains that hold them, but " + listed(names, "the folder"));
}

void refuse_missing(const fs::path& split) {
  const std::string other = other_name_of(split.parent_path(), split.filename() == "test");
  fail(split, "is missing; train and test are both needed" +
                  (other.empty() ? "" : "; if " + other + " is what it should be, rename it or link to it"));
}

}  // namespace

std::vector<fs::path> split_parents(const fs::path& root) {
  if (type_of(root) == fs::file_type::regular)
    fail(root, "is a file, but a folder is needed that holds train and test; if it is an archive, unpack it");
  if (!is_folder(root)) fail(root, "is no folder");
  const bool plain = has_splits(root);
  std::vector<fs::path> folders;
  bool any = plain;
  for (const fs::path& entry : visible(root)) {
    // A class may be called "train" too: inside the splits nothing is looked for.
    if (!is_folder(entry) || (plain && (entry.filename() == "train" || entry.filename() == "test"))) continue;
    if (plain && has_splits(entry))
      fail(entry, "has train or test like a domain, but so has the folder above it; use one of the two layouts");
    any = any || has_splits(entry);
    folders.push_back(entry);
  }
  if (plain) return {root};
  if (folders.empty()) fail(root, "holds neither the folders train and test nor folders of domains that hold them");
  if (!any) refuse_layout(root, folders);
  return folders;
}

std::vector<std::string> class_names_in(const fs::path& split) {
  if (!is_folder(split)) refuse_missing(split);
  std::vector<std::string> names;
  for (const fs::path& entry : visible(split)) {
    if (!is_folder(entry)) fail(entry, "is no folder of a class; remove it or hide it with a leading dot");
    names.push_back(entry.filename().string());
  }
  if (names.empty()) fail(split, "holds no folders of classes");
  return names;
}

void require_same_classes(const fs::path& split, const std::vector<std::string>& found, const fs::path& first,
                          const std::vector<std::string>& wanted) {
  std::vector<std::string> missing, surplus;
  std::set_difference(wanted.begin(), wanted.end(), found.begin(), found.end(), std::back_inserter(missing));
  std::set_difference(found.begin(), found.end(), wanted.begin(), wanted.end(), std::back_inserter(surplus));
  for (const std::string& one : missing)
    for (const std::string& other : surplus)
      if (clb::base::same_look(one, other))
        fail(split / other,
             "looks like the class \"" + one + "\" of " + first.string() +
                 ", but is written in another Unicode form (letters with marks apart, as macOS writes them); rename one of them, "
                 "for example with convmv -f utf8 -t utf8 --nfc -r --notest");
  if (!missing.empty())
    fail(split, listed(missing, "the class") + " of " + first.string() + (missing.size() == 1 ? " is" : " are") + " missing");
  if (surplus.size() == 1) fail(split / surplus[0], "is a class that " + first.string() + " does not have");
  if (!surplus.empty()) fail(split, listed(surplus, "the class") + " are there, which " + first.string() + " does not have");
}

std::vector<std::string> images_in(const fs::path& folder, NoImages& others) {
  std::vector<std::string> files;
  for (const fs::path& entry : visible(folder)) {
    const fs::file_type type = type_of(entry);
    if (type == fs::file_type::directory)
      fail(entry, "is a folder among the images of a class; images lie directly in the folder of their class");
    if (type != fs::file_type::regular) fail(entry, "is no file that can be read; is it a broken link?");
    if (has_image_extension(entry)) {
      files.push_back(entry.string());
    } else {
      if (others.count++ == 0) others.first = entry;
      ++others.by_extension[extension_of(entry)];
    }
  }
  return files;
}

void refuse(const NoImages& files) {
  if (files.count == 0) return;
  std::string said = "ends neither in .jpg, .jpeg nor .png";
  if (files.count > 1) {
    said += ", as do " + std::to_string(files.count - 1) + " more (";
    for (const auto& [extension, count] : files.by_extension)
      said += (said.ends_with('(') ? "" : ", ") + (extension.empty() ? "no extension" : extension) + ": " + std::to_string(count);
    said += ")";
  }
  fail(files.first, said + "; convert what is an image, remove the others or hide them with a leading dot");
}

}  // namespace image_folder
