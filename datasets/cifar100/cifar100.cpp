// CIFAR-100 (Krizhevsky, 2009): 50,000 + 10,000 RGB 32x32 images, 100 classes, the "binary version", plain, gzip or xz.
//
// train.bin and test.bin are records without a header: coarse label, fine label, 1024 red, 1024 green, 1024 blue bytes. Any record order
// is fine; the dataset's fingerprint tells them apart.
#include <clb/sdk/cifar_records.hpp>
#include <future>

namespace {

using Records = clb::CifarRecords;

constexpr int64_t kSide = Records::kSide, kFine = 100, kCoarse = 20;

Records read_records(const clb::Path& name, int64_t count) {
  Records records;
  clb::append_cifar<2>(records, name, count, {{{"coarse label", kCoarse}, {"fine label", kFine}}});
  return records;
}

// A folder (or file) that holds CIFAR-100 in another form, or another data set; says what to do.
void refuse_other_forms(const clb::Path& root) {
  const auto there = [&](const char* name) { return std::filesystem::exists(root / name); };
  if (there("train.bin") || there("train.bin.gz") || there("train.bin.xz")) return;
  const auto fail = [&](const std::string& problem) { throw clb::PluginError(CLB_E_IO, root.string() + ": " + problem); };
  const std::string wanted = "the binary version (cifar-100-binary.tar.gz) is needed, with its files train.bin and test.bin";
  if (std::filesystem::is_regular_file(root)) fail("is a file, but a folder is needed; unpack it: " + wanted);
  for (const char* name : {"train", "cifar-100-python", "cifar-100-python.tar.gz"})
    if (there(name) && (name != std::string("train") || std::filesystem::is_regular_file(root / name)))
      fail("holds the Python version of CIFAR-100 (" + std::string(name) + "), whose pickles are not read; " + wanted);
  if (there("cifar-100-binary.tar.gz")) fail("holds cifar-100-binary.tar.gz; unpack it");
  for (const char* name : {"data_batch_1.bin", "data_batch_1", "cifar-10-batches-bin", "cifar-10-batches-py"})
    if (there(name)) fail("holds CIFAR-10 (" + std::string(name) + "), not CIFAR-100; " + wanted);
}

class Cifar100 final : public clb::Dataset {
 public:
  static constexpr clb::DatasetAbout about{
      .id = "cifar100",
      .version = "1.0.0",
      .citation = "Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009",
      .licence = "none stated by its authors",
      .classes =
          "apple|aquarium_fish|baby|bear|beaver|bed|bee|beetle|bicycle|bottle|bowl|boy|bridge|bus|butterfly|camel|can|castle|"
          "caterpillar|cattle|chair|chimpanzee|clock|cloud|cockroach|couch|crab|crocodile|cup|dinosaur|dolphin|elephant|flatfish|"
          "forest|fox|girl|hamster|house|kangaroo|keyboard|lamp|lawn_mower|leopard|lion|lizard|lobster|man|maple_tree|motorcycle|"
          "mountain|mouse|mushroom|oak_tree|orange|orchid|otter|palm_tree|pear|pickup_truck|pine_tree|plain|plate|poppy|"
          "porcupine|possum|rabbit|raccoon|ray|road|rocket|rose|sea|seal|shark|shrew|skunk|skyscraper|snail|snake|spider|"
          "squirrel|streetcar|sunflower|sweet_pepper|table|tank|telephone|television|tiger|tractor|train|trout|tulip|turtle|"
          "wardrobe|whale|willow_tree|wolf|woman|worm",
      .geometry = {kSide, kSide, 3},
  };

  void open(const clb::Path& given) override {
    const clb::Path unpacked = given / "cifar-100-binary";  // as the publisher's archive has it
    const clb::Path& root = std::filesystem::exists(unpacked / "train.bin") ? unpacked : given;
    refuse_other_forms(root);
    clb::require_cifar_names(root / "fine_label_names.txt", clb::split_names(about.classes));
    // Unpacking xz takes seconds: both files at once. The future's destructor waits, also when the other file throws.
    auto test = std::async(std::launch::async, [&] { return read_records(root / "test.bin", 10'000); });
    records_[clb::Split::kTrain] = read_records(root / "train.bin", 50'000);
    records_[clb::Split::kTest] = test.get();
  }

  clb::Index index(clb::Split split) const override { return clb::Index::from_labels(records_[split].labels); }
  clb::Sample read(clb::Split split, int64_t i) const override { return clb::Sample::rgb(records_[split].image(i), kSide, kSide); }

 private:
  clb::PerSplit<Records> records_;
};

}  // namespace

CLB_DATASET(Cifar100)
