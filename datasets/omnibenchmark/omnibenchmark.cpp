// OmniBenchmark (Zhang et al., ECCV 2022) as the field uses it: 300 classes that the authors of APER drew from it.
#include <clb/sdk/named_tree.hpp>

namespace {

using By = clb::NamedSplit::By;

class OmniBenchmark final : public clb::NamedTree<OmniBenchmark> {
 public:
  static constexpr clb::DatasetAbout about{
      .id = "omnibenchmark",
      .version = "1.0.0",
      .citation = "Zhang et al., Benchmarking Omni-Vision Representation through the Lens of Visual Realms, ECCV 2022, arXiv:2207.07106",
      .licence = "CC BY-NC-ND 4.0",
  };

  static clb::TreeFacts facts() {
    return {.classes = 300,
            .layouts = {{.what = "as re-packed for LAMDA-PILOT", .folders = "{split}/{class}"},
                        {.what = "as re-packed for LAMDA-PILOT", .folders = "omnibenchmark/{split}/{class}"}},
            .splits = {{.name = "pilot", .by = By::kFolders, .get = "omnibenchmark.zip of github.com/zhoudw-zdw/RevisitingCIL holds it"}}};
  }
};

}  // namespace

CLB_DATASET(OmniBenchmark)
