// EuroSAT in RGB (Helber et al., 2019): 27,000 satellite images of ten classes. It has no split of its own.
#include <clb/sdk/named_tree.hpp>

namespace {

using By = clb::NamedSplit::By;

class EuroSat final : public clb::NamedTree<EuroSat> {
 public:
  static constexpr clb::DatasetAbout about{
      .id = "eurosat",
      .version = "1.0.0",
      .citation = "Helber et al., EuroSAT, IEEE JSTARS 2019, arXiv:1709.00029",
      .licence = "MIT",
  };

  static clb::TreeFacts facts() {
    return {.classes = 10,
            .layouts = {{.what = "cut by its folders", .folders = "{split}/{class}"},
                        {.what = "the publisher's archive", .folders = "EuroSAT_RGB/{class}"},
                        {.what = "the publisher's archive", .folders = "2750/{class}"},
                        {.what = "the publisher's archive", .folders = "{class}"}},
            .splits = {{.name = "folders", .by = By::kFolders}, {.name = "fifth", .by = By::kFifth}}};
  }

  std::vector<std::string> readable_names() const override {  // "AnnualCrop" is annual crop
    std::vector<std::string> names = class_names();
    for (std::string& name : names) {
      std::string words;
      for (const char c : name) {
        const bool capital = c >= 'A' && c <= 'Z';
        if (capital && !words.empty()) words += ' ';
        words += capital ? static_cast<char>(c - 'A' + 'a') : c;
      }
      name = words;
    }
    return names;
  }
};

}  // namespace

CLB_DATASET(EuroSat)
