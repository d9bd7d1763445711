// A flat folder of classes was taken for domains; validation folders, clutter and foreign images were told late or in the wrong words.
#include <gtest/gtest.h>

#include <clb/base/same_look.hpp>

#include "e2e/cli.hpp"
#include "errors.hpp"

namespace clb::testing {
namespace {

class Folders : public ::testing::Test {
 protected:
  void put(const std::string& file, const std::string& bytes = "\xff\xd8\xff image") const {
    fs::create_directories((root() / file).parent_path());
    folder_.write("root/" + file, bytes);
  }
  void put_splits(const std::string& test = "test") const {
    for (const std::string& split : {std::string("train"), test})
      for (const std::string name : {"cat", "dog"}) put(split + "/" + name + "/a.jpg");
  }
  fs::path root() const { return folder_.path() / "root"; }

  Ended describe(const std::string& cache = "off") const {
    const fs::path tree = CLB_BINARY_DIR;
    return run_program(folder_.path(), {tree / "bin/clb-runner", "describe", tree / "lib/clbench/datasets/image_folder.so", "--root",
                                        root(), "--cache", cache});
  }
  // What the data set says of the folder, without its name; it must be the user's mistake.
  std::string said(const std::string& cache = "off") const {
    Ended ended = describe(cache);
    EXPECT_EQ(ended.code, 2) << ended.out << ended.err;
    for (size_t at; (at = ended.err.find(root().string())) != std::string::npos;) ended.err.erase(at, root().string().size());
    return ended.err;
  }

  TempFolder folder_;
};

TEST_F(Folders, AFlatFolderOfClassesIsCalledOne) {
  put("a/0.png");
  put("b/0.png");
  EXPECT_TRUE(contains(said(), "holds images in folders of classes (\"a\", \"b\") without train and test above them")) << said();
}

TEST_F(Folders, OtherNamesOfSplitsAreRecognised) {
  put_splits("val");
  EXPECT_TRUE(contains(said(), "/test: is missing; train and test are both needed; if val is what it should be")) << said();
}

TEST_F(Folders, OneFolderTooDeepIsSaid) {
  put("set/photo/train/cat/a.jpg");
  put("set/photo/test/cat/a.jpg");
  EXPECT_TRUE(contains(said(), "one folder too deep; give /set as root")) << said();
}

TEST_F(Folders, DifferencesOfClassesAreNamedTogether) {
  put_splits();
  for (const std::string name : {"eel", "fox", "gnu", "hen", "ibis", "jay"}) put("train/" + name + "/a.jpg");
  EXPECT_TRUE(contains(said(), "the classes \"eel\", \"fox\", \"gnu\", \"hen\", \"ibis\" and 1 more of /train are missing")) << said();
}

TEST_F(Folders, UnicodeFormsAreToldApart) {
  put("train/caf\xc3\xa9/a.jpg");
  put("test/cafe\xcc\x81/a.jpg");
  EXPECT_TRUE(contains(said(), "is written in another Unicode form")) << said();
  EXPECT_TRUE(base::same_look("\xed\x95\x9c", "\xe1\x84\x92\xe1\x85\xa1\xe1\x86\xab"));  // Hangul
  EXPECT_FALSE(base::same_look("cafe", "caf\xc3\xa9"));
  EXPECT_FALSE(base::same_look("a", "b"));
}

TEST_F(Folders, ForeignImagesAreCounted) {
  put_splits();
  for (const std::string name : {"b.webp", "c.webp", "d.GIF"}) put("train/cat/" + name);
  EXPECT_TRUE(contains(said(), "/train/cat/b.webp: ends neither in .jpg, .jpeg nor .png, as do 2 more (.gif: 1, .webp: 2)")) << said();
}

TEST_F(Folders, ClutterOfFileManagersIsPassedOver) {
  put_splits();
  put("train/cat/Thumbs.db");
  put("train/desktop.ini");
  put("test/dog/.DS_Store");
  EXPECT_EQ(describe().code, 0) << describe().err;
}

TEST_F(Folders, AllBadImagesAreNamed) {
  put_splits();
  for (const std::string name : {"train/cat/b.jpg", "train/dog/c.jpg"}) put(name, "version https://git-lfs.github.com/spec/v1\n");
  put("test/dog/d.jpg", "GIF89a");
  put("test/cat/e.png", "");
  const std::string all = said();
  for (const char* part :
       {"4 samples", "train/cat/b.jpg: is a Git-LFS pointer", "train/dog/c.jpg", "test/dog/d.jpg: is a GIF image", "e.png: is empty"})
    EXPECT_TRUE(contains(all, part)) << all;
}

TEST_F(Folders, AllImagesThatCannotBeDecodedAreNamed) {
  put_splits();
  const std::string all = said((folder_.path() / "cache").string());
  for (const char* part : {"4 samples", "/train/cat/a.jpg: the JPEG cannot be decoded", "/test/dog/a.jpg"})
    EXPECT_TRUE(contains(all, part)) << all;
}

}  // namespace
}  // namespace clb::testing
