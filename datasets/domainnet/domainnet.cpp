// DomainNet (Peng et al., ICCV 2019): six domains of 345 classes, with the authors' lists of training and test images.
#include <clb/sdk/named_tree.hpp>

namespace {

using By = clb::NamedSplit::By;

// The authors' lists, "clipart/aircraft_carrier/clipart_001_000001.jpg 0" a line.
clb::SplitLists official_lists(const clb::ImageTree& tree) { return clb::lists_of_domains(tree, "_train.txt", "_test.txt"); }

// The lists as the authors of CODA-Prompt publish them: five of the domains, without quickdraw.
clb::SplitLists coda_lists(const clb::ImageTree& tree) {
  return clb::yaml_lists(tree, "splits/domainnet_train.yaml", "splits/domainnet_test.yaml");
}

class DomainNet final : public clb::NamedTree<DomainNet> {
 public:
  static constexpr clb::DatasetAbout about{
      .id = "domainnet",
      .version = "1.0.0",
      .citation = "Peng et al., Moment Matching for Multi-Source Domain Adaptation, ICCV 2019, arXiv:1812.01754",
      .licence = "fair use of the authors, for research",
  };

  static clb::TreeFacts facts() {
    return {
        .classes = 345,
        .layouts = {{.what = "the publisher's archive", .folders = "{domain}/{class}"},
                    {.what = "cut by its folders", .folders = "{domain}/{split}/{class}"}},
        .splits = {{.name = "official",
                    .by = By::kLists,
                    .get = "clbench data get domainnet brings the authors' lists, DOMAIN_train.txt and DOMAIN_test.txt of ai.bu.edu/M3SDA",
                    .lists = official_lists},
                   {.name = "folders", .by = By::kFolders},
                   {.name = "coda",
                    .by = By::kLists,
                    .get = "clbench data get domainnet --split coda brings the lists of github.com/GT-RIPL/CODA-Prompt",
                    .lists = coda_lists}}};
  }
};

}  // namespace

CLB_DATASET(DomainNet)
