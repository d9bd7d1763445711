// The folder of a sweep: what is written is read, moved or not, and what was edited wrongly is one sentence.
#include <gtest/gtest.h>

#include <clb/base/error.hpp>
#include <clb/base/file.hpp>
#include <clb/base/paths.hpp>
#include <clb/sweep/folder.hpp>
#include <clb/sweep/forgiven.hpp>
#include <clb/sweep/slot_lock.hpp>
#include <clb/sweep/submitted.hpp>
#include <cstdlib>

#include "errors.hpp"
#include "temp_folder.hpp"

namespace clb::sweep {
namespace {

using testing::contains;
using testing::error_of;

class FolderTest : public ::testing::Test {
 protected:
  FolderTest() {
    fs::create_directories(data_);
    testing::write_file(weights_, "weights");
    for (int64_t seed = 0; seed < 5; ++seed) {
      base::RunSpec run;
      run.experiment = "small";
      run.method = {"simplecil", "/opt/simplecil.so", "", base::Json{{"scale", 1.0}}, 0, {}};
      run.dataset = {"cifar100", "/opt/cifar100.so", data_.string(), std::string(64, 'a'), "images", 6, 0, 0, 0, base::Json::object(), {}};
      run.weights = {{.role = "main", .file = weights_.string(), .sha256 = std::string(64, 'b'), .random = {}}};
      run.weights.push_back({.role = "own", .file = base::executable().string(), .sha256 = std::string(64, 'c'), .random = {}});
      run.protocol.split = "B0-Inc2";
      run.protocol.order = "identity";
      run.protocol.class_order = {0, 1, 2, 3, 4, 5};
      run.protocol.task_sizes = {2, 2, 2};
      run.seed = seed;
      run.threads = 1;
      specs_.push_back(run);
      manifest_.runs.push_back({run.key(), "simplecil seed " + std::to_string(seed), seed % 2 + 1, 60, "measured"});
    }
    manifest_.name = "small";
    manifest_.slots = 2;
    manifest_.job = {.time_s = 3600, .cpus = 2, .gpus = 0, .at_once = 2, .partition = "", .sbatch = {"--mem=1G"}};
    manifest_.plugin_folders = {(folder_.path() / "my plugins").string()};
    manifest_.features = {0};
  }

  void create() { Folder::create(sweep_, manifest_, specs_); }
  void replace(const char* file, const std::string& from, const std::string& to) {
    std::string text = base::read_file(sweep_ / file);
    text.replace(text.find(from), from.size(), to);
    testing::write_file(sweep_ / file, text);
  }

  testing::TempFolder folder_;
  const fs::path sweep_ = folder_.path() / "sweep", data_ = folder_.path() / "data", weights_ = folder_.path() / "w.safetensors";
  std::vector<base::RunSpec> specs_;
  Manifest manifest_;
};

TEST_F(FolderTest, HoldsWhatWasPlannedAlsoAfterAMove) {
  create();
  const fs::path moved = folder_.path() / "elsewhere";
  fs::rename(sweep_, moved);
  const Folder folder(moved);
  EXPECT_EQ(folder.manifest().name, "small");
  EXPECT_EQ(folder.manifest().job.sbatch, manifest_.job.sbatch);
  EXPECT_DOUBLE_EQ(folder.manifest().runs[4].seconds, 60);
  EXPECT_EQ(folder.runs_of(2), (std::vector<size_t>{1, 3}));
  EXPECT_EQ(folder.plugin_folders(), manifest_.plugin_folders);
  const auto runs = folder.specs(1);
  ASSERT_EQ(runs.size(), 3u);
  EXPECT_EQ(runs[2].key(), specs_[4].key());
  EXPECT_EQ(runs[2].dataset.root, data_.string());
  EXPECT_EQ(runs[2].weights[1].file, base::executable().string()) << "of the installation that reads it";
  EXPECT_TRUE(runs[2].method.file.empty()) << "plugins are found by their ids";
  for (const auto& entry : fs::recursive_directory_iterator(moved))
    if (entry.is_regular_file()) {
      EXPECT_FALSE(contains(base::read_file(entry.path()), sweep_.string())) << entry.path();
      EXPECT_FALSE(contains(base::read_file(entry.path()), base::prefix().string() + "/")) << entry.path();
    }
}

TEST_F(FolderTest, DataThatLieElsewhereAreSaidInOneFile) {
  create();
  fs::rename(data_, folder_.path() / "elsewhere");
  const std::string error = error_of<base::Error>([&] { Folder(sweep_).specs(1); });
  EXPECT_TRUE(contains(error, "there is no " + data_.string())) << error;
  EXPECT_TRUE(contains(error, "places.json where it is")) << error;
  replace("places.json", ": \"" + data_.string(), ": \"" + (folder_.path() / "elsewhere").string());
  EXPECT_EQ(Folder(sweep_).specs(1)[0].dataset.root, (folder_.path() / "elsewhere").string());
  EXPECT_EQ(Folder(sweep_).specs(1)[0].key(), specs_[0].key());
}

TEST_F(FolderTest, IsNeverMadeOverSomethingElse) {
  create();
  EXPECT_TRUE(contains(error_of<base::Error>([&] { create(); }), "is there already and holds a sweep"));
  testing::write_file(folder_.path() / "mine/letter", "x");
  EXPECT_TRUE(contains(error_of<base::Error>([&] { Folder::create(folder_.path() / "mine", manifest_, specs_); }), "is there already"));
  EXPECT_TRUE(contains(error_of<base::Error>([&] { Folder::create(folder_.path() / "a/b", manifest_, specs_); }), "there is no folder"));
  for (const auto& entry : fs::directory_iterator(folder_.path())) EXPECT_FALSE(contains(entry.path().string(), ".tmp"));
}

TEST_F(FolderTest, WhatWasEditedWronglyIsOneSentence) {
  EXPECT_TRUE(contains(error_of<base::Error>([&] { Folder{folder_.path()}; }), "is no sweep"));
  create();
  EXPECT_TRUE(contains(error_of<base::Error>([&] { Folder(sweep_).specs(3); }), "slots are numbered from 1 to 2"));
  replace("slots/1/runs.json", "\"seed\":0", "\"seed\":9");
  EXPECT_TRUE(contains(error_of<base::Error>([&] { Folder(sweep_).specs(1); }), "has another key"));
  replace("sweep.json", "\"slot\": 2", "\"slot\": 7");
  EXPECT_TRUE(contains(error_of<base::Error>([&] { Folder{sweep_}; }), "is in slot 7 of 2"));
  testing::write_file(sweep_ / "sweep.json", "[1]");
  EXPECT_TRUE(contains(error_of<base::Error>([&] { Folder{sweep_}; }), "is not as `clbench sweep plan` wrote it"));
  testing::write_file(sweep_ / "sweep.json", "{\"version\": 2}");
  EXPECT_TRUE(contains(error_of<base::Error>([&] { Folder{sweep_}; }), "newer clbench"));
  testing::write_file(sweep_ / "sweep.json", "{");
  EXPECT_TRUE(contains(error_of<base::Error>([&] { Folder{sweep_}; }), "plan the sweep again into another folder"));
}

TEST_F(FolderTest, PlacesThatAreNoListAreOneSentence) {
  create();
  for (const char* text : {"[]", "{", "{\"a\": 3}"}) {
    testing::write_file(sweep_ / "places.json", text);
    const std::string error = error_of<base::Error>([&] { Folder(sweep_).specs(1); });
    EXPECT_TRUE(contains(error, "places.json") && (contains(error, "it has the form") || contains(error, "correct that line"))) << error;
  }
}

TEST_F(FolderTest, JobsAndForgivenAttemptsAreKept) {
  create();
  const Folder folder(sweep_);
  EXPECT_TRUE(submitted(folder).empty());
  note_submitted(folder, {.what = "array", .job = "12", .slots = "1-2"});
  note_submitted(folder, {.what = "merge", .job = "13", .slots = ""});
  EXPECT_EQ(job_ids(submitted(folder)), (std::set<std::string>{"12", "13"}));
  EXPECT_EQ(submitted(folder)[0].slots, "1-2");
  note_cancelled(folder, {"13"});
  EXPECT_FALSE(is_cancelled(folder, "12"));
  EXPECT_TRUE(is_cancelled(folder, "13"));
  forgive(folder, {"a"});
  forgive(folder, {"b"});
  EXPECT_EQ(forgiven(folder), (std::set<std::string>{"a", "b"}));
  testing::write_file(sweep_ / "forgiven.json", "{");
  EXPECT_TRUE(contains(error_of<base::Error>([&] { forgiven(folder); }), "remove it, and failed runs count as failed again"));
  testing::write_file(sweep_ / "submitted.json", "[{}]");
  EXPECT_TRUE(contains(error_of<base::Error>([&] { submitted(folder); }), "submitted.json: is damaged"));
}

TEST_F(FolderTest, ASlotIsWorkedOnByOneProcess) {
  create();
  const Folder folder(sweep_);
  EXPECT_FALSE(is_worked_on(folder, 1));
  {
    const base::FileLock lock = lock_slot(folder, 1);
    EXPECT_TRUE(is_worked_on(folder, 1));
    EXPECT_TRUE(contains(error_of<base::Error>([&] { lock_slot(folder, 1); }), "slot 1 of " + sweep_.string()));
    EXPECT_NO_THROW(lock_slot(folder, 2));
  }
  EXPECT_NO_THROW(lock_slot(folder, 1));
}

}  // namespace
}  // namespace clb::sweep
