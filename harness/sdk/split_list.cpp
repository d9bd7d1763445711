#include <algorithm>
#include <clb/sdk/packed_file.hpp>
#include <clb/sdk/split_list.hpp>
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

ListedFile parse(std::string_view text, ListColumns columns) {
  ListedFile file;
  const auto refuse = [] { throw PluginError(CLB_E_IO, "has no label behind the path"); };
  if (columns == ListColumns::kPathLabel) {
    const size_t space = text.find_last_of(" \t");
    if (space == std::string_view::npos) refuse();
    file.label = text.substr(space + 1);
    text = text.substr(0, text.find_last_not_of(" \t", space) + 1);
  } else if (columns == ListColumns::kTabs) {
    const size_t tab = text.find('\t');
    if (tab == std::string_view::npos) refuse();
    file.label = text.substr(tab + 1, text.find('\t', tab + 1) - tab - 1);
    text = text.substr(0, tab);
  }
  file.path = text;
  return file;
}

// Each path once.
void refuse_twice(std::span<const ListedFile> listed) {
  std::unordered_map<std::string_view, const ListedFile*> seen;
  seen.reserve(listed.size());
  for (const ListedFile& file : listed) {
    const auto [other, fresh] = seen.emplace(file.path, &file);
    if (fresh) continue;
    const bool both = other->second->split != file.split;
    throw PluginError(CLB_E_IO, place(file) + ": \"" + file.path + "\" is listed " + (both ? "in both splits" : "twice") + ", before in " +
                                    place(*other->second));
  }
}

[[noreturn]] void refuse_absent(const ImageTree& tree, const std::vector<const ListedFile*>& absent, size_t of) {
  std::vector<std::string> names;
  for (const ListedFile* file : absent) names.push_back(file->path);
  tree_problem(tree.root / tree.base, listed(names, "").substr(1) + (absent.size() == 1 ? " is" : " are") + " not there, but listed in " +
                                          place(*absent[0]) + (absent.size() == 1 ? "" : " and on") + " (" + std::to_string(absent.size()) +
                                          " of " + std::to_string(of) + " files)");
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
  return std::to_string(names.size()) + (names.size() == 1 ? " file " : " files ") + what + ": " + listed(names, "").substr(1);
}

}  // namespace

std::vector<ListedFile> read_list(const Path& file, Split split, ListColumns columns) {
  const std::vector<uint8_t> bytes = read_packed(file, kMaxList);
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  const auto list = std::make_shared<const Path>(file);
  std::vector<ListedFile> files;
  for (size_t at = 0, number = 1; at < text.size(); ++number) {
    const size_t end = std::min(text.find('\n', at), text.size());
    std::string_view line = text.substr(at, end - at);
    at = end + 1;
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty()) continue;
    const auto refuse = [&](const std::string& problem) {
      throw PluginError(CLB_E_IO, file.string() + ":" + std::to_string(number) + ": " + problem);
    };
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
  if (files.empty()) throw PluginError(CLB_E_IO, file.string() + ": lists no files");
  return files;
}

void require_good_paths(std::span<const ListedFile> files) {
  for (const ListedFile& file : files)
    if (const std::string fault = tree::path_fault(file.path); !fault.empty())
      throw PluginError(CLB_E_IO, place(file) + ": the path " + fault);
}

std::vector<ListedFile> lists_of_domains(const ImageTree& tree, const std::string& train, const std::string& test) {
  std::vector<ListedFile> files;
  for (const std::string& domain : tree.domains)
    for (const Split split : kSplits) {
      const std::string name = domain + (split == Split::kTrain ? train : test);
      const Path beside = tree.root / name, list = packed_is_there(beside) ? beside : tree.root / "splits" / name;
      if (!packed_is_there(list)) return {};
      for (ListedFile& file : read_list(list, split, ListColumns::kPathLabel)) files.push_back(std::move(file));
    }
  return files;
}

bool packed_is_there(const Path& file) {
  return tree::is_file(file) || tree::is_file(file.string() + ".gz") || tree::is_file(file.string() + ".xz");
}

namespace {

Path list_of(const Path& root, const std::string& id, const std::string& split, const char* which) {
  return root / "splits" / (id + "_" + split + "_" + which + ".txt");
}

}  // namespace

bool split_lists_are_there(const Path& root, const std::string& id, const std::string& split) {
  return packed_is_there(list_of(root, id, split, "train")) && packed_is_there(list_of(root, id, split, "test"));
}

std::vector<ListedFile> read_split_lists(const Path& root, const std::string& id, const std::string& split, const std::string& get) {
  if (!split_lists_are_there(root, id, split))
    tree_problem(root, "the split \"" + split + "\" needs the lists splits/" + id + "_" + split +
                           "_train.txt and ..._test.txt (also .gz, .xz)" + (get.empty() ? "" : "; " + get));
  std::vector<ListedFile> files = read_list(list_of(root, id, split, "train"), Split::kTrain);
  std::vector<ListedFile> test = read_list(list_of(root, id, split, "test"), Split::kTest);
  files.insert(files.end(), std::make_move_iterator(test.begin()), std::make_move_iterator(test.end()));
  return files;
}

void cut_by_lists(ImageTree& tree, std::span<const ListedFile> listed_files) {
  refuse_twice(listed_files);
  std::unordered_map<std::string_view, size_t> there;
  there.reserve(tree.files.size());
  for (size_t i = 0; i < tree.files.size(); ++i) there.emplace(std::string_view(tree.files[i].path).substr(tree.base.size()), i);
  std::vector<char> used(tree.files.size());
  std::vector<const ListedFile*> absent;
  for (const ListedFile& file : listed_files) {
    const auto found = there.find(file.path);
    if (found == there.end()) {
      absent.push_back(&file);
      continue;
    }
    used[found->second] = 1;
    tree.files[found->second].split = file.split;
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
  if (!surplus.empty()) tree.notes.push_back(counted(surplus, "in no list, left out"));
  drop_unused(tree.classes, tree.files, &TreeFile::label);
  if (!tree.domains.empty()) drop_unused(tree.domains, tree.files, &TreeFile::domain);
}

ImageTree tree_of_lists(const Path& root, const std::string& base, std::span<const ListedFile> listed_files) {
  refuse_twice(listed_files);
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
