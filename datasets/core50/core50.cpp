// CORe50 (Lomonaco and Maltoni, CoRL 2017): 50 objects filmed in eleven sessions. Sessions 3, 7 and 10 are the test samples.
#include <clb/sdk/named_tree.hpp>

namespace {

using By = clb::NamedSplit::By;

class Core50 final : public clb::NamedTree<Core50> {
 public:
  static constexpr clb::DatasetAbout about{
      .id = "core50",
      .version = "1.0.0",
      .citation = "Lomonaco and Maltoni, CORe50, CoRL 2017, arXiv:1705.03550",
      .licence = "CC BY 4.0",
  };

  static clb::TreeFacts facts() {
    return {.classes = 50,
            .layouts = {{.what = "the publisher's archive", .folders = "core50_128x128/{domain}/{class}"},
                        {.what = "the publisher's archive", .folders = "{domain}/{class}"}},
            .splits = {{.name = "official", .by = By::kDomains, .tested = {"s3", "s7", "s10"}}}};
  }

  // "official": by number, where names sort "o10" before "o2".
  std::vector<clb::NamedOrder> class_orders() const override { return {clb::by_number("official", class_names())}; }
  std::vector<clb::NamedOrder> domain_orders() const override { return {clb::by_number("official", domain_names())}; }

  // Five objects in a row are of one kind.
  clb::ClassGroups class_groups() const override {
    clb::ClassGroups groups{
        {"plug adapters", "mobile phones", "scissors", "light bulbs", "cans", "glasses", "balls", "markers", "cups", "remote controls"},
        {}};
    for (const std::string& name : class_names()) groups.of_class.push_back((clb::number_in(name) - 1) / 5);
    return groups;
  }
};

}  // namespace

CLB_DATASET(Core50)
