// CDDB (Li et al., WACV 2023): real and generated images, a domain for each generator. The two classes lie in folders 0_real and 1_fake,
// for some generators below one more folder for each kind of object.
#include <clb/sdk/named_tree.hpp>

namespace {

using By = clb::NamedSplit::By;

class Cddb final : public clb::NamedTree<Cddb> {
 public:
  static constexpr clb::DatasetAbout about{
      .id = "cddb",
      .version = "1.0.0",
      .citation = "Li et al., A Continual Deepfake Detection Benchmark, WACV 2023, arXiv:2205.05467",
      .licence = "that of the sets it is made of",
  };

  static clb::TreeFacts facts() {
    return {.classes = 2,
            .layouts = {{.what = "the publisher's archive", .folders = "CDDB/{domain}/{split}/**/{class}", .test = "val"},
                        {.what = "the publisher's archive", .folders = "{domain}/{split}/**/{class}", .test = "val"}},
            .splits = {{.name = "val", .by = By::kFolders}}};
  }

  std::vector<std::string> readable_names() const override {
    std::vector<std::string> names = class_names();
    for (std::string& name : names) name = name == "0_real" ? "real image" : name == "1_fake" ? "fake image" : name;
    return names;
  }
};

}  // namespace

CLB_DATASET(Cddb)
