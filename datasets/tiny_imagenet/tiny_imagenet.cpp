// Tiny-ImageNet (Stanford, CS231n): 200 classes of ImageNet in images of 64x64, 500 each for training. Its validation images, whose labels
// are published, are what everybody tests on: 50 of each class. They lie flat, with a list of labels.
#include <algorithm>
#include <clb/sdk/named_tree.hpp>
#include <clb/sdk/wordnet_names.hpp>

namespace {

using By = clb::NamedSplit::By;

class TinyImageNet final : public clb::NamedTree<TinyImageNet> {
 public:
  static constexpr clb::DatasetAbout about{
      .id = "tiny_imagenet",
      .version = "1.0.0",
      .citation = "Le and Yang, Tiny ImageNet Visual Recognition Challenge, Stanford CS231N, 2015",
      .licence = "none stated by its authors",
  };

  static clb::TreeFacts facts() {
    return {.classes = 200,
            .layouts = {{.what = "cut by its folders", .folders = "{split}/{class}"},
                        {.what = "cut by its folders", .folders = "tiny-imagenet-200/{split}/{class}"}},
            .splits = {{.name = "official", .by = By::kLists}, {.name = "folders", .by = By::kFolders}}};
  }

  void open(const clb::Path& root) override {
    if (split_ != "official") return NamedTree::open(root);
    clb::ImageTree tree = clb::read_image_tree(root, {{.what = kArchive, .folders = "tiny-imagenet-200/train/{class}/images"},
                                                      {.what = kArchive, .folders = "train/{class}/images"}});
    add_validation(tree);
    clb::require_both_splits(tree);
    clb::tell_split(tree, split_, facts().classes);
    serve(std::move(tree));
  }

  std::vector<std::string> readable_names() const override { return clb::wordnet_names(class_names()); }

 private:
  static constexpr const char* kArchive = "the publisher's archive";

  // val_annotations.txt has "val_0.JPEG", the class and a box a line, between tabs.
  static void add_validation(clb::ImageTree& tree) {
    const std::string folder = tree.base.substr(0, tree.base.size() - std::string("train/").size()) + "val/";
    const auto listed = clb::read_list(tree.root / (folder + "val_annotations.txt"), clb::Split::kTest, clb::ListColumns::kTabs);
    clb::ImageTree tested = clb::tree_of_lists(tree.root, folder + "images/", listed);
    for (clb::TreeFile& file : tested.files) {
      const std::string& name = tested.classes[file.label];
      const auto found = std::lower_bound(tree.classes.begin(), tree.classes.end(), name);
      if (found == tree.classes.end() || *found != name)
        clb::tree_problem(tree.root / file.path, "is of the class \"" + name + "\", which has no training images");
      file.label = static_cast<uint32_t>(found - tree.classes.begin());
      tree.files.push_back(std::move(file));
    }
    tree.notes.insert(tree.notes.end(), tested.notes.begin(), tested.notes.end());
  }
};

}  // namespace

CLB_DATASET(TinyImageNet)
