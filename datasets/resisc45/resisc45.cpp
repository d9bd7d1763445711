// NWPU-RESISC45 (Cheng, Han and Lu, 2017): 31,500 aerial images of 45 classes, 700 each. It has no split of its own.
#include <algorithm>
#include <clb/sdk/named_tree.hpp>

namespace {

using By = clb::NamedSplit::By;

class Resisc45 final : public clb::NamedTree<Resisc45> {
 public:
  static constexpr clb::DatasetAbout about{
      .id = "resisc45",
      .version = "1.0.0",
      .citation = "Cheng, Han and Lu, Remote Sensing Image Scene Classification, Proceedings of the IEEE 2017, arXiv:1703.00121",
      .licence = "none stated by its authors",
  };

  static clb::TreeFacts facts() {
    return {.classes = 45,
            .layouts = {{.what = "cut by its folders", .folders = "{split}/{class}"},
                        {.what = "the publisher's archive", .folders = "NWPU-RESISC45/{class}"},
                        {.what = "the publisher's archive", .folders = "{class}"}},
            .splits = {{.name = "folders", .by = By::kFolders}, {.name = "fifth", .by = By::kFifth}}};
  }

  std::vector<std::string> readable_names() const override {  // "baseball_diamond" is baseball diamond
    std::vector<std::string> names = class_names();
    for (std::string& name : names) std::replace(name.begin(), name.end(), '_', ' ');
    return names;
  }
};

}  // namespace

CLB_DATASET(Resisc45)
