// Fashion-MNIST (Xiao et al., 2017): 60,000 + 10,000 grey 28x28 images, 10 classes, IDX files, plain, gzip or xz.
#include <clb/sdk/dataset.hpp>
#include <clb/sdk/idx.hpp>

namespace {

class FashionMnist final : public clb::Dataset {
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

  void open(const clb::Path& root) override {
    for (const clb::Split split : clb::kSplits) {
      const std::string stem = split == clb::Split::kTrain ? "train" : "t10k";
      images_[split] = clb::read_idx<uint8_t, 3>(root / (stem + "-images-idx3-ubyte"));  // [n, 28, 28]
      labels_[split] = clb::read_idx<uint8_t, 1>(root / (stem + "-labels-idx1-ubyte"));  // [n]
      clb::require_sides(images_[split], {28, 28});
      clb::require_same_length(images_[split], labels_[split]);
      clb::require_labels(labels_[split], 10);
    }
  }

  clb::Index index(clb::Split split) const override { return clb::Index::from_labels(labels_[split]); }
  clb::Sample read(clb::Split split, int64_t i) const override { return clb::Sample::grey(images_[split][i], 28, 28); }

 private:
  clb::PerSplit<clb::IdxArray<uint8_t, 3>> images_;
  clb::PerSplit<clb::IdxArray<uint8_t, 1>> labels_;
};

}  // namespace

CLB_DATASET(FashionMnist)
