#include "image_folder.cpp"

#include <gtest/gtest.h>

#include <clb/sdk/call_dataset.hpp>

#include "errors.hpp"
#include "temp_folder.hpp"

namespace {

namespace fs = std::filesystem;
using clb::testing::contains;
using clb::testing::error_of;
using clb::testing::TempFolder;

const std::string kJpegBytes = "\xff\xd8\xff\xe0 a JPEG", kPngBytes = "\x89PNG\r\n\x1a\n a PNG";

class ImageFolderTest : public ::testing::Test {
 protected:
  // Every file name below `root`, with its parents.
  void put(const std::string& file, const std::string& bytes = kJpegBytes) const {
    fs::create_directories((folder_.path() / file).parent_path());
    folder_.write(file, bytes);
  }
  void put_plain() const {
    for (const std::string split : {"train", "test"}) {
      for (const std::string name : {"dog", "Zebra", "cat"}) {
        put(split + "/" + name + "/b.jpg");
        put(split + "/" + name + "/a.png", kPngBytes);
      }
    }
  }
  void put_domains() const {
    for (const std::string domain : {"sketch", "art"}) {
      for (const std::string split : {"train", "test"}) {
        for (const std::string name : {"cat", "dog"}) put(domain + "/" + split + "/" + name + "/" + domain + ".jpeg");
      }
    }
  }
  void erase(const std::string& path) const { fs::remove_all(folder_.path() / path); }
  void link(const std::string& to, const std::string& name) const {
    fs::create_directories((folder_.path() / name).parent_path());
    fs::create_symlink(to, folder_.path() / name);
  }

  // What a failed open says, without the folder's name.
  std::string opened() const {
    clb::DatasetPlugin plugin(clb_dataset_v0(), &host_);
    try {
      plugin.open(folder_.path().string());
    } catch (const clb::PluginError& error) {
      EXPECT_EQ(error.status(), CLB_E_IO) << error.what();
      return shortened(error.what());
    }
    return "";
  }
  std::string shortened(std::string text) const {
    for (size_t at; (at = text.find(folder_.path().string() + "/")) != std::string::npos;)
      text.erase(at, folder_.path().string().size() + 1);
    return text;
  }

  TempFolder folder_;
  clb_host host_ = clb::ErrorSink::minimal_host();
  clb::DatasetPlugin plugin_{clb_dataset_v0(), &host_};
};

std::vector<std::string> names(const char* const* list, int64_t count) { return {list, list + count}; }
std::vector<int64_t> list(const int64_t* values, int64_t count) { return {values, values + count}; }

TEST_F(ImageFolderTest, ClassesAndFilesAreSortedByTheirBytes) {
  put_plain();
  EXPECT_EQ(plugin_.describe().class_count, 0) << "only the files know";
  plugin_.open(folder_.path().string());
  const clb_dataset_info info = plugin_.describe();
  EXPECT_EQ(names(info.class_names, info.class_count), (std::vector<std::string>{"Zebra", "cat", "dog"}));
  EXPECT_EQ(info.domain_count, 1);
  EXPECT_EQ(info.domain_names, nullptr);
  EXPECT_EQ(info.height, 0);
  const clb_index index = plugin_.index(CLB_SPLIT_TRAIN);
  EXPECT_EQ(list(index.labels, index.count), (std::vector<int64_t>{0, 0, 1, 1, 2, 2}));

  const int64_t ids[] = {0, 3};
  const auto samples = plugin_.read(CLB_SPLIT_TEST, ids);
  EXPECT_EQ(samples[0].format, CLB_FORMAT_ENCODED);
  EXPECT_EQ(std::string(samples[0].bytes, samples[0].bytes + samples[0].size), kPngBytes) << "a.png comes before b.jpg";
  EXPECT_EQ(std::string(samples[1].bytes, samples[1].bytes + samples[1].size), kJpegBytes);
  EXPECT_EQ(shortened(samples[1].name), "test/cat/b.jpg");
}

TEST_F(ImageFolderTest, DomainsAreSortedToo) {
  put_domains();
  plugin_.open(folder_.path().string());
  const clb_dataset_info info = plugin_.describe();
  EXPECT_EQ(names(info.domain_names, info.domain_count), (std::vector<std::string>{"art", "sketch"}));
  EXPECT_EQ(names(info.class_names, info.class_count), (std::vector<std::string>{"cat", "dog"}));
  const clb_index index = plugin_.index(CLB_SPLIT_TEST);
  EXPECT_EQ(list(index.labels, index.count), (std::vector<int64_t>{0, 1, 0, 1}));
  EXPECT_EQ(list(index.domains, index.count), (std::vector<int64_t>{0, 0, 1, 1}));
  const int64_t ids[] = {2};
  EXPECT_EQ(shortened(plugin_.read(CLB_SPLIT_TEST, ids)[0].name), "sketch/test/cat/sketch.jpeg");
}

TEST_F(ImageFolderTest, ExtensionsInAnyCaseCountAndHiddenFilesDoNot) {
  put_plain();
  put("train/cat/c.JPeG");
  put("train/cat/d.PNG", kPngBytes);
  for (const std::string hidden : {".DS_Store", "train/.git/x", "train/cat/.hidden.jpg", "test/.ipynb"}) put(hidden, "");
  put("README.txt", "files beside the splits are passed over");
  for (const std::string left : {"train/cat/Thumbs.db", "train/cat/._a.png", "train/cat/notes.txt", "train/.ipynb_checkpoints/a.jpg"})
    put(left);
  ASSERT_EQ(opened(), "");
  plugin_.open(folder_.path().string());
  EXPECT_EQ(plugin_.index(CLB_SPLIT_TRAIN).count, 8);
  const clb_dataset_info info = plugin_.describe();
  EXPECT_EQ(names(info.notes, info.note_count),
            std::vector<std::string>{"passed over: ._* (1), .ipynb_checkpoints (1), Thumbs.db (1), hidden (3), text files (1)"});
}

TEST_F(ImageFolderTest, AClassMayBeCalledTrain) {
  put_plain();
  for (const std::string split : {"train", "test"}) {
    put(split + "/train/a.jpg");
    put(split + "/test/a.jpg");
  }
  EXPECT_EQ(opened(), "");
}

TEST_F(ImageFolderTest, EveryMistakeIsOneSentenceWithItsPath) {
  const auto says = [&](const std::string& expected) {
    EXPECT_TRUE(contains(opened(), expected)) << opened();
    erase("");
    fs::create_directories(folder_.path());
    put_plain();
  };
  EXPECT_TRUE(contains(opened(), "holds no folders; expected is {train,test}/CLASS/FILE or DOMAIN/{train,test}/CLASS/FILE")) << opened();
  put("notes.txt", "no folders at all");
  says("holds no folders; expected is {train,test}/CLASS/FILE or DOMAIN/{train,test}/CLASS/FILE");
  erase("test");
  says("test: is missing; train and test are both needed");
  erase("train/cat/a.png");
  erase("train/cat/b.jpg");
  says("train/cat: holds no images");
  put("train/cat/picture.tif");
  says("train/cat/picture.tif: ends neither in .jpg");
  put("train/cat/more/a.jpg");
  says("train/cat/more: is a folder among the images");
  put("train/stray.jpg");
  says("train/stray.jpg: is no folder of a class");
  erase("test/dog");
  says("test: the class \"dog\" of train is missing");
  put("test/eel/a.jpg");
  says("test/eel: is a class that train does not have");
  put("art/train/cat/a.jpg");
  says("art: has train or test like a domain, but so has the folder above it");
  for (const std::string split : {"train", "test"}) {
    erase(split);
    fs::create_directories(folder_.path() / split);
  }
  says("train: holds no folders of classes");
  EXPECT_TRUE(contains(error_of<clb::PluginError>([&] { plugin_.open(folder_.path() / "none"); }), "none: is not there"));
}

TEST_F(ImageFolderTest, EveryDomainNeedsTheSameClassesAndBothSplits) {
  put_domains();
  erase("sketch/test/dog");
  EXPECT_TRUE(contains(opened(), "sketch/test: the class \"dog\" of art/train is missing")) << opened();
  put_domains();
  put("sketch/train/eel/a.jpg");
  EXPECT_TRUE(contains(opened(), "sketch/train/eel: is a class that art/train does not have")) << opened();
  erase("sketch/train/eel");
  erase("sketch/test");
  EXPECT_TRUE(contains(opened(), "sketch/test: is missing")) << opened();
  erase("sketch");
  fs::create_directories(folder_.path() / "sketch");
  EXPECT_TRUE(contains(opened(), "sketch/train: is missing")) << opened();
}

TEST_F(ImageFolderTest, WhatIsNoImageIsNamedWhenItIsRead) {
  put_plain();
  put("train/cat/b.jpg", "GIF89a");
  put("train/cat/a.png", "");
  plugin_.open(folder_.path().string());
  const auto said = [&](int64_t id) {
    return shortened(error_of<clb::PluginError>([&] { plugin_.read(CLB_SPLIT_TRAIN, std::span(&id, 1)); }));
  };
  EXPECT_EQ(said(2), "train/cat/a.png: is empty");
  EXPECT_EQ(said(3), "train/cat/b.jpg: is a GIF image; it begins neither like a JPEG nor like a PNG file");
  erase("train/dog/a.png");
  EXPECT_TRUE(contains(said(4), "train/dog/a.png: cannot be opened"));
}

TEST_F(ImageFolderTest, LinksAreFollowedAndLoopsEndInASentence) {
  put_domains();
  fs::rename(folder_.path() / "art", folder_.path() / ".elsewhere");
  link(".elsewhere", "art");
  link("sketch.jpeg", "sketch/train/cat/linked.jpg");
  EXPECT_EQ(opened(), "");
  link("nowhere.jpg", "sketch/train/cat/broken.jpg");
  EXPECT_TRUE(contains(opened(), "sketch/train/cat/broken.jpg: is no file that can be read")) << opened();
  erase("sketch/train/cat/broken.jpg");
  link("self.jpg", "sketch/train/cat/self.jpg");
  EXPECT_TRUE(contains(opened(), "sketch/train/cat/self.jpg: is no file that can be read")) << opened();
  erase("sketch/train/cat/self.jpg");
  link("..", "sketch/train/cat/up");
  EXPECT_TRUE(contains(opened(), "sketch/train/cat/up: is a folder among the images")) << opened();
  erase("sketch/train/cat/up");
  link("..", "sketch/train/again");
  EXPECT_FALSE(opened().empty());
}

}  // namespace
