#include <algorithm>
#include <clb/sdk/packed_file.hpp>
#include <clb/sdk/split_list.hpp>
#include <optional>
#include <set>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

#include "list_path.hpp"
#include "tree_folder.hpp"

namespace clb {

namespace {

constexpr uint64_t kMaxList = 256 << 20;  // bytes; DomainNet's longest is below 10 MB

std::string place(const ListedFile& file) { return file.list->string() + ":" + std::to_string(file.line); }

std::string_view trimmed(std::string_view text) {
  constexpr const char* kBlanks = " \t\r";
  const size_t begin = std::min(text.find_first_not_of(kBlanks), text.size());
  return text.substr(begin, text.find_last_not_of(kBlanks) + 1 - begin);
}

// "a/b.jpg 17" without the label. A name that ends in a number is no image's, so nothing else can be meant.
std::string_view without_label(std::string_view text) {
  const size_t blank = text.find_last_of(" \t");
  if (blank == std::string_view::npos || text.find_first_not_of("0123456789", blank + 1) != std::string_view::npos) return text;
  const std::string_view path = trimmed(text.substr(0, blank));
  return tree::is_image(std::string(path)) ? path : text;
}

ListedFile parse(std::string_view text, ListColumns columns) {
  ListedFile file;
  const auto refuse = [] { throw PluginError(CLB_E_IO, "has no label behind the path"); };
  if (columns == ListColumns::kPathLabel) {
    const size_t blank = text.find_last_of(" \t");
    if (blank == std::string_view::npos) refuse();
    file.label = text.substr(blank + 1);
    text = trimmed(text.substr(0, blank));
  } else if (columns == ListColumns::kTabs) {
    const size_t tab = text.find('\t');
    if (tab == std::string_view::npos) refuse();
    file.label = text.substr(tab + 1, text.find('\t', tab + 1) - tab - 1);
    text = text.substr(0, tab);
  } else {
    text = without_label(text);
  }
  if (text.starts_with("./")) text.remove_prefix(2);
  file.path = text;
  return file;
}

[[noreturn]] void refuse_twice(const ListedFile& file, const ListedFile& before) {
  const bool both = before.split != file.split;
  throw PluginError(CLB_E_IO, place(file) + ": \"" + file.path + "\" is listed " + (both ? "in both splits" : "twice") + ", before in " +
                                  place(before) + "; take one of them out");
}

[[noreturn]] void refuse_absent(const ImageTree& tree, const std::vector<const ListedFile*>& absent, size_t of) {
  std::vector<std::string> names;
  for (const ListedFile* file : absent) names.push_back(file->path);
  const bool one = absent.size() == 1;
  tree_problem(tree.root / tree.base, listed(names) + (one ? " is" : " are") + " not there, but listed in " + place(*absent[0]) +
                                          (one ? "" : " and on") + " (" + std::to_string(absent.size()) + " of " + std::to_string(of) +
                                          " files); get " + (one ? "it" : "them") + " again, or take " + (one ? "the line" : "the lines") +
                                          " out of the list");
}

// Classes or domains of which no file is left.
void drop_unused(std::vector<std::string>& names, std::vector<TreeFile>& files, uint32_t TreeFile::*member) {
  std::vector<char> used(names.size());
  for (const TreeFile& file : files) used[file.*member] = 1;
  std::vector<uint32_t> renumbered(names.size());
  std::vector<std::string> kept;
  for (size_t k = 0; k < names.size(); ++k) {
    renumbered[k] = static_cast<uint32_t>(kept.size());
    if (used[k]) kept.push_back(std::move(names[k]));
  }
  names = std::move(kept);
  for (TreeFile& file : files) file.*member = renumbered[file.*member];
}

std::string counted(const std::vector<std::string>& names, const std::string& what) {
  return std::to_string(names.size()) + (names.size() == 1 ? " file " : " files ") + what + ": " + listed(names);
}

std::string_view without_mark(std::string_view text, const Path& file) {
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  if (text.starts_with("\xff\xfe") || text.starts_with("\xfe\xff")) tree_problem(file, "is written in UTF-16; save it as UTF-8");
  return text;
}

}  // namespace

std::vector<ListedFile> read_list(const Path& file, Split split, ListColumns columns) {
  const std::vector<uint8_t> bytes = read_packed(file, kMaxList);
  const auto list = std::make_shared<const Path>(packed_there(file));
  const std::string_view text = without_mark({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, *list);
  std::vector<ListedFile> files;
  for (size_t at = 0, number = 1; at < text.size(); ++number) {
    const size_t end = std::min(text.find('\n', at), text.size());
    const std::string_view line = trimmed(text.substr(at, end - at));
    at = end + 1;
    if (line.empty()) continue;
    const auto refuse = [&](const std::string& problem) { tree_problem(list->string() + ":" + std::to_string(number), problem); };
    ListedFile one;
    try {
      one = parse(line, columns);
    } catch (const PluginError& error) {
      refuse(error.what());
    }
    if (const std::string fault = tree::path_fault(one.path); !fault.empty()) refuse("the path " + fault);
    one.split = split;
    one.list = list;
    one.line = number;
    files.push_back(std::move(one));
  }
  if (files.empty()) tree_problem(*list, "lists no files");
  return files;
}

void require_good_paths(std::span<const ListedFile> files) {
  for (const ListedFile& file : files)
    if (const std::string fault = tree::path_fault(file.path); !fault.empty())
      throw PluginError(CLB_E_IO, place(file) + ": the path " + fault);
}

Path packed_there(const Path& file) {
  for (const char* suffix : {"", ".gz", ".xz"})
    if (const Path packed = file.string() + suffix; tree::is_file(packed)) return packed;
  return {};
}

SplitLists lists_of_domains(const ImageTree& tree, const std::string& train, const std::string& test) {
  SplitLists lists;
  for (const std::string& domain : tree.domains)
    for (const Split split : kSplits) {
      const std::string name = domain + (split == Split::kTrain ? train : test);
      const bool beside = !packed_there(tree.root / name).empty(), there = beside || !packed_there(tree.root / "splits" / name).empty();
      if (there) lists.begun = true;
      if (!there && lists.missing.empty()) lists.missing = name;
      if (!lists.missing.empty()) continue;
      for (ListedFile& file : read_list(tree.root / (beside ? "" : "splits") / name, split, ListColumns::kPathLabel))
        lists.files.push_back(std::move(file));
    }
  return lists;
}

namespace {

std::string plain_list(const std::string& id, const std::string& split, Split which) {
  return "splits/" + id + "_" + split + (which == Split::kTrain ? "_train.txt" : "_test.txt");
}

}  // namespace

bool plain_lists_are_there(const Path& root, const std::string& id, const std::string& split) {
  return std::none_of(std::begin(kSplits), std::end(kSplits),
                      [&](Split which) { return packed_there(root / plain_list(id, split, which)).empty(); });
}

SplitLists plain_lists(const Path& root, const std::string& id, const std::string& split) {
  SplitLists lists;
  for (const Split which : kSplits) {
    const std::string name = plain_list(id, split, which);
    const bool there = !packed_there(root / name).empty();
    if (there) lists.begun = true;
    if (!there && lists.missing.empty()) lists.missing = name;
    if (!lists.missing.empty()) continue;
    for (ListedFile& file : read_list(root / name, which)) lists.files.push_back(std::move(file));
  }
  return lists;
}

namespace {

// Files of a tree by their paths below its base.
class PathIndex {
 public:
  explicit PathIndex(const ImageTree& tree) {
    there_.reserve(tree.files.size());
    for (size_t i = 0; i < tree.files.size(); ++i) there_.emplace(std::string_view(tree.files[i].path).substr(tree.base.size()), i);
  }

  // The file whose whole path the listed one ends with: at most one, since all paths of a tree have as many folders. `before`: what the
  // listed one has more.
  std::optional<size_t> find(std::string_view listed, std::string_view& before) const {
    for (size_t at = 0;; ++at) {
      if (const auto found = there_.find(listed.substr(at)); found != there_.end()) {
        before = listed.substr(0, at);
        return found->second;
      }
      at = listed.find('/', at);
      if (at == std::string_view::npos) return std::nullopt;
    }
  }

 private:
  std::unordered_map<std::string_view, size_t> there_;
};

}  // namespace

void cut_by_lists(ImageTree& tree, std::span<const ListedFile> listed_files) {
  const PathIndex index(tree);
  std::vector<const ListedFile*> used(tree.files.size()), absent;
  std::string_view longer;
  for (const ListedFile& file : listed_files) {
    std::string_view before;
    const auto found = index.find(file.path, before);
    if (!found) {
      absent.push_back(&file);
      continue;
    }
    if (used[*found]) refuse_twice(file, *used[*found]);
    if (longer.empty()) longer = before;
    used[*found] = &file;
    tree.files[*found].split = file.split;
  }
  if (!absent.empty()) refuse_absent(tree, absent, listed_files.size());
  std::vector<TreeFile> kept;
  std::vector<std::string> surplus;
  for (size_t i = 0; i < used.size(); ++i) {
    if (used[i])
      kept.push_back(std::move(tree.files[i]));
    else
      surplus.push_back(tree.files[i].path);
  }
  tree.files = std::move(kept);
  if (!longer.empty())
    tree.notes.push_back("left off listed paths: what stands before those of the tree, like \"" + std::string(longer) + "\"");
  if (!surplus.empty()) tree.notes.push_back(counted(surplus, "in no list, left out"));
  drop_unused(tree.classes, tree.files, &TreeFile::label);
  if (!tree.domains.empty()) drop_unused(tree.domains, tree.files, &TreeFile::domain);
}

ImageTree tree_of_lists(const Path& root, const std::string& base, std::span<const ListedFile> listed_files) {
  std::unordered_map<std::string_view, const ListedFile*> seen;
  for (const ListedFile& file : listed_files)
    if (const auto [other, fresh] = seen.emplace(file.path, &file); !fresh) refuse_twice(file, *other->second);
  ImageTree tree;
  tree.root = root;
  tree.base = base;
  std::map<std::string, uint32_t> ids;
  for (const ListedFile& file : listed_files) ids[file.label];
  for (auto& [name, id] : ids) {
    id = static_cast<uint32_t>(tree.classes.size());
    tree.classes.push_back(name);
  }
  std::map<Path, std::unordered_set<std::string>> folders;  // each listed once
  std::vector<const ListedFile*> absent;
  for (const ListedFile& file : listed_files) {
    const Path whole = root / (base + file.path), parent = whole.parent_path();
    auto names = folders.find(parent);
    if (names == folders.end()) {
      names = folders.emplace(parent, std::unordered_set<std::string>{}).first;
      if (tree::is_folder(parent))
        for (std::string& name : tree::Folder(parent).files) names->second.insert(std::move(name));
    }
    if (names->second.erase(whole.filename().string()) == 0) absent.push_back(&file);
    tree.files.push_back({base + file.path, 0, ids[file.label], file.split});
  }
  if (!absent.empty()) refuse_absent(tree, absent, listed_files.size());
  std::sort(tree.files.begin(), tree.files.end(),
            [](const TreeFile& a, const TreeFile& b) { return std::tie(a.label, a.path) < std::tie(b.label, b.path); });
  std::vector<std::string> surplus;
  for (const auto& [folder, names] : folders)
    for (const std::string& name : names)
      if (tree::is_image(name)) surplus.push_back((folder / name).lexically_relative(root).string());
  std::sort(surplus.begin(), surplus.end());
  if (!surplus.empty()) tree.notes.push_back(counted(surplus, "in no list, left out"));
  return tree;
}

}  // namespace clb
