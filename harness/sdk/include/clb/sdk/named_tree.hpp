// A data set of images that has a name: it states where it may lie and how its splits are made, and everything else is done here.
//
//   class Birds final : public clb::NamedTree<Birds> {
//    public:
//     static constexpr clb::DatasetAbout about{...};
//     static clb::TreeFacts facts() { return {.classes = 200, .layouts = {...}, .splits = {...}}; }
//   };
//
// The parameter `split`, by default the first of the facts, has no neutral value: the name of the split is part of what names a run.
#pragma once

#include <clb/sdk/image_tree.hpp>
#include <clb/sdk/split_list.hpp>
#include <functional>

namespace clb {

struct NamedSplit {
  enum class By {
    kFolders,  // train and test, as they lie
    kLists,    // `lists` or splits/ID_SPLIT_{train,test}.txt; where both are there they must say the same
    kFifth,    // cut_every_fifth
    kDomains,  // the domains of `tested` are the test samples
  };
  const char* name;
  By by;
  std::string get{};                                    // how to come by the lists, for a sentence
  std::function<SplitLists(const ImageTree&)> lists{};  // the publisher's own
  std::vector<std::string> tested{};
};

struct TreeFacts {
  int64_t classes;  // as published; another number is told
  std::vector<TreeLayout> layouts;
  std::vector<NamedSplit> splits;
};

// What lies in `root`, cut as `split` says.
ImageTree read_named_tree(const Path& root, const std::string& id, const TreeFacts& facts, const std::string& split);

// The notes on the split and on a number of classes that is not the published one.
void tell_split(ImageTree& tree, const std::string& split, int64_t classes);

// Serves the files of a tree. Files are delivered as they are; the host decodes them.
class TreeDataset : public Dataset {
 public:
  Index index(Split split) const override { return index_[split]; }
  Sample read(Split split, int64_t i) const override;
  std::vector<std::string> class_names() const override { return classes_; }
  std::vector<std::string> domain_names() const override { return domains_; }
  std::vector<std::string> notes() const override { return notes_; }

 protected:
  void serve(ImageTree tree);

 private:
  std::vector<std::string> classes_, domains_, notes_;
  PerSplit<std::vector<std::string>> files_;  // whole paths
  PerSplit<Index> index_;
};

// An order of names that some data sets give: those of `wanted` when they are all that there are, else none.
std::vector<NamedOrder> named_order(const std::string& name, const std::vector<std::string>& names, const std::vector<std::string>& wanted);

// An order by the number at the end of each name, which is 0 without one.
int64_t number_in(const std::string& name);
NamedOrder by_number(const std::string& name, const std::vector<std::string>& names);

template <class D>
class NamedTree : public TreeDataset {
 public:
  static void params(Params<D>& p) {
    std::vector<const char*> names;
    for (const NamedSplit& split : D::facts().splits) names.push_back(split.name);
    p.choice("split", &NamedTree::split_, names, "which training and test samples, by the name that the literature has for them");
  }
  void open(const Path& root) override { serve(read_named_tree(root, D::about.id, D::facts(), split_)); }

 protected:
  std::string split_ = D::facts().splits[0].name;
};

}  // namespace clb
