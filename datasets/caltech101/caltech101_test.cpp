#include "caltech101.cpp"

#include <gtest/gtest.h>

#include "made_tree.hpp"

namespace {

using namespace clb::testing;

const std::vector<std::string> kTwo{"Faces", "accordion"};

TEST(Caltech101, EveryFormOfIt) {
  const std::string whole = "{Faces|accordion}/image_000{1..5}.jpg";
  expect_read({"folders", {"{train|test}/" + whole}, {}, "{train,test}/CLASS/FILE", kTwo, 10, 10});
  const std::vector<std::string> archive{"101_ObjectCategories/" + whole, "101_ObjectCategories/BACKGROUND_Google/image_0001.jpg"};
  expect_read({"fifth", archive, {}, "101_ObjectCategories/CLASS/FILE, the publisher's archive", kTwo, 8, 2});
  expect_read(
      {"fifth", {"caltech-101/" + archive[0], "caltech-101/" + archive[1]}, {}, "caltech-101/101_ObjectCategories/CLASS/FILE", kTwo, 8, 2});
}

TEST(Caltech101, TheBackgroundIsPassedOverAndTold) {
  const MadeTree tree;
  tree.put("101_ObjectCategories/{Faces|BACKGROUND_Google}/image_000{1..5}.jpg");
  const std::vector<std::string> notes = OpenedTree(tree, "fifth").notes();
  ASSERT_EQ(notes.size(), 4u);
  EXPECT_EQ(notes[2], "passed over: the folder BACKGROUND_Google (1)");
  EXPECT_EQ(notes[3], "1 class is there, 101 are published");
}

TEST(Caltech101, RealImages) {
  const clb::Path tar = clb::Path(CLB_SOURCE_DIR) / "../shared/data/caltech101_subset.tar";
  if (!std::filesystem::exists(tar)) GTEST_SKIP() << "SKIPPED: ../shared/data/caltech101_subset.tar is absent";
  const TempFolder folder;
  const std::string unpack = "tar -xf '" + tar.string() + "' -C '" + folder.path().string() + "'";
  ASSERT_EQ(std::system(unpack.c_str()), 0);
  const OpenedTree opened(folder.path() / "caltech101_subset");
  EXPECT_EQ(opened.classes().size(), 101u);
  EXPECT_EQ(opened.notes(), (std::vector<std::string>{"split folders", "layout {train,test}/CLASS/FILE, cut by its folders"}));
  EXPECT_EQ(opened.count(CLB_SPLIT_TRAIN), 808);
  EXPECT_EQ(opened.count(CLB_SPLIT_TEST), 404);
}

}  // namespace
