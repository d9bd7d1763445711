// PACS (Li et al., ICCV 2017): 9,991 images of seven classes in four domains.
#include <clb/sdk/named_tree.hpp>

namespace {

using By = clb::NamedSplit::By;

// The authors' lists, "photo/dog/056_0001.jpg 1" a line: what they train on, and what they hold out of it.
clb::SplitLists official_lists(const clb::ImageTree& tree) {
  return clb::lists_of_domains(tree, "_train_kfold.txt", "_crossval_kfold.txt");
}

class Pacs final : public clb::NamedTree<Pacs> {
 public:
  static constexpr clb::DatasetAbout about{
      .id = "pacs",
      .version = "1.0.0",
      .citation = "Li et al., Deeper, Broader and Artier Domain Generalization, ICCV 2017, arXiv:1710.03077",
      .licence = "none stated by its authors",
  };

  static clb::TreeFacts facts() {
    return {.classes = 7,
            .layouts = {{.what = "cut by its folders", .folders = "{domain}/{split}/{class}"},
                        {.what = "as Dassl unpacks it", .folders = "images/{domain}/{class}"},
                        {.what = "the publisher's archive", .folders = "kfold/{domain}/{class}"},
                        {.what = "the publisher's archive", .folders = "PACS/{domain}/{class}"},
                        {.what = "the publisher's archive", .folders = "{domain}/{class}"}},
            .splits = {{.name = "folders", .by = By::kFolders},
                       {.name = "official",
                        .by = By::kLists,
                        .get = "the authors' lists are DOMAIN_train_kfold.txt and DOMAIN_crossval_kfold.txt",
                        .lists = official_lists},
                       {.name = "fifth", .by = By::kFifth}}};
  }

  // "pacs": the order in which the name has the domains.
  std::vector<clb::NamedOrder> domain_orders() const override {
    return clb::named_order("pacs", domain_names(), {"photo", "art_painting", "cartoon", "sketch"});
  }
};

}  // namespace

CLB_DATASET(Pacs)
