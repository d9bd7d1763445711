#include <algorithm>
#include <clb/base/same_look.hpp>
#include <clb/sdk/image_tree.hpp>
#include <iterator>
#include <set>

#include "tree_folder.hpp"

namespace clb {

namespace {

using tree::Folder;

std::vector<std::string> pieces_of(const std::string& folders) {
  std::vector<std::string> pieces;
  for (size_t at = 0; at <= folders.size();) {
    const size_t slash = std::min(folders.find('/', at), folders.size());
    pieces.push_back(folders.substr(at, slash - at));
    at = slash + 1;
  }
  return pieces;
}

bool has_splits(const Path& folder, const TreeLayout& layout) {
  return tree::is_folder(folder / layout.train) || tree::is_folder(folder / layout.test);
}

// Names under which other tools keep a split.
std::string other_name_of(const Path& folder, bool test) {
  const std::vector<std::string> train{"train", "Train", "TRAIN", "training", "trn"};
  const std::vector<std::string> held_out{"test", "Test", "TEST", "testing", "val", "valid", "validation", "dev", "eval"};
  for (const std::string& name : test ? held_out : train)
    if (tree::is_folder(folder / name)) return name;
  return "";
}

[[noreturn]] void refuse_missing(const Path& split, bool test) {
  const std::string other = other_name_of(split.parent_path(), test);
  const bool hint = !other.empty() && other != split.filename();
  tree_problem(split, "is missing; train and test are both needed" +
                          (hint ? "; if " + other + " is what it should be, rename it or link to it" : ""));
}

// Folders that other things than classes and domains have in their place: lists of splits beside a whole tree.
bool is_none(const TreeLayout& layout, const std::string& name, bool at_root) {
  return (at_root && name == "splits") || std::find(layout.without.begin(), layout.without.end(), name) != layout.without.end();
}

bool fits(const Path& folder, const TreeLayout& layout, const std::vector<std::string>& pieces, size_t k) {
  if (k == pieces.size() || pieces[k] == "**") return true;
  if (pieces[k] == "{split}") return has_splits(folder, layout);
  if (pieces[k] != "{class}" && pieces[k] != "{domain}")
    return tree::is_folder(folder / pieces[k]) && fits(folder / pieces[k], layout, pieces, k + 1);
  const bool whole = !layout.cut();
  if (whole && (!other_name_of(folder, false).empty() || !other_name_of(folder, true).empty())) return false;
  const Folder inside(folder);
  return std::any_of(inside.folders.begin(), inside.folders.end(),
                     [&](const std::string& name) { return !is_none(layout, name, k == 0) && fits(folder / name, layout, pieces, k + 1); });
}

// Reads the folders of a layout.
class Walk {
 public:
  Walk(ImageTree& tree, const TreeLayout& layout) : tree_(tree), layout_(layout), pieces_(pieces_of(layout.folders)) {}

  void run() {
    walk("", 0, {});
    no_images_.refuse();
    refuse_empty();
    if (layout_.cut() && layout_.folders.find("**") == std::string::npos) require_same_classes();
    number();
    tell();
  }

 private:
  struct Place {
    std::string domain, label;
    Split split = Split::kTrain;
  };
  struct Found {
    std::string path;
    Place place;
  };
  struct Level {  // a folder of classes
    std::string path;
    std::vector<std::string> classes;
  };

  Folder listing(const std::string& path) {
    Folder folder(tree_.root / path);
    for (const auto& [kind, count] : folder.passed_over) passed_over_[kind] += count;
    return folder;
  }
  static std::string below(const std::string& path, const std::string& name) { return path.empty() ? name : path + "/" + name; }

  void walk(const std::string& path, size_t k, const Place& place) {
    if (k == pieces_.size()) {
      take_images(path, listing(path), place);
    } else if (pieces_[k] == "{split}") {
      walk_splits(path, k, place);
    } else if (pieces_[k] == "{class}" || pieces_[k] == "{domain}") {
      walk_names(path, k, place);
    } else if (pieces_[k] == "**") {
      walk_any(path, k, place);
    } else {
      walk(below(path, pieces_[k]), k + 1, place);
    }
  }

  void walk_splits(const std::string& path, size_t k, Place place) {
    if (path.empty()) refuse_domains_beside();
    for (const Split split : kSplits) {
      const std::string folder = below(path, split == Split::kTrain ? layout_.train : layout_.test);
      if (!tree::is_folder(tree_.root / folder)) refuse_missing(tree_.root / folder, split == Split::kTest);
      place.split = split;
      walk(folder, k + 1, place);
    }
  }

  // A class may be called "train" too: inside the splits nothing is looked for.
  void refuse_domains_beside() const {
    for (const std::string& name : Folder(tree_.root).folders)
      if (name != layout_.train && name != layout_.test && has_splits(tree_.root / name, layout_))
        tree_problem(tree_.root / name, "has train or test like a domain, but so has the folder above it; use one of the two layouts");
  }

  void walk_names(const std::string& path, size_t k, Place place) {
    const Folder folder = listing(path);
    const bool classes = pieces_[k] == "{class}";
    for (const std::string& file : folder.files) {
      if (tree::is_text(file))
        ++passed_over_["text files"];
      else if (classes && !path.empty())
        tree_problem(tree_.root / path / file, "is no folder of a class; remove it or hide it with a leading dot");
    }
    Level level{path, {}};
    for (const std::string& name : folder.folders) {
      if (is_none(layout_, name, path.empty())) {
        ++passed_over_["the folder " + name];
        continue;
      }
      (classes ? place.label : place.domain) = name;
      if (classes) level.classes.push_back(name);
      walk(below(path, name), k + 1, place);
    }
    if (!classes) return;
    if (level.classes.empty()) tree_problem(tree_.root / path, "holds no folders of classes");
    levels_.push_back(std::move(level));
  }

  // The folders of classes are those below which there are no more folders of them.
  void walk_any(const std::string& path, size_t k, const Place& place) {
    const Folder folder(tree_.root / path);
    const bool last = std::none_of(folder.folders.begin(), folder.folders.end(),
                                   [&](const std::string& name) { return !Folder(tree_.root / path / name).folders.empty(); });
    if (last) return walk(path, k + 1, place);
    listing(path);  // for what it passes over
    for (const std::string& name : folder.folders) walk_any(below(path, name), k, place);
  }

  void take_images(const std::string& path, const Folder& folder, const Place& place) {
    if (!folder.folders.empty())
      tree_problem(tree_.root / path / folder.folders[0],
                   "is a folder among the images of a class; images lie directly in the folder of their class");
    if (!folder.others.empty()) tree_problem(tree_.root / path / folder.others[0], "is no file that can be read; is it a broken link?");
    const size_t before = found_.size();
    for (const std::string& name : folder.files) {
      if (tree::is_image(name)) {
        found_.push_back({below(path, name), place});
      } else if (tree::is_text(name)) {
        ++passed_over_["text files"];
      } else {
        no_images_.add(tree_.root / path / name);
      }
    }
    if (found_.size() == before) empty_.push_back(path);
  }

  void refuse_empty() const {
    if (empty_.size() == 1) tree_problem(tree_.root / empty_[0], "holds no images");
    if (!empty_.empty()) tree_problem(tree_.root, listed(empty_, "the folder", "the folders") + " hold no images");
  }

  void require_same_classes() const {
    const Level& first = levels_[0];
    for (const Level& level : levels_) {
      std::vector<std::string> missing, surplus;
      std::set_difference(first.classes.begin(), first.classes.end(), level.classes.begin(), level.classes.end(),
                          std::back_inserter(missing));
      std::set_difference(level.classes.begin(), level.classes.end(), first.classes.begin(), first.classes.end(),
                          std::back_inserter(surplus));
      const Path folder = tree_.root / level.path, wanted = tree_.root / first.path;
      refuse_other_form(folder, missing, surplus, wanted);
      if (!missing.empty())
        tree_problem(folder, listed(missing, "the class", "the classes") + " of " + wanted.string() +
                                 (missing.size() == 1 ? " is" : " are") + " missing");
      if (surplus.size() == 1) tree_problem(folder / surplus[0], "is a class that " + wanted.string() + " does not have");
      if (!surplus.empty())
        tree_problem(folder, listed(surplus, "the class", "the classes") + " are there, which " + wanted.string() + " does not have");
    }
  }

  static void refuse_other_form(const Path& folder, const std::vector<std::string>& missing, const std::vector<std::string>& surplus,
                                const Path& wanted) {
    for (const std::string& one : missing)
      for (const std::string& other : surplus)
        if (base::same_look(one, other))
          tree_problem(folder / other,
                       "looks like the class \"" + one + "\" of " + wanted.string() +
                           ", but is written in another Unicode form (letters with marks apart, as macOS writes them); rename one of "
                           "them, for example with convmv -f utf8 -t utf8 --nfc -r --notest");
  }

  // Names become numbers in the order of their bytes.
  void number() {
    const bool domains = layout_.folders.find("{domain}") != std::string::npos;
    std::map<std::string, uint32_t> domain_ids, class_ids;
    for (const Found& file : found_) {
      domain_ids[file.place.domain];
      class_ids[file.place.label];
    }
    const auto count = [](std::map<std::string, uint32_t>& ids, std::vector<std::string>& names) {
      for (auto& [name, id] : ids) {
        id = static_cast<uint32_t>(names.size());
        names.push_back(name);
      }
    };
    count(domain_ids, tree_.domains);
    count(class_ids, tree_.classes);
    for (Found& file : found_)
      tree_.files.push_back({std::move(file.path), domain_ids[file.place.domain], class_ids[file.place.label], file.place.split});
    if (!domains) tree_.domains.clear();
    std::sort(tree_.files.begin(), tree_.files.end(), [](const TreeFile& a, const TreeFile& b) {
      return std::tie(a.domain, a.label, a.path) < std::tie(b.domain, b.label, b.path);
    });
  }

  void tell() {
    for (const std::string& piece : pieces_) {
      if (piece.starts_with('{') || piece == "**") break;
      tree_.base += piece + "/";
    }
    if (!layout_.what.empty()) tree_.notes.push_back("layout " + layout_.shown() + ", " + layout_.what);
    std::string over;
    for (const auto& [kind, count] : passed_over_)
      over += (over.empty() ? "passed over: " : ", ") + kind + " (" + std::to_string(count) + ")";
    if (!over.empty()) tree_.notes.push_back(over);
  }

  ImageTree& tree_;
  const TreeLayout& layout_;
  std::vector<std::string> pieces_;
  std::vector<Found> found_;
  std::vector<Level> levels_;
  std::vector<std::string> empty_;
  std::map<std::string, int64_t> passed_over_;
  tree::NoImages no_images_;
};

std::string expected(const std::vector<TreeLayout>& layouts) {
  std::string text;
  for (size_t k = 0; k < layouts.size(); ++k) text += (k == 0 ? "" : k + 1 == layouts.size() ? " or " : ", ") + layouts[k].shown();
  return text;
}

// {train,test}/... where each domain has a split of its own.
void refuse_splits_above_domains(const Path& root, const std::vector<TreeLayout>& layouts) {
  const auto has_domains = [](const TreeLayout& layout) { return layout.folders.find("{domain}") != std::string::npos; };
  const std::string train = other_name_of(root, false), test = other_name_of(root, true);
  if ((train.empty() && test.empty()) || !std::all_of(layouts.begin(), layouts.end(), has_domains)) return;
  const std::string found = train.empty() || test.empty() ? train + test : train + " and " + test;
  tree_problem(root, "holds " + found + ", but no domains above " + (found.size() == train.size() + test.size() ? "it" : "them") +
                         "; expected is " + expected(layouts));
}

// A root in which none of the layouts is.
[[noreturn]] void refuse_layout(const Path& root, const std::vector<TreeLayout>& layouts) {
  if (tree::is_file(root)) tree_problem(root, "is a file, but a folder is needed; if it is an archive, unpack it");
  if (const std::string why = base::why_no_folder(root); !why.empty()) throw PluginError(CLB_E_IO, why + ", but a folder is needed");
  if (!tree::is_folder(root)) tree_problem(root, "is not there");
  const Folder inside(root);
  if (inside.folders.empty()) tree_problem(root, "holds no folders; expected is " + expected(layouts));
  refuse_splits_above_domains(root, layouts);
  const bool cut = std::all_of(layouts.begin(), layouts.end(), [](const TreeLayout& layout) { return layout.cut(); });
  for (const bool test : {false, true})
    if (const std::string other = other_name_of(root, test); cut && !other.empty())
      tree_problem(root, "holds no folders train and test; if " + other + " is what " + (test ? "test" : "train") +
                             " should be, rename it or link to it");
  for (const std::string& name : inside.folders) {
    const Folder below(root / name);
    if (cut && std::any_of(below.files.begin(), below.files.end(), tree::is_image))
      tree_problem(root, "holds images in folders of classes (" + listed(inside.folders) +
                             ") without train and test above them; which images are tested is not guessed: move some of each class to "
                             "test/CLASS, the others to train/CLASS");
  }
  tree_problem(root, "holds no images where they are expected, in " + expected(layouts) + ", but " +
                         listed(inside.folders, "the folder", "the folders"));
}

// A root whose folder should be the root.
void refuse_too_deep(const Path& root, const std::vector<TreeLayout>& layouts) {
  if (!tree::is_folder(root)) return;
  for (const std::string& name : Folder(root).folders)
    for (const TreeLayout& layout : layouts)
      if (tree_is_there(root / name, layout))
        tree_problem(root, "holds " + layout.shown() + " one folder too deep; give " + (root / name).string() + " as root");
}

}  // namespace

std::string TreeLayout::shown() const {
  std::string text;
  for (const std::string& piece : pieces_of(folders)) {
    text += (piece == "{split}"    ? "{" + train + "," + test + "}"
             : piece == "{class}"  ? "CLASS"
             : piece == "{domain}" ? "DOMAIN"
             : piece == "**"       ? "..."
                                   : piece) +
            "/";
  }
  return text + "FILE";
}

void tree_problem(const Path& path, const std::string& problem) { throw PluginError(CLB_E_IO, path.string() + ": " + problem); }

std::string listed(const std::vector<std::string>& names) {
  constexpr size_t kNamed = 5;
  std::string text;
  for (size_t i = 0; i < std::min(names.size(), kNamed); ++i) text += (i ? ", \"" : "\"") + names[i] + "\"";
  if (names.size() > kNamed) text += " and " + std::to_string(names.size() - kNamed) + " more";
  return text;
}

std::string listed(const std::vector<std::string>& names, const std::string& one, const std::string& many) {
  return (names.size() == 1 ? one : many) + " " + listed(names);
}

bool tree_is_there(const Path& root, const TreeLayout& layout) {
  return tree::is_folder(root) && fits(root, layout, pieces_of(layout.folders), 0);
}

ImageTree read_image_tree(const Path& root, const std::vector<TreeLayout>& layouts) {
  const auto layout = std::find_if(layouts.begin(), layouts.end(), [&](const TreeLayout& one) { return tree_is_there(root, one); });
  if (layout == layouts.end()) {
    refuse_too_deep(root, layouts);
    refuse_layout(root, layouts);
  }
  ImageTree tree;
  tree.root = root;
  Walk(tree, *layout).run();
  return tree;
}

void require_both_splits(const ImageTree& tree) {
  PerSplit<std::vector<int64_t>> counts;
  for (const Split split : kSplits) counts[split].resize(tree.classes.size());
  for (const TreeFile& file : tree.files) ++counts[file.split][file.label];
  for (const Split split : kSplits) {
    std::vector<std::string> none;
    for (size_t c = 0; c < tree.classes.size(); ++c)
      if (counts[split][c] == 0) none.push_back(tree.classes[c]);
    if (!none.empty())
      tree_problem(tree.root, listed(none, "the class", "the classes") + (none.size() == 1 ? " has" : " have") + " no " +
                                  (split == Split::kTrain ? "training" : "test") + " samples; every class needs both");
  }
}

void cut_every_fifth(ImageTree& tree) {
  int64_t in_class = 0;
  for (size_t i = 0; i < tree.files.size(); ++i) {
    const bool same = i > 0 && tree.files[i].label == tree.files[i - 1].label && tree.files[i].domain == tree.files[i - 1].domain;
    in_class = same ? in_class + 1 : 0;
    tree.files[i].split = in_class % 5 == 4 ? Split::kTest : Split::kTrain;
  }
}

}  // namespace clb
