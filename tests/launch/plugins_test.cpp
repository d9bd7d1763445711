#include <gtest/gtest.h>

#include <clb/base/error.hpp>
#include <clb/launch/plugins.hpp>

#include "errors.hpp"
#include "temp_folder.hpp"

namespace clb::launch {
namespace {

namespace fs = std::filesystem;
using clb::testing::contains;
using clb::testing::error_of;
using clb::testing::TempFolder;

const fs::path kFakes = CLB_FAKE_PLUGINS;

TEST(Plugins, OfTwoWithOneIdTheFirstIsUsedAndBothAreListed) {
  TempFolder first, second;
  fs::copy_file(kFakes / "fake_method_newer.so", first.path() / "fake.so");
  fs::copy_file(kFakes / "fake_method.so", second.path() / "another_name.so");
  fs::copy_file(kFakes / "fake_dataset.so", second.path() / "digits.so");
  const auto plugins = find_plugins({first.path(), first.path() / "missing", second.path(), second.path() / "."});
  ASSERT_EQ(plugins.size(), 3u);
  EXPECT_EQ(plugin(plugins, "method", "fake").meta.version, "2.0.0");
  EXPECT_EQ(plugins[1].shadowed_by, first.path() / "fake.so");
  EXPECT_FALSE(plugins[1].usable());
  EXPECT_EQ(plugin(plugins, "dataset", "digits").meta.kind, "dataset");
}

TEST(Plugins, ABrokenFileIsListedWithItsSentence) {
  TempFolder folder;
  std::ofstream(folder.path() / "broken.so") << "no library";
  std::ofstream(folder.path() / "notes.txt") << "nothing";
  const auto plugins = find_plugins({folder.path()});
  ASSERT_EQ(plugins.size(), 1u);
  EXPECT_TRUE(contains(plugins[0].error, "broken.so")) << plugins[0].error;
  EXPECT_EQ(error_of<base::Error>([&] { plugin(plugins, "method", "broken"); }), plugins[0].error);
}

TEST(Plugins, AnUnknownIdGetsASuggestion) {
  const auto plugins = find_plugins({kFakes});
  EXPECT_EQ(error_of<base::Error>([&] { plugin(plugins, "method", "fkae"); }), "there is no method 'fkae'; did you mean 'fake'?");
  EXPECT_TRUE(contains(error_of<base::Error>([&] { plugin(plugins, "dataset", "imagenet"); }), "clbench list datasets"));
}

}  // namespace
}  // namespace clb::launch
