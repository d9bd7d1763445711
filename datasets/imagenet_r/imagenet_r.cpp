// ImageNet-R (Hendrycks et al., ICCV 2021): 30,000 renditions of 200 classes of ImageNet. It has no split of its own, and the literature
// has at least four of 24,000 and 6,000 images, under which accuracies differ.
#include <clb/sdk/named_tree.hpp>
#include <clb/sdk/wordnet_names.hpp>
#include <iterator>

namespace {

using By = clb::NamedSplit::By;

constexpr const char* kCodaOrder[] = {
#include "coda_order.inc"
};

// The lists as the authors of CODA-Prompt publish them.
clb::SplitLists coda_lists(const clb::ImageTree& tree) {
  return clb::yaml_lists(tree, "splits/imagenet-r_train.yaml", "splits/imagenet-r_test.yaml");
}

class ImageNetR final : public clb::NamedTree<ImageNetR> {
 public:
  static constexpr clb::DatasetAbout about{
      .id = "imagenet_r",
      .version = "1.0.0",
      .citation = "Hendrycks et al., The Many Faces of Robustness, ICCV 2021, arXiv:2006.16241",
      .licence = "MIT; the images belong to their makers",
  };

  static clb::TreeFacts facts() {
    return {
        .classes = 200,
        .layouts = {{.what = "as re-packed for LAMDA-PILOT", .folders = "{split}/{class}"},
                    {.what = "as re-packed for LAMDA-PILOT", .folders = "imagenet-r/{split}/{class}"},
                    {.what = "as re-packed for LAMDA-PILOT", .folders = "pilot/imagenet-r/{split}/{class}"},
                    {.what = "as re-packed for LAMDA-PILOT", .folders = "pilot/{split}/{class}"},
                    {.what = "the publisher's archive", .folders = "imagenet-r/{class}"},
                    {.what = "the publisher's archive", .folders = "{class}"}},
        .splits = {
            {.name = "pilot", .by = By::kFolders, .get = "imagenet-r.zip of github.com/zhoudw-zdw/RevisitingCIL holds it"},
            {.name = "coda",
             .by = By::kLists,
             .get = "clbench data get imagenet_r --split coda brings splits/imagenet-r_{train,test}.yaml of github.com/GT-RIPL/CODA-Prompt",
             .lists = coda_lists},
            {.name = "l2p",
             .by = By::kLists,
             .get = "clbench data get imagenet_r --split l2p brings the lists of LAE's authors (github.com/gqk/LAE)"},
            {.name = "hide", .by = By::kLists, .get = "clbench data info imagenet_r says how to write them"}}};
  }

  std::vector<std::string> readable_names() const override { return clb::wordnet_names(class_names()); }

  // "coda": the order of CODA-Prompt's labels, which is not that of the folders.
  std::vector<clb::NamedOrder> class_orders() const override {
    return clb::named_order("coda", class_names(), {std::begin(kCodaOrder), std::end(kCodaOrder)});
  }
};

}  // namespace

CLB_DATASET(ImageNetR)
