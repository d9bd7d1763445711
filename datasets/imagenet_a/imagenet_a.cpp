// ImageNet-A (Hendrycks et al., CVPR 2021): 7,500 images of 200 classes of ImageNet. It has no split of its own.
#include <clb/sdk/named_tree.hpp>
#include <clb/sdk/wordnet_names.hpp>

namespace {

using By = clb::NamedSplit::By;

class ImageNetA final : public clb::NamedTree<ImageNetA> {
 public:
  static constexpr clb::DatasetAbout about{
      .id = "imagenet_a",
      .version = "1.0.0",
      .citation = "Hendrycks et al., Natural Adversarial Examples, CVPR 2021, arXiv:1907.07174",
      .licence = "MIT; the images belong to their makers",
  };

  static clb::TreeFacts facts() {
    return {.classes = 200,
            .layouts = {{.what = "as re-packed for LAMDA-PILOT", .folders = "{split}/{class}"},
                        {.what = "as re-packed for LAMDA-PILOT", .folders = "imagenet-a/{split}/{class}"},
                        {.what = "the publisher's archive", .folders = "imagenet-a/{class}"},
                        {.what = "the publisher's archive", .folders = "{class}"}},
            .splits = {{.name = "pilot", .by = By::kFolders, .get = "ina.zip of github.com/zhoudw-zdw/RevisitingCIL holds it"},
                       {.name = "fifth", .by = By::kFifth}}};
  }

  std::vector<std::string> readable_names() const override { return clb::wordnet_names(class_names()); }
};

}  // namespace

CLB_DATASET(ImageNetA)
