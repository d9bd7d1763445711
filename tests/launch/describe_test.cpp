#include <gtest/gtest.h>

#include <algorithm>
#include <clb/base/error.hpp>
#include <clb/base/file.hpp>
#include <clb/launch/describe.hpp>
#include <clb/launch/schedule.hpp>
#include <cstdlib>
#include <fstream>
#include <iterator>

#include "errors.hpp"
#include "replace_file.hpp"
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
    std::ifstream log(folder_.path() / "asked");
    return static_cast<size_t>(std::count(std::istreambuf_iterator<char>(log), {}, '\n'));
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

TEST_F(Describe, WhoDescribesAPluginSaysWhichLibTorchItHasLoaded) {
  Describer one = describer();
  one.method(method_);
  EXPECT_EQ(one.libtorch(), "0.0.1");
  EXPECT_EQ(asked(), 1u) << "no other process was started for it";
  EXPECT_EQ(Describer({CLB_FAKE_RUNNER, ""}, std::nullopt).libtorch(), "0.0.0") << "asked for, where nothing was described";
  EXPECT_EQ(asked(), 2u);
}

TEST_F(Describe, WhatLoadsForTheRunsForksTheProcessesThatDescribe) {
  Describer one = describer();
  std::shared_ptr<ForkServers> servers;
  one.when_asking([&] { return servers = load_ahead({CLB_FAKE_RUNNER, ""}); });
  EXPECT_EQ(one.method(method_).params.size(), 3u);
  EXPECT_EQ(one.opened_dataset(dataset_, (folder_.path() / "data").string()).root, (folder_.path() / "data").string());
  EXPECT_EQ(one.libtorch(), "0.0.1");
  EXPECT_EQ(base::read_file(folder_.path() / "asked"), "serve\ndescribe, forked\ndescribe, forked\n");
}

TEST_F(Describe, WhereNothingForksEachProcessIsStarted) {
  setenv("FAKE_RUNNER_SERVES_NOT", "1", 1);
  Describer one = describer();
  one.when_asking([] { return load_ahead({CLB_FAKE_RUNNER, ""}); });
  EXPECT_EQ(one.method(method_).params.size(), 3u);
  unsetenv("FAKE_RUNNER_SERVES_NOT");
  EXPECT_EQ(base::read_file(folder_.path() / "asked"), "describe\n");
}

TEST_F(Describe, AnotherPluginUnderTheSameNameIsAskedAgain) {
  const fs::path file = folder_.path() / "plugin.so";
  fs::copy_file(method_, file);
  EXPECT_EQ(describer().method(file).version, "1.0.0");
  fs::remove(file);
  fs::copy_file(fs::path(CLB_FAKE_PLUGINS) / "fake_method_newer.so", file);
  EXPECT_EQ(describer().method(file).version, "2.0.0");
}

TEST_F(Describe, AnOpenedDatasetIsAskedOnce) {
  const std::string rested = std::string(CLB_SOURCE_DIR) + "/share/recipes";
  EXPECT_EQ(describer().opened_dataset(dataset_, rested).root, rested);
  describer().opened_dataset(dataset_, rested);
  EXPECT_EQ(asked(), 1u);
  EXPECT_TRUE(describer().dataset(dataset_).fingerprint.empty());  // another question
  EXPECT_EQ(asked(), 2u);
}

TEST_F(Describe, FilesThatWereJustWrittenAreNotBelievedToRest) {
  const std::string root = (folder_.path() / "data").string();
  for (size_t times = 1; times < 3; ++times) {
    describer().opened_dataset(dataset_, root);
    EXPECT_EQ(asked(), times);
  }
}

// The entry of files that rested, which others replace.
TEST_F(Describe, AReplacedDatasetIsAskedAgain) {
  const fs::path root = folder_.path() / "data";
  describer().opened_dataset(dataset_, root);
  const fs::path entry = [&] {
    for (const auto& one : fs::directory_iterator(folder_.path() / "cache/describe"))
      if (one.path().extension() == ".json") return one.path();  // beside its lock
    return fs::path();
  }();
  base::Json kept = base::parse_json(base::read_file(entry), "entry");
  const auto settle = [&](const char* member) {
    base::Json json = kept;
    json["settled"] = true;
    if (*member) json[member] = "another";
    base::write_file_atomic(entry, base::canonical(json));
  };
  settle("");
  describer().opened_dataset(dataset_, root);
  EXPECT_EQ(asked(), 1u);
  testing::overwrite_keeping_times(root / "images", "pIxels");
  describer().opened_dataset(dataset_, root);
  EXPECT_EQ(asked(), 2u) << "same size and times";
  settle("state");
  describer().opened_dataset(dataset_, root);
  EXPECT_EQ(asked(), 3u);
}

TEST_F(Describe, APluginIsHashedOnceByOneDescriber) {
  const fs::path file = folder_.path() / "plugin.so";
  fs::copy_file(method_, file);
  Describer one = describer();
  const std::string planned = one.sha256(file);
  fs::remove(file);
  fs::copy_file(fs::path(CLB_FAKE_PLUGINS) / "fake_method_newer.so", file);
  EXPECT_EQ(one.sha256(file), planned) << "what the plan was made with";
  EXPECT_NE(describer().sha256(file), planned);
  EXPECT_TRUE(contains(error_of<base::Error>([&] { one.method(file); }), "was replaced while it was described"));
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

}  // namespace
}  // namespace clb::launch
