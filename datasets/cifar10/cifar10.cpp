// CIFAR-10 (Krizhevsky, 2009): 50,000 + 10,000 RGB 32x32 images, 10 classes, the "binary version", plain, gzip or xz.
//
// data_batch_1.bin to data_batch_5.bin and test_batch.bin are records without a header: label, 1024 red, 1024 green, 1024 blue bytes.
#include <clb/sdk/cifar_records.hpp>

namespace {

using Records = clb::CifarRecords;

constexpr int64_t kClasses = 10, kInBatch = 10'000;

class Cifar10 final : public clb::Dataset {
 public:
  static constexpr clb::DatasetAbout about{
      .id = "cifar10",
      .version = "1.0.0",
      .citation = "Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009",
      .licence = "none stated by its authors",
      .classes = "airplane|automobile|bird|cat|deer|dog|frog|horse|ship|truck",
      .geometry = {Records::kSide, Records::kSide, 3},
  };

  void open(const clb::Path& root) override {
    const clb::Path folder = std::filesystem::exists(root / "cifar-10-batches-bin") ? root / "cifar-10-batches-bin" : root;
    if (std::filesystem::exists(root / "cifar-10-batches-py") || std::filesystem::exists(root / "data_batch_1"))
      throw clb::PluginError(CLB_E_IO, root.string() +
                                           ": holds the Python version of CIFAR-10, whose pickles are not read; the binary version "
                                           "(cifar-10-binary.tar.gz) is needed, with its files data_batch_1.bin to test_batch.bin");
    clb::require_cifar_names(folder / "batches.meta.txt", clb::split_names(about.classes));
    for (const char* batch : {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin", "data_batch_5.bin"})
      clb::append_cifar<1>(records_[clb::Split::kTrain], folder / batch, kInBatch, {{{"label", kClasses}}});
    clb::append_cifar<1>(records_[clb::Split::kTest], folder / "test_batch.bin", kInBatch, {{{"label", kClasses}}});
  }

  clb::Index index(clb::Split split) const override { return clb::Index::from_labels(records_[split].labels); }
  clb::Sample read(clb::Split split, int64_t i) const override {
    return clb::Sample::rgb(records_[split].image(i), Records::kSide, Records::kSide);
  }

 private:
  clb::PerSplit<Records> records_;
};

}  // namespace

CLB_DATASET(Cifar10)
