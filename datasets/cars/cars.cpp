// Stanford Cars (Krause et al., 2013): 16,185 images of 196 models. In the publisher's archives images lie flat, and MATLAB files name
// their classes.
#include <clb/sdk/mat_file.hpp>
#include <clb/sdk/named_tree.hpp>

namespace {

using By = clb::NamedSplit::By;

class Cars final : public clb::NamedTree<Cars> {
 public:
  static constexpr clb::DatasetAbout about{
      .id = "cars",
      .version = "1.0.0",
      .citation = "Krause et al., 3D Object Representations for Fine-Grained Categorization, ICCV Workshops 2013",
      .licence = "for research, not commercial; the images belong to their makers",
  };

  static clb::TreeFacts facts() {
    return {
        .classes = 196,
        .layouts = {{.what = "as re-packed for RanPAC and LayUP", .folders = "{split}/{class}"},
                    {.what = "as re-packed for RanPAC and LayUP", .folders = "cars/{split}/{class}"}},
        .splits = {
            {.name = "pilot", .by = By::kFolders, .get = "the archive that the authors of LayUP publish (github.com/ky-ah/LayUP) holds it"},
            {.name = "official", .by = By::kLists}}};
  }

  void open(const clb::Path& root) override {
    if (split_ != "official") return NamedTree::open(root);
    const std::vector<std::string> names = names_in(root / "devkit/cars_meta.mat");
    std::vector<clb::ListedFile> all = annotated(root / "devkit/cars_train_annos.mat", "cars_train/", clb::Split::kTrain, names);
    const clb::Path beside = root / "cars_test_annos_withlabels.mat", inside = root / "devkit/cars_test_annos_withlabels.mat";
    for (clb::ListedFile& file : annotated(std::filesystem::exists(beside) ? beside : inside, "cars_test/", clb::Split::kTest, names))
      all.push_back(std::move(file));
    clb::ImageTree tree = clb::tree_of_lists(root, "", all);
    clb::require_both_splits(tree);
    tree.notes.insert(tree.notes.begin(), "layout {cars_train,cars_test}/FILE, the publisher's archives");
    clb::tell_split(tree, split_, facts().classes);
    serve(std::move(tree));
  }

 private:
  static std::vector<std::string> names_in(const clb::Path& file) {
    const std::vector<clb::MatArray> all = clb::read_mat(file);
    std::vector<std::string> names;
    for (const clb::MatArray& name : clb::variable(all, "class_names", file).elements) names.push_back(name.text);
    return names;
  }

  // `annotations` is a struct for each image, with its file `fname` and its `class`, which counts from 1.
  static std::vector<clb::ListedFile> annotated(const clb::Path& file, const std::string& folder, clb::Split split,
                                                const std::vector<std::string>& names) {
    const auto list = std::make_shared<const clb::Path>(file);
    const std::vector<clb::MatArray> all = clb::read_mat(file);
    const clb::MatArray& images = clb::variable(all, "annotations", file);
    std::vector<clb::ListedFile> files;
    for (int64_t i = 0; i < images.size(); ++i) {
      const double number = images.field(i, "class").number(0, "class");
      if (!(number >= 1 && number <= static_cast<double>(names.size())))
        clb::tree_problem(file, "gives image " + std::to_string(i + 1) + " a class that cars_meta.mat does not name");
      files.push_back({.path = folder + images.field(i, "fname").text,
                       .split = split,
                       .label = names[static_cast<size_t>(number) - 1],
                       .list = list,
                       .line = static_cast<size_t>(i) + 1});
    }
    clb::require_good_paths(files);
    return files;
  }
};

}  // namespace

CLB_DATASET(Cars)
