// What a run takes its samples from: data sets with parameters, and sequences of data sets.
#include <clb/data/samples.hpp>

#include "image_tree.hpp"

namespace {

using namespace clb;
namespace fs = std::filesystem;
using clb::testing::no_warning;
using data::Split;
using Sequence = clb::testing::ImageTree;

TEST_F(Sequence, CountsNamesAndTellsOfAllItsParts) {
  const fs::path second = folder_.path() / "second";
  fs::copy(root(), second, fs::copy_options::recursive);
  fs::remove(second / "train/dog/100.png");
  base::DatasetSpec all = dataset("");
  for (const fs::path& root : {this->root(), second}) {
    data::Preparation only_read = preparation(0);
    only_read.root = root.string();
    only_read.cache.clear();
    base::DatasetSpec& part = all.sequence.emplace_back(dataset(data::prepare(only_read).fingerprint));
    part.root = root.string();
    part.class_count = 2;
  }
  std::vector<int64_t> totals;
  data::Samples samples(all, execution(kDecoded), no_warning, [&](const std::string&, int64_t done, int64_t total) {
    if (done == total) totals.push_back(total);
  });
  EXPECT_EQ(totals, (std::vector<int64_t>{3 * kPerClass, 3 * kPerClass - 1})) << "each part is read once";
  const auto labels = samples.labels(Split::kTrain);
  ASSERT_EQ(labels.size(), size_t{4 * kPerClass - 1});
  EXPECT_EQ(labels[2 * kPerClass - 1], 1);
  EXPECT_EQ(labels[2 * kPerClass], 2);
  EXPECT_EQ(samples.name_of(Split::kTrain, 3 * kPerClass), (second / "train/dog/101.png").string());
  EXPECT_EQ(samples.images_read(), 0);
  samples.read(Split::kTrain, 0);
  samples.read(Split::kTrain, 3 * kPerClass);
  EXPECT_EQ(samples.images_read(), 2);
  samples.count_images(5);
  EXPECT_EQ(samples.images_read(), 7);
}

// A data set of one folder with several values of a parameter.
class Parameter : public ::testing::Test {
 protected:
  Parameter() { folder_.write("file", "for the proof"); }
  data::Preparation preparation(int64_t light) const {
    return {.file = CLB_GREY, .root = root(), .params = {{"light", light}}, .cache = cache_, .store_limit = kRoom};
  }
  std::string root() const { return folder_.path().string(); }
  int pixel(int64_t light, const base::fs::path& cache, int64_t limit) const {
    base::DatasetSpec spec;
    spec.id = "grey";
    spec.file = CLB_GREY;
    spec.root = root();
    spec.params = {{"light", light}};
    spec.fingerprint = data::prepare(preparation(light)).fingerprint;
    base::ExecutionSpec execution;
    execution.cache_dir = cache.string();
    execution.store_limit = limit;
    data::Samples samples(spec, execution, no_warning);
    return samples.read(Split::kTest, 1).bytes[0];
  }

  static constexpr int64_t kRoom = 1000;
  clb::testing::TempFolder folder_, caches_;
  base::fs::path cache_ = caches_.path() / "cache";
};

TEST_F(Parameter, ReachesWhoeverOpensTheDataSet) {
  EXPECT_NE(data::prepare(preparation(3)).fingerprint, data::prepare(preparation(200)).fingerprint);
  data::Preparation neutral = preparation(0);
  neutral.params = base::Json::object();
  EXPECT_EQ(data::prepare(neutral).fingerprint, data::prepare(preparation(0)).fingerprint);
  for (const int64_t light : {3, 200}) {
    EXPECT_EQ(pixel(light, cache_, kRoom), light) << "from the cache";
    EXPECT_EQ(pixel(light, caches_.path() / "another", kRoom), light) << "built";
    EXPECT_EQ(pixel(light, caches_.path() / "index", 0), light) << "by the index";
    EXPECT_EQ(pixel(light, "", kRoom), light) << "without a cache";
  }
}

}  // namespace
