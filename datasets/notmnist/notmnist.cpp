// notMNIST (Bulatov, 2011): letters A to J in many typefaces, grey 28x28, as IDX files, plain, gzip or xz. How many images there are
// depends on how the files were made of the published folders, so it is free.
#include <clb/sdk/idx_images.hpp>

namespace {

class NotMnist final : public clb::IdxImages<NotMnist> {
 public:
  static constexpr clb::DatasetAbout about{
      .id = "notmnist",
      .version = "1.0.0",
      .citation = "Bulatov, notMNIST dataset, 2011",
      .licence = "none stated by its author",
      .classes = "A|B|C|D|E|F|G|H|I|J",
      .geometry = {28, 28, 1},
  };
};

}  // namespace

CLB_DATASET(NotMnist)
