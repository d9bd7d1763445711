// ObjectNet (Barbu et al., NeurIPS 2019): objects in unusual places and poses, 313 classes, of which LAMDA-PILOT takes 200. It has no split
// of its own.
#include <algorithm>
#include <clb/sdk/named_tree.hpp>

namespace {

using By = clb::NamedSplit::By;

class ObjectNet final : public clb::NamedTree<ObjectNet> {
 public:
  static constexpr clb::DatasetAbout about{
      .id = "objectnet",
      .version = "1.0.0",
      .citation = "Barbu et al., ObjectNet, NeurIPS 2019",
      .licence = "ObjectNet's licence: for testing, not for training; see objectnet.dev",
  };

  static clb::TreeFacts facts() {
    return {.classes = 200,
            .layouts = {{.what = "as re-packed for LAMDA-PILOT", .folders = "{split}/{class}"},
                        {.what = "as re-packed for LAMDA-PILOT", .folders = "objectnet/{split}/{class}"},
                        {.what = "the publisher's archive", .folders = "objectnet-1.0/images/{class}"},
                        {.what = "the publisher's archive", .folders = "images/{class}"}},
            .splits = {{.name = "pilot", .by = By::kFolders, .get = "objnet.tgz of github.com/zhoudw-zdw/RevisitingCIL lists its files"}}};
  }

  std::vector<std::string> readable_names() const override {  // "alarm_clock" is alarm clock
    std::vector<std::string> names = class_names();
    for (std::string& name : names) std::replace(name.begin(), name.end(), '_', ' ');
    return names;
  }
};

}  // namespace

CLB_DATASET(ObjectNet)
