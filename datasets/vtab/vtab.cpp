// VTAB (Zhai et al., 2019) as the field uses it: five of its data sets, ten classes of each, one behind the other. Another order of classes
// than "identity" mixes them.
#include <clb/sdk/named_tree.hpp>

namespace {

using By = clb::NamedSplit::By;

class Vtab final : public clb::NamedTree<Vtab> {
 public:
  static constexpr clb::DatasetAbout about{
      .id = "vtab",
      .version = "1.0.0",
      .citation = "Zhai et al., A Large-scale Study of Representation Learning with the Visual Task Adaptation Benchmark, arXiv:1910.04867",
      .licence = "that of the five data sets",
  };

  static clb::TreeFacts facts() {
    return {.classes = 50,
            .layouts = {{.what = "as re-packed for LAMDA-PILOT", .folders = "{split}/{class}"},
                        {.what = "as re-packed for LAMDA-PILOT", .folders = "vtab/{split}/{class}"},
                        {.what = "as re-packed for LAMDA-PILOT", .folders = "vtab-cil/vtab/{split}/{class}"}},
            .splits = {{.name = "pilot", .by = By::kFolders, .get = "vtab.zip of github.com/zhoudw-zdw/RevisitingCIL holds it"}}};
  }
};

}  // namespace

CLB_DATASET(Vtab)
