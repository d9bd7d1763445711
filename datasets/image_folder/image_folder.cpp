// JPEG and PNG files in folders: root/{train,test}/CLASS/FILE, or root/DOMAIN/{train,test}/CLASS/FILE.
#include <clb/sdk/named_tree.hpp>

namespace {

class ImageFolder final : public clb::TreeDataset {
 public:
  static constexpr clb::DatasetAbout about{
      .id = "image_folder",
      .version = "1.0.0",
      .citation = "JPEG and PNG files in root/{train,test}/CLASS or root/DOMAIN/{train,test}/CLASS",
      .licence = "that of the files",
  };

  void open(const clb::Path& root) override {
    serve(clb::read_image_tree(root, {{.what = "", .folders = "{split}/{class}"}, {.what = "", .folders = "{domain}/{split}/{class}"}}));
  }
};

}  // namespace

CLB_DATASET(ImageFolder)
