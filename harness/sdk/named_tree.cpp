#include <algorithm>
#include <charconv>
#include <clb/base/error.hpp>
#include <clb/base/file.hpp>
#include <clb/base/foreign_format.hpp>
#include <clb/base/image_kind.hpp>
#include <clb/sdk/named_tree.hpp>
#include <numeric>
#include <tuple>

namespace clb {

namespace {

using By = NamedSplit::By;

std::vector<TreeLayout> layouts_of(const TreeFacts& facts, bool cut) {
  std::vector<TreeLayout> layouts;
  std::copy_if(facts.layouts.begin(), facts.layouts.end(), std::back_inserter(layouts), [&](const auto& one) { return one.cut() == cut; });
  return layouts;
}

bool any_is_there(const Path& root, const std::vector<TreeLayout>& layouts) {
  return std::any_of(layouts.begin(), layouts.end(), [&](const TreeLayout& one) { return tree_is_there(root, one); });
}

// Both kinds of lists are there: another cut by the one than by the other cannot be chosen silently.
void require_same(const ImageTree& tree, const SplitLists& own, const SplitLists& plain) {
  ImageTree one = tree, other = tree;
  cut_by_lists(one, own.files);
  cut_by_lists(other, plain.files);
  const auto key = [](const TreeFile& file) { return std::tie(file.path, file.split); };
  const auto [a, b] = std::mismatch(one.files.begin(), one.files.end(), other.files.begin(), other.files.end(),
                                    [&](const TreeFile& x, const TreeFile& y) { return key(x) == key(y); });
  if (a == one.files.end() && b == other.files.end()) return;
  const TreeFile& first = b == other.files.end() || (a != one.files.end() && key(*a) <= key(*b)) ? *a : *b;
  tree_problem(tree.root, "holds lists of the split twice, " + own.files[0].list->filename().string() + " and " +
                              plain.files[0].list->filename().string() + ", and they differ, for example in \"" + first.path +
                              "\"; move away those that are not meant");
}

[[noreturn]] void refuse_missing(const ImageTree& tree, const std::string& id, const NamedSplit& split, const std::string& list, bool own) {
  const std::string plain = "splits/" + id + "_" + split.name + "_{train,test}.txt";
  tree_problem(tree.root / list, "is missing; the split \"" + std::string(split.name) + "\" is made from it (also as .gz or .xz)" +
                                     (own ? ", or else from " + plain : "") + (split.get.empty() ? "" : "; " + split.get));
}

SplitLists lists_for(const ImageTree& tree, const std::string& id, const NamedSplit& split) {
  SplitLists plain = plain_lists(tree.root, id, split.name);
  SplitLists own = split.lists ? split.lists(tree) : SplitLists{{}, plain.missing, false};
  if (own.missing.empty() && plain.missing.empty() && split.lists) require_same(tree, own, plain);
  if (split.lists && own.missing.empty()) return own;
  if (plain.missing.empty()) return plain;
  const bool meant_plain = !split.lists || (plain.begun && !own.begun);
  refuse_missing(tree, id, split, meant_plain ? plain.missing : own.missing, split.lists && !meant_plain);
}

// `by the lists "splits/..."`, those that were read
std::string told(const ImageTree& tree, const SplitLists& lists) {
  std::vector<std::string> names;
  for (const ListedFile& file : lists.files)
    if (const std::string name = file.list->lexically_relative(tree.root).string(); names.empty() || names.back() != name)
      names.push_back(name);
  return "by the lists " + listed(names);
}

void cut_by_domains(ImageTree& tree, const std::vector<std::string>& tested) {
  for (TreeFile& file : tree.files) {
    const bool test = std::find(tested.begin(), tested.end(), tree.domains[file.domain]) != tested.end();
    file.split = test ? Split::kTest : Split::kTrain;
  }
}

// `; params = { split = "official" } takes what is there`, or ""
std::string fitting(const TreeFacts& facts, const TreeLayout& layout) {
  std::string names;
  for (const NamedSplit& split : facts.splits)
    if ((split.by == By::kFolders) == layout.cut()) names += (names.empty() ? "\"" : " or \"") + std::string(split.name) + "\"";
  return names.empty() ? "" : "; params = { split = " + names + " } is for what is there";
}

// A tree whose folders train and test are another split than the one wanted, or a whole one where folders are wanted.
void refuse_other_cut(const Path& root, const std::string& id, const TreeFacts& facts, const NamedSplit& split) {
  const bool folders = split.by == By::kFolders;
  const std::vector<TreeLayout> others = layouts_of(facts, !folders);
  const auto other = std::find_if(others.begin(), others.end(), [&](const TreeLayout& one) { return tree_is_there(root, one); });
  if (other == others.end() || any_is_there(root, layouts_of(facts, folders))) return;
  std::string wanted;
  for (const TreeLayout& layout : layouts_of(facts, folders)) wanted += (wanted.empty() ? "" : " or ") + layout.shown();
  tree_problem(root, "holds " + other->shown() + ", but the split \"" + std::string(split.name) + "\" is made from " + wanted +
                         (folders ? ", or from the lists splits/" + id + "_" + split.name + "_{train,test}.txt" : "") +
                         (split.get.empty() ? "" : "; " + split.get) + fitting(facts, *other));
}

}  // namespace

void tell_split(ImageTree& tree, const std::string& split, int64_t classes) {
  tree.notes.insert(tree.notes.begin(), "split " + split);
  const auto found = static_cast<int64_t>(tree.classes.size());
  if (found != classes)
    tree.notes.push_back(std::to_string(found) + (found == 1 ? " class is" : " classes are") + " there, " + std::to_string(classes) +
                         " are published");
}

ImageTree read_named_tree(const Path& root, const std::string& id, const TreeFacts& facts, const std::string& name) {
  const auto split = std::find_if(facts.splits.begin(), facts.splits.end(), [&](const NamedSplit& one) { return one.name == name; });
  if (split == facts.splits.end()) throw PluginError(CLB_E_INVALID, id + " has no split \"" + name + "\"");
  const bool cut = any_is_there(root, layouts_of(facts, true)), lists = plain_lists_are_there(root, id, name);
  const bool folders = split->by == By::kFolders && (cut || !lists);
  if (folders || split->by != By::kFolders) refuse_other_cut(root, id, facts, *split);
  ImageTree tree = read_image_tree(root, layouts_of(facts, folders));
  if (split->by == By::kFifth) {
    cut_every_fifth(tree);
  } else if (split->by == By::kDomains) {
    cut_by_domains(tree, split->tested);
  } else if (!folders) {
    const SplitLists read = lists_for(tree, id, *split);
    cut_by_lists(tree, read.files);
    tree.notes.push_back(told(tree, read));
  } else if (lists) {
    tree.notes.push_back("the folders are the split; the lists splits/" + id + "_" + name + "_{train,test}.txt are not used");
  }
  require_both_splits(tree);
  tell_split(tree, name, facts.classes);
  return tree;
}

std::vector<NamedOrder> named_order(const std::string& name, const std::vector<std::string>& names,
                                    const std::vector<std::string>& wanted) {
  NamedOrder order{name, {}};
  for (const std::string& one : wanted) {
    const auto found = std::find(names.begin(), names.end(), one);
    if (found == names.end()) return {};
    order.ids.push_back(found - names.begin());
  }
  return order.ids.size() == names.size() ? std::vector{order} : std::vector<NamedOrder>{};
}

int64_t number_in(const std::string& name) {
  const size_t digits = name.find_last_not_of("0123456789") + 1;
  int64_t number = 0;
  std::from_chars(name.data() + digits, name.data() + name.size(), number);
  return number;
}

NamedOrder by_number(const std::string& name, const std::vector<std::string>& names) {
  NamedOrder order{name, std::vector<int64_t>(names.size())};
  std::iota(order.ids.begin(), order.ids.end(), 0);
  std::stable_sort(order.ids.begin(), order.ids.end(), [&](int64_t a, int64_t b) {
    return number_in(names[static_cast<size_t>(a)]) < number_in(names[static_cast<size_t>(b)]);
  });
  return order;
}

void TreeDataset::serve(ImageTree tree) {
  classes_ = std::move(tree.classes);
  domains_ = std::move(tree.domains);
  notes_ = std::move(tree.notes);
  const std::string before = tree.root.string() + "/";
  for (const TreeFile& file : tree.files) {
    files_[file.split].push_back(before + file.path);
    index_[file.split].labels.push_back(file.label);
    index_[file.split].domains.push_back(file.domain);
  }
}

Sample TreeDataset::read(Split split, int64_t i) const {
  const std::string& file = files_[split][static_cast<size_t>(i)];
  std::vector<uint8_t> bytes;
  try {
    bytes = base::read_bytes(file);
  } catch (const base::Error& error) {
    throw PluginError(CLB_E_IO, error.what());
  }
  if (bytes.empty()) tree_problem(file, "is empty");
  if (base::image_kind(bytes) == base::ImageKind::kNeither) {
    const std::string known = base::foreign_format(bytes);
    tree_problem(file, (known.empty() ? "" : known + "; it ") + "begins neither like a JPEG nor like a PNG file");
  }
  return Sample::encoded(std::move(bytes), file.c_str());
}

}  // namespace clb
