// Both sides of the dataset table: a plugin class through the macro, called through DatasetPlugin.
#include <gtest/gtest.h>

#include <clb/sdk/call_dataset.hpp>
#include <clb/sdk/dataset.hpp>
#include <cstring>
#include <functional>
#include <new>
#include <thread>

#include "errors.hpp"

namespace {

// What the toy does wrong; reset by each test.
std::function<void()> on_open, on_read, on_verify;  // NOLINT(cert-err58-cpp)
std::vector<int64_t> train_labels;
int64_t domain_of_second = 1;

std::vector<int64_t> published_order{2, 0, 1};

class Toy final : public clb::Dataset {
 public:
  static constexpr clb::DatasetAbout about{
      .id = "toy", .version = "0.1", .citation = "nobody", .licence = "none", .domains = "day|night", .geometry = {1, 2, 3}};

  static void params(clb::Params<Toy>& p) {
    p.choice("split", &Toy::split_, {"first", "second"}, "which published split").neutral("first");
  }

  void open(const clb::Path& root) override {
    root_ = split_ == "second" ? root / "second" : root;
    if (on_open) on_open();
  }
  clb::Index index(clb::Split split) const override {
    if (split == clb::Split::kTest) return {{0}, {}};
    return {train_labels, {0, domain_of_second}};
  }
  clb::Sample read(clb::Split split, int64_t i) const override {
    if (on_read) on_read();
    if (split == clb::Split::kTest) return clb::Sample::encoded(std::vector<uint8_t>{1, 2, 3});
    return clb::Sample::rgb(std::span(pixels_).subspan(static_cast<size_t>(i) * 6, 6), 1, 2);
  }
  std::vector<std::string> class_names() const override { return {"cat", "dog", root_.filename().string()}; }
  std::vector<clb::NamedOrder> class_orders() const override { return {{"published", published_order}}; }
  std::vector<clb::NamedOrder> domain_orders() const override { return {{"night_first", {1, 0}}}; }
  std::vector<std::string> readable_names() const override { return {"tabby cat", "dog", "bird"}; }
  std::vector<std::string> notes() const override { return {"layout of a test"}; }
  std::vector<std::string> templates() const override { return {"a photo of a {}."}; }
  clb::ClassGroups class_groups() const override { return {{"pets", "others"}, {0, 0, 1}}; }
  void verify() const override {
    if (on_verify) on_verify();
  }

 private:
  clb::Path root_;
  std::string split_ = "first";
  std::vector<uint8_t> pixels_{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};
};

}  // namespace

CLB_DATASET(Toy)

namespace clb {
namespace {

using testing::contains;
using testing::error_of;

class DatasetTest : public ::testing::Test {
 protected:
  void SetUp() override {
    published_order = {2, 0, 1};
    on_open = on_read = on_verify = nullptr;
    train_labels = {2, 1};
    domain_of_second = 1;
  }
  PluginError open_error() {
    try {
      plugin_.open("/data/bird");
    } catch (const PluginError& error) {
      return error;
    }
    ADD_FAILURE() << "open succeeded";
    return PluginError(CLB_OK, "");
  }

  clb_host host_ = ErrorSink::minimal_host();
  DatasetPlugin plugin_{clb_dataset_v0(), &host_};
};

TEST_F(DatasetTest, DescribeKnowsMoreAfterOpen) {
  const clb_dataset_info before = plugin_.describe();
  EXPECT_EQ(before.class_count, 0);
  EXPECT_EQ(before.domain_count, 2);
  EXPECT_STREQ(before.domain_names[1], "night");
  EXPECT_EQ(before.channels, 3);
  EXPECT_EQ(before.default_root, nullptr);
  plugin_.open("/data/bird");
  const clb_dataset_info after = plugin_.describe();
  ASSERT_EQ(after.class_count, 3);
  EXPECT_STREQ(after.class_names[2], "bird");
}

TEST_F(DatasetTest, IndexAndReadGiveViews) {
  plugin_.open("/data/bird");
  const clb_index index = plugin_.index(CLB_SPLIT_TRAIN);
  ASSERT_EQ(index.count, 2);
  EXPECT_EQ(index.labels[0], 2);
  EXPECT_EQ(index.domains[1], 1);
  EXPECT_EQ(plugin_.index(CLB_SPLIT_TEST).domains, nullptr);

  const int64_t ids[] = {1, 0, 1};
  const auto samples = plugin_.read(CLB_SPLIT_TRAIN, ids);
  ASSERT_EQ(samples.size(), 3u);
  EXPECT_EQ(samples[0].bytes, samples[2].bytes) << "no copy";
  EXPECT_EQ(samples[0].bytes[0], 6);
  EXPECT_EQ(samples[1].bytes[0], 0);
  EXPECT_EQ(samples[0].width, 2);
}

TEST_F(DatasetTest, OwnedBytesLiveUntilTheSamplesGo) {
  plugin_.open("/data/bird");
  const std::vector<int64_t> ids(100, 0);
  const auto samples = plugin_.read(CLB_SPLIT_TEST, ids);
  for (const clb_sample& sample : samples) {
    EXPECT_EQ(sample.format, CLB_FORMAT_ENCODED);
    EXPECT_EQ(std::vector<uint8_t>(sample.bytes, sample.bytes + sample.size), (std::vector<uint8_t>{1, 2, 3}));
  }
}

TEST_F(DatasetTest, ArgumentsAreChecked) {
  plugin_.open("/data/bird");
  const int64_t high[] = {2}, low[] = {-1}, good[] = {0};
  EXPECT_TRUE(contains(error_of<PluginError>([&] { plugin_.read(CLB_SPLIT_TRAIN, high); }), "no sample 2, the split has 2"));
  EXPECT_TRUE(contains(error_of<PluginError>([&] { plugin_.read(CLB_SPLIT_TRAIN, low); }), "no sample -1"));
  EXPECT_TRUE(contains(error_of<PluginError>([&] { plugin_.read(2, good); }), "no split 2"));
  EXPECT_TRUE(contains(error_of<PluginError>([&] { plugin_.index(7); }), "no split 7"));
}

TEST_F(DatasetTest, EveryExceptionBecomesItsStatusAndSentence) {
  int32_t line = 0;
  on_open = [&] {
    line = __LINE__ + 1;
    throw PluginError(CLB_E_IO, "a.bin: truncated");
  };
  const PluginError io = open_error();
  EXPECT_EQ(io.status(), CLB_E_IO);
  EXPECT_STREQ(io.what(), "a.bin: truncated");
  EXPECT_TRUE(contains(io.file(), "sdk_dataset_test.cpp"));
  EXPECT_EQ(io.line(), line);

  on_open = [] { throw std::bad_alloc(); };
  EXPECT_EQ(open_error().status(), CLB_E_NO_MEMORY);
  on_open = [] { throw std::filesystem::filesystem_error("gone", std::error_code()); };
  EXPECT_EQ(open_error().status(), CLB_E_IO);
  on_open = [] { throw std::logic_error("a bug"); };
  EXPECT_STREQ(open_error().what(), "a bug");
  on_open = [] { throw 7; };
  EXPECT_EQ(open_error().status(), CLB_E_INTERNAL);
}

TEST_F(DatasetTest, IndexIsCheckedWhenItOpens) {
  train_labels = {2, 3};
  EXPECT_TRUE(contains(open_error().what(), "sample 1 of split train has the label 3, wanted 0 to 2"));
  train_labels = {-1, 0};
  EXPECT_TRUE(contains(open_error().what(), "label -1"));
  train_labels = {};
  EXPECT_TRUE(contains(open_error().what(), "no samples"));
  train_labels = {0, 1, 2};
  EXPECT_TRUE(contains(open_error().what(), "2 domains for 3 labels"));
  train_labels = {0, 1};
  domain_of_second = 2;
  EXPECT_TRUE(contains(open_error().what(), "domain 2, wanted 0 to 1"));
}

TEST_F(DatasetTest, VerifyPassesOnItsError) {
  plugin_.open("/data/bird");
  EXPECT_NO_THROW(plugin_.verify());
  on_verify = [] { throw PluginError(CLB_E_IO, "wrong checksum"); };
  EXPECT_TRUE(contains(error_of<PluginError>([&] { plugin_.verify(); }), "wrong checksum"));
}

TEST_F(DatasetTest, ErrorsOfThreadsDoNotMix) {
  plugin_.open("/data/bird");
  on_read = [] {
    const auto id = std::hash<std::thread::id>()(std::this_thread::get_id());
    throw PluginError(CLB_E_IO, std::to_string(id));
  };
  const auto work = [&] {
    const std::string mine = std::to_string(std::hash<std::thread::id>()(std::this_thread::get_id()));
    const int64_t ids[] = {0};
    for (int i = 0; i < 1000; ++i) EXPECT_EQ(error_of<PluginError>([&] { plugin_.read(CLB_SPLIT_TRAIN, ids); }), mine);
  };
  std::thread other(work);
  work();
  other.join();
}

TEST_F(DatasetTest, WhatAPublicationPrescribesAndPeopleSayIsKnownOnceItIsOpen) {
  EXPECT_EQ(plugin_.describe().order_count, 0u);
  plugin_.open("/data/bird");
  const clb_dataset_info info = plugin_.describe();
  ASSERT_EQ(info.order_count, 1u);
  EXPECT_STREQ(info.orders[0].name, "published");
  EXPECT_EQ(info.orders[0].ids[0], 2);
  ASSERT_EQ(info.domain_order_count, 1u);
  EXPECT_EQ(info.domain_orders[0].ids[0], 1);
  EXPECT_STREQ(info.readable_names[0], "tabby cat");
  ASSERT_EQ(info.template_count, 1);
  EXPECT_STREQ(info.templates[0], "a photo of a {}.");
  EXPECT_STREQ(info.group_names[info.class_groups[2]], "others");
  ASSERT_EQ(info.note_count, 1);
  EXPECT_STREQ(info.notes[0], "layout of a test");
}

TEST_F(DatasetTest, AnOrderThatIsNoneIsRefused) {
  published_order = {0, 1, 1};
  EXPECT_TRUE(contains(error_of<PluginError>([&] { plugin_.open("/data/bird"); }), "does not name each of 3 once"));
}

TEST_F(DatasetTest, ParametersAreDescribedBeforeOpenAndSetByIt) {
  const clb_dataset_info info = plugin_.describe();
  ASSERT_EQ(info.param_count, 1u);
  EXPECT_STREQ(info.params[0].name, "split");
  EXPECT_STREQ(info.params[0].neutral.as.s, "first");
  plugin_.open("/data/bird", {{sizeof(clb_setting), 0, "split", {CLB_TYPE_CHOICE, 0, {.s = "second"}}}});
  EXPECT_STREQ(plugin_.describe().class_names[2], "second");
}

TEST_F(DatasetTest, AFailureWithoutAReasonSaysSo) {
  clb_dataset table = *clb_dataset_v0();
  table.open = [](const clb_dataset_session*, void**) -> clb_status { return CLB_E_STATE; };
  DatasetPlugin plugin(&table, &host_);
  EXPECT_TRUE(contains(error_of<PluginError>([&] { plugin.open("/x"); }), "open of the dataset failed (state) without a reason"));
}

TEST_F(DatasetTest, OlderTableIsCompletedAndAnEmptyOneRefused) {
  clb_dataset table = *clb_dataset_v0();
  table.struct_size = offsetof(clb_dataset, verify);
  on_verify = [] { throw PluginError(CLB_E_IO, "must not be called"); };
  DatasetPlugin plugin(&table, &host_);
  plugin.open("/data/bird");
  EXPECT_NO_THROW(plugin.verify());
  EXPECT_EQ(complete_table(&table).get_extension(nullptr, "x"), nullptr);
  table.struct_size = offsetof(clb_dataset, read);
  EXPECT_TRUE(contains(error_of<PluginError>([&] { DatasetPlugin(&table, &host_); }), "has no read"));
  EXPECT_THROW(DatasetPlugin(nullptr, &host_), PluginError);
}

TEST_F(DatasetTest, StructsOfAnOlderCallerAreFilledNoFurtherThanTheyReach) {
  clb_dataset_info info;
  std::memset(&info, 0x5a, sizeof(info));
  info.struct_size = offsetof(clb_dataset_info, licence);
  ASSERT_EQ(clb_dataset_v0()->describe(nullptr, &info), CLB_OK);
  EXPECT_EQ(info.struct_size, offsetof(clb_dataset_info, licence));
  EXPECT_EQ(info.domain_count, 2);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(info.licence), 0x5a5a5a5a5a5a5a5au);
}

TEST_F(DatasetTest, ReadRespectsTheStride) {
  struct Wide {
    clb_sample sample;
    uint64_t mine;
  } wide[2];
  for (Wide& w : wide) w = {{sizeof(clb_sample), 0, nullptr, 0, 0, 0, 0, nullptr}, 42};
  void* self = nullptr;
  const clb_setting setting{sizeof(clb_setting), 0, "split", {CLB_TYPE_CHOICE, 0, {.s = "first"}}};
  const clb_dataset_session session{sizeof session, 0, &host_, "/data/bird", &setting, 1, sizeof setting};
  ASSERT_EQ(clb_dataset_v0()->open(&session, &self), CLB_OK);
  const int64_t ids[] = {0, 1};
  void* token = nullptr;
  ASSERT_EQ(clb_dataset_v0()->read(self, CLB_SPLIT_TRAIN, ids, 2, &wide[0].sample, sizeof(Wide), &token), CLB_OK);
  EXPECT_EQ(token, nullptr) << "views need no release";
  EXPECT_EQ(wide[1].sample.bytes[0], 6);
  EXPECT_EQ(wide[0].mine, 42u);
  clb_dataset_v0()->close(self);
}

TEST_F(DatasetTest, MetaStatesWhatTheClassStates) {
  EXPECT_STREQ(clb_plugin_meta.id, "toy");
  EXPECT_STREQ(clb_plugin_meta.version, "0.1");
  EXPECT_STREQ(clb_plugin_meta.summary, "nobody");
  EXPECT_STREQ(clb_plugin_meta.libtorch, "");
  EXPECT_EQ(clb_plugin_meta.kind, CLB_KIND_DATASET);
  EXPECT_EQ(clb_plugin_meta.struct_size, sizeof(clb_plugin_meta_t));
}

}  // namespace
}  // namespace clb
