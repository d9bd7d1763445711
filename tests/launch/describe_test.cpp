#include <gtest/gtest.h>

#include <clb/base/error.hpp>
#include <clb/base/file.hpp>
#include <clb/launch/describe.hpp>
#include <cstdlib>

#include "errors.hpp"
#include "temp_folder.hpp"

namespace clb::launch {
namespace {

namespace fs = std::filesystem;
using clb::testing::contains;
using clb::testing::error_of;
using clb::testing::TempFolder;

class Describe : public ::testing::Test {
 protected:
  void SetUp() override {
    setenv("FAKE_RUNNER_LOG", (folder_.path() / "asked").c_str(), 1);
    fs::create_directories(folder_.path() / "data");
    std::ofstream(folder_.path() / "data/images") << "pixels";
  }
  void TearDown() override { unsetenv("FAKE_RUNNER_LOG"); }

  // A new describer every time: what is remembered must come from the files.
  Describer describer() const { return Describer({CLB_FAKE_RUNNER, ""}, folder_.path() / "cache"); }
  size_t asked() const {
    std::error_code error;
    const auto size = fs::file_size(folder_.path() / "asked", error);
    return error ? 0 : size / std::string("describe\n").size();
  }

  const fs::path method_ = fs::path(CLB_FAKE_PLUGINS) / "fake_method.so", dataset_ = fs::path(CLB_FAKE_PLUGINS) / "fake_dataset.so";
  TempFolder folder_;
};

TEST_F(Describe, AMethodIsLoadedOnce) {
  const base::MethodInfo info = describer().method(method_);
  EXPECT_EQ(info.id, "fake");
  EXPECT_EQ(info.params.size(), 3u);
  EXPECT_EQ(describer().method(method_).params.size(), 3u);
  EXPECT_EQ(asked(), 1u);
}

TEST_F(Describe, AnotherPluginUnderTheSameNameIsAskedAgain) {
  const fs::path file = folder_.path() / "plugin.so";
  fs::copy_file(method_, file);
  EXPECT_EQ(describer().method(file).version, "1.0.0");
  fs::remove(file);
  fs::copy_file(fs::path(CLB_FAKE_PLUGINS) / "fake_method_newer.so", file);
  EXPECT_EQ(describer().method(file).version, "2.0.0");
}

TEST_F(Describe, AnOpenedDatasetIsAskedAgainWhenAFileChanged) {
  const std::string root = (folder_.path() / "data").string();
  EXPECT_EQ(describer().opened_dataset(dataset_, root).root, root);
  describer().opened_dataset(dataset_, root);
  EXPECT_EQ(asked(), 1u);
  std::ofstream(root + "/images", std::ios::app) << " more";
  describer().opened_dataset(dataset_, root);
  EXPECT_EQ(asked(), 2u);
  EXPECT_TRUE(describer().dataset(dataset_).fingerprint.empty());  // another question
  EXPECT_EQ(asked(), 3u);
}

TEST_F(Describe, ADamagedEntryIsReplaced) {
  describer().method(method_);
  for (const auto& entry : fs::directory_iterator(folder_.path() / "cache/describe")) std::ofstream(entry.path()) << "{\"key\":";
  EXPECT_EQ(describer().method(method_).id, "fake");
  describer().method(method_);
  EXPECT_EQ(asked(), 2u);
}

TEST_F(Describe, WithoutCacheNothingIsRemembered) {
  Describer describer({CLB_FAKE_RUNNER, ""}, std::nullopt);
  describer.method(method_);
  describer.method(method_);
  EXPECT_EQ(asked(), 2u);
}

TEST_F(Describe, TheRunnersSentenceIsPassedOn) {
  const auto ask = [&] { describer().opened_dataset(dataset_, "/no/such/folder"); };
  EXPECT_EQ(error_of<base::Error>(ask), "/no/such/folder: the dataset's folder does not exist");
}

TEST_F(Describe, ACrashingPluginIsNamed) {
  const fs::path file = fs::path(CLB_FAKE_PLUGINS) / "fake_crashing.so";
  const std::string sentence = error_of<base::Error>([&] { describer().method(file); });
  EXPECT_EQ(sentence, file.string() + ": clb-runner crashed with SIGSEGV");
}

TEST_F(Describe, AMissingRunnerIsNamed) {
  Describer describer({folder_.path() / "clb-runner", ""}, std::nullopt);
  EXPECT_TRUE(contains(error_of<base::Error>([&] { describer.method(method_); }), "clb-runner is missing"));
}

TEST(TreeDigest, SeesEveryChange) {
  TempFolder folder;
  EXPECT_EQ(tree_digest(folder.path() / "none"), "");
  std::vector<std::string> digests{tree_digest(folder.path())};
  fs::create_directories(folder.path() / "a/b");
  digests.push_back(tree_digest(folder.path()));
  std::ofstream(folder.path() / "a/b/file") << "1";
  digests.push_back(tree_digest(folder.path()));
  fs::rename(folder.path() / "a/b/file", folder.path() / "a/b/other");
  digests.push_back(tree_digest(folder.path()));
  EXPECT_EQ(tree_digest(folder.path()), digests.back());
  for (size_t i = 1; i < digests.size(); ++i) EXPECT_NE(digests[i], digests[i - 1]) << i;
}

TEST(TreeDigest, FollowsLinksAndEndsInALoop) {
  TempFolder folder, elsewhere;
  std::ofstream(elsewhere.path() / "file") << "1";
  fs::create_directory_symlink(elsewhere.path(), folder.path() / "link");
  fs::create_directory_symlink(folder.path(), elsewhere.path() / "back");
  fs::create_symlink("self", folder.path() / "self");
  const std::string before = tree_digest(folder.path());
  EXPECT_EQ(tree_digest(folder.path()), before);
  std::ofstream(elsewhere.path() / "file") << "12";
  EXPECT_NE(tree_digest(folder.path()), before);
}

}  // namespace
}  // namespace clb::launch
