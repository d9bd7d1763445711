// Office-Home (Venkateswara et al., CVPR 2017): some 15,500 images of 65 classes in four domains. It has no split of its own.
#include <clb/sdk/named_tree.hpp>

namespace {

using By = clb::NamedSplit::By;

class OfficeHome final : public clb::NamedTree<OfficeHome> {
 public:
  static constexpr clb::DatasetAbout about{
      .id = "office_home",
      .version = "1.0.0",
      .citation = "Venkateswara et al., Deep Hashing Network for Unsupervised Domain Adaptation, CVPR 2017, arXiv:1706.07522",
      .licence = "for research, not commercial; the images belong to their makers",
  };

  static clb::TreeFacts facts() {
    return {.classes = 65,
            .layouts = {{.what = "cut by its folders", .folders = "{domain}/{split}/{class}"},
                        {.what = "the publisher's archive", .folders = "OfficeHomeDataset_10072016/{domain}/{class}"},
                        {.what = "the publisher's archive", .folders = "{domain}/{class}"}},
            .splits = {{.name = "folders", .by = By::kFolders}, {.name = "fifth", .by = By::kFifth}}};
  }
};

}  // namespace

CLB_DATASET(OfficeHome)
