// CUB-200-2011 (Wah et al., 2011): 11,788 images of 200 species of birds. The authors have a split of 5,994 and 5,794 images; that of
// LAMDA-PILOT has 9,430 and 2,358.
#include <algorithm>
#include <clb/sdk/named_tree.hpp>

namespace {

using By = clb::NamedSplit::By;

// images.txt has "ID PATH" a line, train_test_split.txt "ID 1" for what is trained on, "ID 0" for what is tested; both count alike.
clb::SplitLists official_lists(const clb::ImageTree& tree) {
  const clb::Path folder = (tree.root / tree.base).parent_path().parent_path();  // images/ lies beside the lists
  const clb::Path images = folder / "images.txt", cut = folder / "train_test_split.txt";
  clb::SplitLists lists;
  for (const clb::Path& list : {cut, images}) {
    if (!clb::packed_there(list).empty())
      lists.begun = true;
    else
      lists.missing = list.lexically_relative(tree.root).string();
  }
  if (!lists.missing.empty()) return lists;
  std::vector<clb::ListedFile>& files = lists.files = clb::read_list(images, clb::Split::kTrain, clb::ListColumns::kPathLabel);
  const std::vector<clb::ListedFile> splits = clb::read_list(cut, clb::Split::kTrain, clb::ListColumns::kPathLabel);
  if (files.size() != splits.size())
    clb::tree_problem(cut, "has " + std::to_string(splits.size()) + " lines, but images.txt has " + std::to_string(files.size()));
  for (size_t i = 0; i < files.size(); ++i) {
    const std::string where = cut.string() + ":" + std::to_string(splits[i].line);
    if (files[i].path != splits[i].path)
      clb::tree_problem(where, "is about image " + splits[i].path + ", but images.txt there about " + files[i].path);
    if (splits[i].label != "0" && splits[i].label != "1") clb::tree_problem(where, "must end in 0 or 1");
    files[i].path = files[i].label;  // the columns are the other way round
    files[i].split = splits[i].label == "1" ? clb::Split::kTrain : clb::Split::kTest;
  }
  clb::require_good_paths(files);
  return lists;
}

class Cub200 final : public clb::NamedTree<Cub200> {
 public:
  static constexpr clb::DatasetAbout about{
      .id = "cub200",
      .version = "1.0.0",
      .citation = "Wah et al., The Caltech-UCSD Birds-200-2011 Dataset, technical report CNS-TR-2011-001, 2011",
      .licence = "for research and education, not commercial; the images belong to their makers",
  };

  static clb::TreeFacts facts() {
    return {.classes = 200,
            .layouts = {{.what = "as re-packed for LAMDA-PILOT", .folders = "{split}/{class}"},
                        {.what = "as re-packed for LAMDA-PILOT", .folders = "cub/{split}/{class}"},
                        {.what = "the publisher's archive", .folders = "CUB_200_2011/images/{class}"},
                        {.what = "the publisher's archive", .folders = "images/{class}"}},
            .splits = {{.name = "pilot", .by = By::kFolders, .get = "cub.zip of github.com/zhoudw-zdw/RevisitingCIL holds it"},
                       {.name = "official",
                        .by = By::kLists,
                        .get = "images.txt and train_test_split.txt of the archive say it",
                        .lists = official_lists}}};
  }

  // "001.Black_footed_Albatross" is the Black footed Albatross.
  std::vector<std::string> readable_names() const override {
    std::vector<std::string> names = class_names();
    for (std::string& name : names) {
      if (const size_t dot = name.find('.'); dot != std::string::npos && name.find_first_not_of("0123456789") == dot)
        name.erase(0, dot + 1);
      std::replace(name.begin(), name.end(), '_', ' ');
    }
    return names;
  }
};

}  // namespace

CLB_DATASET(Cub200)
