#include "features.cpp"

#include <gtest/gtest.h>

#include <clb/sdk/call_dataset.hpp>

#include "damage.hpp"
#include "errors.hpp"
#include "temp_folder.hpp"

namespace {

using clb::testing::contains;
using clb::testing::TempFolder;

template <class T>
std::string raw(const std::vector<T>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
}

struct Tensor {
  std::string dtype;
  std::vector<int64_t> shape;
  std::string bytes;
};
Tensor ids(const std::vector<int64_t>& values) { return {"I64", {static_cast<int64_t>(values.size())}, raw(values)}; }

std::string file_of(const std::map<std::string, Tensor>& tensors, const std::map<std::string, std::string>& metadata = {}) {
  std::map<std::string, TensorEntry> entries;
  std::string data;
  for (const auto& [name, tensor] : tensors) {
    entries[name] = {tensor.dtype, tensor.shape, 0, 0};
    data += tensor.bytes;
  }
  return clb::base::safetensors_header(entries, metadata) + data;
}

class FeaturesTest : public ::testing::Test {
 protected:
  // Train: 3 samples of 2 classes; test: 2 samples.
  std::map<std::string, Tensor> train_{{"features", {"F32", {3, 2}, raw<float>({1, 2, 3, 4, 5, 6})}}, {"labels", ids({1, 0, 1})}};
  std::map<std::string, Tensor> test_{{"features", {"F32", {2, 2}, raw<float>({-1, -2, -3, -4})}}, {"labels", ids({0, 1})}};
  std::map<std::string, std::string> train_metadata_, test_metadata_;

  // What a failed open says, "" when it succeeded.
  std::string opened() {
    plugin_ = std::make_unique<clb::DatasetPlugin>(clb_dataset_v0(), &host_);
    folder_.write("train.safetensors", file_of(train_, train_metadata_));
    folder_.write("test.safetensors", file_of(test_, test_metadata_));
    return open_again();
  }
  std::string open_again() {
    plugin_ = std::make_unique<clb::DatasetPlugin>(clb_dataset_v0(), &host_);
    try {
      plugin_->open(folder_.path().string());
    } catch (const clb::PluginError& error) {
      EXPECT_EQ(error.status(), CLB_E_IO) << error.what();
      EXPECT_TRUE(contains(error.what(), folder_.path().string())) << error.what();
      return error.what();
    }
    return "";
  }
  // The same with one tensor of train.safetensors replaced for the moment.
  std::string with(const std::string& name, const Tensor& tensor) {
    const auto keep = train_;
    train_[name] = tensor;
    const std::string said = opened();
    train_ = keep;
    return said;
  }
  std::vector<float> row(uint32_t split, int64_t id) const {
    const auto samples = plugin_->read(split, std::span(&id, 1));
    EXPECT_EQ(samples[0].format, CLB_FORMAT_F32);
    std::vector<float> values(samples[0].size / sizeof(float));
    std::memcpy(values.data(), samples[0].bytes, samples[0].size);
    return values;
  }
  std::vector<std::string> class_names() const {
    const clb_dataset_info info = plugin_->describe();
    return {info.class_names, info.class_names + info.class_count};
  }

  TempFolder folder_;
  clb_host host_ = clb::ErrorSink::minimal_host();
  std::unique_ptr<clb::DatasetPlugin> plugin_;
};

TEST_F(FeaturesTest, RowsLabelsAndDimensionAreServed) {
  ASSERT_EQ(opened(), "");
  const clb_dataset_info info = plugin_->describe();
  EXPECT_EQ(info.modality, CLB_MODALITY_FEATURES);
  EXPECT_EQ(info.feature_dim, 2);
  EXPECT_EQ(info.domain_count, 1);
  EXPECT_EQ(class_names(), (std::vector<std::string>{"0", "1"})) << "numbers where there are no names";
  EXPECT_EQ(row(CLB_SPLIT_TRAIN, 1), (std::vector<float>{3, 4}));
  EXPECT_EQ(row(CLB_SPLIT_TEST, 1), (std::vector<float>{-3, -4}));
  const clb_index index = plugin_->index(CLB_SPLIT_TRAIN);
  EXPECT_EQ(std::vector<int64_t>(index.labels, index.labels + index.count), (std::vector<int64_t>{1, 0, 1}));
}

TEST_F(FeaturesTest, EveryDtypeBecomesFloat32) {
  const std::vector<float> wanted{
      0, -2, 0.5F, 65504, 6.103515625e-05F, 5.9604644775390625e-08F};  // the last two: least normal, subnormal half
  train_["features"] = {"F16", {3, 2}, raw<uint16_t>({0x0000, 0xc000, 0x3800, 0x7bff, 0x0400, 0x0001})};
  ASSERT_EQ(opened(), "");
  for (size_t i = 0; i < 3; ++i)
    EXPECT_EQ(row(CLB_SPLIT_TRAIN, static_cast<int64_t>(i)), (std::vector<float>{wanted[2 * i], wanted[2 * i + 1]}));
  train_["features"] = {"BF16", {3, 2}, raw<uint16_t>({0x3f80, 0xc000, 0x3f00, 0x7f7f, 0x0080, 0x0001})};
  ASSERT_EQ(opened(), "");
  EXPECT_EQ(row(CLB_SPLIT_TRAIN, 0), (std::vector<float>{1, -2}));
  EXPECT_EQ(row(CLB_SPLIT_TRAIN, 1), (std::vector<float>{0.5F, 0x1.fep127F}));
  train_["features"] = {"F64", {3, 2}, raw<double>({0.1, 1e-300, 3, 4, 5, -1e38})};
  ASSERT_EQ(opened(), "");
  EXPECT_EQ(row(CLB_SPLIT_TRAIN, 0), (std::vector<float>{0.1F, 0}));
  EXPECT_EQ(row(CLB_SPLIT_TRAIN, 2), (std::vector<float>{5, -1e38F}));
}

TEST_F(FeaturesTest, NamesAndDomainsComeFromTheFile) {
  train_metadata_ = {{"class_names", R"(["cat", "dog"])"}, {"domain_names", R"(["day", "night", "dusk"])"}};
  train_["domains"] = {"I32", {3}, raw<int32_t>({0, 1, 1})};
  test_["domains"] = ids({2, 0});
  ASSERT_EQ(opened(), "");
  EXPECT_EQ(class_names(), (std::vector<std::string>{"cat", "dog"}));
  const clb_dataset_info info = plugin_->describe();
  ASSERT_EQ(info.domain_count, 3);
  EXPECT_STREQ(info.domain_names[2], "dusk");
  EXPECT_EQ(plugin_->index(CLB_SPLIT_TEST).domains[0], 2);
  train_metadata_.erase("domain_names");
  EXPECT_TRUE(contains(opened(), "test.safetensors: domains[0] (offset ")) << opened();
  EXPECT_TRUE(contains(opened(), ") is 2, wanted 0 to 1")) << opened();
}

TEST_F(FeaturesTest, DamagedValuesNameTheirPosition) {
  EXPECT_TRUE(contains(with("features", {"F32", {3, 2}, raw<float>({1, 2, 3, NAN, 5, 6})}), "train.safetensors: features[1, 1] (offset "));
  EXPECT_TRUE(contains(with("features", {"F32", {3, 2}, raw<float>({1, 2, 3, 4, INFINITY, 6})}), "features[2, 0] (offset "));
  EXPECT_TRUE(contains(with("features", {"F64", {3, 2}, raw<double>({1, 2, 3, 4, 5, 1e39})}), "features[2, 1] (offset "));
  EXPECT_TRUE(contains(with("features", {"F16", {3, 2}, raw<uint16_t>({0x7c00, 0, 0, 0, 0, 0})}), "is no finite float32"));
  EXPECT_TRUE(contains(with("features", {"F16", {3, 2}, raw<uint16_t>({0, 0x7e00, 0, 0, 0, 0})}), "features[0, 1]"));
  EXPECT_TRUE(contains(with("labels", ids({0, -1, 1})), "labels[1] (offset ")) << with("labels", ids({0, -1, 1}));
  EXPECT_TRUE(contains(with("labels", ids({-1, -1, -1})), "is -1, wanted 0 to 0"));
  EXPECT_TRUE(contains(with("labels", ids({0, 1, INT64_MAX})), "labels go up to 9223372036854775807, but there are 3 samples"));
  EXPECT_TRUE(contains(with("labels", ids({0, 2, 2})), "no sample has the label 1"));
  EXPECT_TRUE(contains(with("labels", ids({0, 0, 0})), "test.safetensors: labels[1]"));
}

TEST_F(FeaturesTest, WrongTensorsAreNamed) {
  EXPECT_TRUE(contains(with("features", {"I64", {3}, raw<int64_t>({1, 2, 3})}), "features has the dtype I64, wanted F32, F16, BF16, F64"));
  EXPECT_TRUE(contains(with("features", {"F32", {3}, raw<float>({1, 2, 3})}), "features has 1 dimensions, wanted 2"));
  EXPECT_TRUE(contains(with("features", {"F32", {3, 0}, ""}), "features has the shape [3, 0]"));
  EXPECT_TRUE(contains(with("features", {"F32", {0, 3}, ""}), "features has the shape [0, 3]"));
  EXPECT_TRUE(contains(with("features", {"F32", {3, 1}, raw<float>({1, 2, 3})}), "has 2 columns, those of train.safetensors have 1"));
  EXPECT_TRUE(contains(with("labels", ids({0, 1})), "labels has 2 elements for 3 rows"));
  EXPECT_TRUE(contains(with("labels", {"F32", {3}, raw<float>({0, 1, 1})}), "labels has the dtype F32, wanted I64, I32"));
  EXPECT_TRUE(contains(with("domain", ids({0, 0, 0})), "unknown tensor \"domain\"")) << "a misspelt name is no silence";
  EXPECT_TRUE(contains(with("domains", ids({0, 0, 0})), "one of the two files has domains"));
  train_.erase("labels");
  EXPECT_TRUE(contains(opened(), "has no tensor \"labels\""));
  train_.erase("features");
  EXPECT_TRUE(contains(opened(), "has no tensor \"features\""));
}

TEST_F(FeaturesTest, WrongNamesAreNamed) {
  const auto with_names = [&](const std::string& member, const std::string& text) {
    train_metadata_ = {{member, text}};
    return opened();
  };
  EXPECT_TRUE(contains(with_names("class_names", "cat, dog"), "class_names of __metadata__: not valid JSON"));
  EXPECT_TRUE(contains(with_names("class_names", R"({"a": 1})"), "must be a JSON list of names"));
  EXPECT_TRUE(contains(with_names("class_names", R"(["cat", 7])"), "must be a JSON list of names"));
  EXPECT_TRUE(contains(with_names("class_names", "[]"), "must be a JSON list of names"));
  EXPECT_TRUE(contains(with_names("class_names", R"(["cat", "cat"])"), "has \"cat\" twice"));
  EXPECT_TRUE(contains(with_names("class_names", R"(["cat"])"), "labels[0]"));
  EXPECT_TRUE(contains(with_names("class_names", R"(["cat", "dog", "eel"])"), "no sample has the label 2"));
  EXPECT_TRUE(contains(with_names("domain_names", R"(["day"])"), "but no tensor \"domains\""));
  test_metadata_ = {{"class_names", R"(["dog", "cat"])"}};
  EXPECT_TRUE(contains(with_names("class_names", R"(["cat", "dog"])"), "differs from that of train.safetensors"));
}

TEST_F(FeaturesTest, MissingTruncatedAndFlippedFilesEndInASentence) {
  ASSERT_EQ(opened(), "");
  const std::string good = file_of(train_);
  clb::testing::for_each_truncation(good, [&](const std::string& bytes, size_t size) {
    folder_.write("train.safetensors", bytes);
    EXPECT_TRUE(contains(open_again(), "train.safetensors: ")) << size;
  });
  clb::testing::for_each_bit_flip(good, 0, 100, [&](const std::string& bytes, size_t, int) {
    folder_.write("train.safetensors", bytes);
    if (!open_again().empty()) return;
    EXPECT_EQ(row(CLB_SPLIT_TRAIN, 2).size(), 2u);  // another value is no damage that could be seen
  });
  std::filesystem::remove(folder_.path() / "test.safetensors");
  folder_.write("train.safetensors", good);
  EXPECT_TRUE(contains(open_again(), "test.safetensors: cannot be opened"));
}

}  // namespace
