// SVHN (Netzer et al., 2011), format 2: 73,257 + 26,032 RGB 32x32 images of digits from house numbers, MATLAB files of level 5.
//
// X is [32, 32, 3, n] uint8, each image column by column and plane by plane; y is [n, 1], the digit, 10 for zero.
#include <clb/sdk/dataset.hpp>
#include <clb/sdk/mat_file.hpp>

namespace {

constexpr int64_t kSide = 32, kImage = kSide * kSide * 3;

class Svhn final : public clb::Dataset {
 public:
  static constexpr clb::DatasetAbout about{
      .id = "svhn",
      .version = "1.0.0",
      .citation = "Netzer et al., Reading Digits in Natural Images with Unsupervised Feature Learning, NIPS Workshops 2011",
      .licence = "for research, not commercial",
      .classes = "0|1|2|3|4|5|6|7|8|9",
      .geometry = {kSide, kSide, 3},
  };

  void open(const clb::Path& root) override {
    for (const clb::Split split : clb::kSplits) {
      const clb::Path file = root / (split == clb::Split::kTrain ? "train_32x32.mat" : "test_32x32.mat");
      std::vector<clb::MatArray> all = clb::read_mat(file);
      clb::MatArray images = clb::variable(all, "X", file);
      take_labels(clb::variable(all, "y", file), file, split);
      const auto count = static_cast<int64_t>(labels_[split].size());
      if (images.sides != std::vector<int64_t>{kSide, kSide, 3, count} || images.bytes.empty())
        throw clb::PluginError(CLB_E_IO,
                               file.string() + ": X is not 32 x 32 x 3 x " + std::to_string(count) + " bytes, for as many labels in y");
      images_[split] = std::move(images.bytes);
    }
  }

  clb::Index index(clb::Split split) const override { return clb::Index::from_labels(labels_[split]); }

  clb::Sample read(clb::Split split, int64_t i) const override {
    const uint8_t* from = images_[split].data() + i * kImage;
    std::vector<uint8_t> pixels(kImage);
    for (int64_t c = 0; c < 3; ++c)
      for (int64_t x = 0; x < kSide; ++x)
        for (int64_t y = 0; y < kSide; ++y) pixels[static_cast<size_t>((y * kSide + x) * 3 + c)] = *from++;
    return clb::Sample::rgb(std::move(pixels), kSide, kSide);
  }

 private:
  void take_labels(const clb::MatArray& labels, const clb::Path& file, clb::Split split) {
    for (int64_t i = 0; i < labels.size(); ++i) {
      const double digit = labels.number(i, "y");
      if (!(digit >= 1 && digit <= 10) || digit != static_cast<int64_t>(digit))
        throw clb::PluginError(CLB_E_IO, file.string() + ": label " + std::to_string(i) + " of y is no number from 1 to 10");
      labels_[split].push_back(static_cast<int64_t>(digit) % 10);
    }
  }

  clb::PerSplit<std::vector<uint8_t>> images_;
  clb::PerSplit<std::vector<int64_t>> labels_;
};

}  // namespace

CLB_DATASET(Svhn)
