// Fashion-MNIST (Xiao et al., 2017): 60,000 + 10,000 grey 28x28 images, 10 classes, IDX files, plain, gzip or xz.
#include <clb/sdk/idx_images.hpp>

namespace {

class FashionMnist final : public clb::IdxImages<FashionMnist> {
 public:
  static constexpr clb::DatasetAbout about{
      .id = "fashion_mnist",
      .version = "1.0.0",
      .citation = "Xiao et al., arXiv:1708.07747",
      .licence = "MIT",
      .classes = "T-shirt/top|Trouser|Pullover|Dress|Coat|Sandal|Shirt|Sneaker|Bag|Ankle boot",
      .default_root = "/usr/share/datasets/fashion-mnist",  // Debian package dataset-fashion-mnist
      .geometry = {28, 28, 1},
  };
};

}  // namespace

CLB_DATASET(FashionMnist)
