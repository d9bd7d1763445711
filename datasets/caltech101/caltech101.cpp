// Caltech-101 (Fei-Fei, Fergus and Perona, 2004) without the images of its background. It has no split of its own.
#include <clb/sdk/named_tree.hpp>

namespace {

using By = clb::NamedSplit::By;

class Caltech101 final : public clb::NamedTree<Caltech101> {
 public:
  static constexpr clb::DatasetAbout about{
      .id = "caltech101",
      .version = "1.0.0",
      .citation = "Fei-Fei, Fergus and Perona, Learning Generative Visual Models from Few Training Examples, CVPR Workshops 2004",
      .licence = "CC BY 4.0",
  };

  static clb::TreeFacts facts() {
    return {.classes = 101,
            .layouts = {{.what = "cut by its folders", .folders = "{split}/{class}", .without = {"BACKGROUND_Google"}},
                        {.what = "the publisher's archive", .folders = "101_ObjectCategories/{class}", .without = {"BACKGROUND_Google"}},
                        {.what = "the publisher's archive",
                         .folders = "caltech-101/101_ObjectCategories/{class}",
                         .without = {"BACKGROUND_Google"}}},
            .splits = {{.name = "folders", .by = By::kFolders}, {.name = "fifth", .by = By::kFifth}}};
  }
};

}  // namespace

CLB_DATASET(Caltech101)
