// The reader of image trees and of lists, by what it refuses; its layouts are tested with the data sets that have them.
#include <gtest/gtest.h>

#include <clb/sdk/named_tree.hpp>

#include "errors.hpp"
#include "pack.hpp"
#include "temp_folder.hpp"

namespace {

using namespace clb;
using clb::testing::contains;
using clb::testing::error_of;
using clb::testing::TempFolder;

class ListTest : public ::testing::Test {
 protected:
  std::vector<ListedFile> read(std::string_view bytes, ListColumns columns = ListColumns::kPath) const {
    return read_list(folder_.write("list.txt", bytes), Split::kTrain, columns);
  }
  std::string refusal(std::string_view bytes, ListColumns columns = ListColumns::kPath) const {
    return error_of<PluginError>([&] { read(bytes, columns); });
  }
  TempFolder folder_;
};

TEST_F(ListTest, PathsThatLeaveTheirFolderAreRefusedWithTheirLine) {
  EXPECT_TRUE(contains(refusal("a/b.jpg\n/etc/passwd\n"), "list.txt:2: the path is absolute"));
  for (const char* path : {"../b.jpg", "a/../../b.jpg", "a/.."})
    EXPECT_TRUE(contains(refusal(path), "list.txt:1: the path leaves its folder")) << path;
  for (const char* path : {"a//b.jpg", "././b.jpg", "a/./b.jpg", "a/"})
    EXPECT_TRUE(contains(refusal(path), "list.txt:1: the path has an empty name or \".\"")) << path;
  EXPECT_TRUE(contains(refusal("a\\b.jpg"), "list.txt:1: the path holds a backslash; write / between folders"));
  EXPECT_TRUE(contains(refusal(std::string_view("a/b\0c.jpg\n", 10)), "list.txt:1: the path holds a NUL byte"));
  EXPECT_TRUE(contains(refusal(std::string(256, 'a')), "list.txt:1: the path has a name of more than 255 bytes"));
  std::string deep = "a";
  while (deep.size() <= 1024) deep += "/a";
  EXPECT_TRUE(contains(refusal(deep), "list.txt:1: the path is longer than 1024 bytes"));
  EXPECT_TRUE(contains(refusal("\n\r\n"), "lists no files"));
  EXPECT_EQ(read("a/b.jpg\r\n\na..b/...jpg").size(), 2u) << "names may have dots, lines may end as on Windows";
}

TEST_F(ListTest, LabelsStandBehindTheLastSpaceOrInTheSecondColumn) {
  const auto spaced = read("Real World/1 2.jpg 17\n", ListColumns::kPathLabel);
  EXPECT_EQ(spaced[0].path, "Real World/1 2.jpg");
  EXPECT_EQ(spaced[0].label, "17");
  const auto tabs = read("a.jpg\tn01\t1\t2\nb.jpg\tn02\n", ListColumns::kTabs);
  EXPECT_EQ(tabs[0].label, "n01");
  EXPECT_EQ(tabs[1].label, "n02");
  EXPECT_TRUE(contains(refusal("a.jpg\n", ListColumns::kPathLabel), "list.txt:1: has no label behind the path"));
}

TEST_F(ListTest, WhatOtherProgramsLeaveInAListIsNoPartOfAPath) {
  const auto files = read("\xef\xbb\xbf./a/1.jpg\r\n\n  \t\r\na/2.jpg\t\t\r\n a/3.jpg \n");
  ASSERT_EQ(files.size(), 3u);
  EXPECT_EQ(files[0].path, "a/1.jpg");
  EXPECT_EQ(files[1].path, "a/2.jpg");
  EXPECT_EQ(files[1].line, 4u);
  EXPECT_EQ(files[2].path, "a/3.jpg");
  EXPECT_TRUE(contains(refusal(std::string_view("\xff\xfe"
                                                "a\0",
                                                4)),
                       "list.txt: is written in UTF-16; save it as UTF-8"));
}

TEST_F(ListTest, ANumberBehindAnImageIsALabel) {
  const auto files = read("a/1.jpg 17\na/2 3.JPEG\t0\nReal World/4 5.png\na/6.jpg 7.jpg\na/no_image 8\n");
  const std::vector<std::string> wanted{"a/1.jpg", "a/2 3.JPEG", "Real World/4 5.png", "a/6.jpg 7.jpg", "a/no_image 8"};
  for (size_t i = 0; i < wanted.size(); ++i) EXPECT_EQ(files[i].path, wanted[i]);
}

TEST_F(ListTest, YamlIsReadAsItsPathsAndElseRefused) {
  const auto yaml = [&](const std::string& text) { return read_yaml_list(folder_.write("list.yaml", text), Split::kTest); };
  const auto files = yaml("targets: [1, 2]\ndata:\n- data/images/a/1.jpg\n- 'b/2.jpg'\n");
  ASSERT_EQ(files.size(), 2u);
  EXPECT_EQ(files[0].path, "data/images/a/1.jpg");
  EXPECT_EQ(files[1].path, "b/2.jpg");
  EXPECT_EQ(files[1].line, 4u);
  const auto said = [&](const std::string& text) { return error_of<PluginError>([&] { yaml(text); }); };
  EXPECT_TRUE(contains(said("data: [a/1.jpg, ../b.jpg]\n"), "list.yaml:1: the path leaves its folder"));
  EXPECT_TRUE(contains(said("data: [a/1.jpg, [b]]\n"), "is no path in a list of paths"));
  EXPECT_TRUE(contains(said("targets: [1]\n"), "has no list \"data\" of paths"));
  EXPECT_TRUE(contains(said("data: [a, b\n"), "is no YAML"));
  EXPECT_TRUE(contains(said("data: []\n"), "lists no files"));
}

// Files a/0.jpg to a/N.jpg and the same below b.
class CutTest : public ListTest {
 protected:
  ImageTree tree() const {
    for (const std::string name : {"a", "b"})
      for (int i = 0; i < 12; ++i) clb::testing::write_file(folder_.path() / "tree" / name / (std::to_string(i) + ".jpg"), "x");
    return read_image_tree(folder_.path() / "tree", {{.what = "", .folders = "{class}"}});
  }
  std::string said(const std::string& train, const std::string& test) const {
    return error_of<PluginError>([&] {
      std::vector<ListedFile> all = read_list(folder_.write("train.txt", train), Split::kTrain);
      for (ListedFile& file : read_list(folder_.write("test.txt", test), Split::kTest)) all.push_back(std::move(file));
      ImageTree cut = tree();
      cut_by_lists(cut, all);
      require_both_splits(cut);
    });
  }
};

TEST_F(CutTest, ListsAreHeldAgainstTheTreeAndEachOther) {
  EXPECT_TRUE(contains(said("a/1.jpg\nb/1.jpg\na/1.jpg\n", "a/2.jpg\n"), "train.txt:3: \"a/1.jpg\" is listed twice, before in "));
  EXPECT_TRUE(contains(said("a/1.jpg\nb/1.jpg\n", "a/2.jpg\nb/1.jpg\n"), "test.txt:2: \"b/1.jpg\" is listed in both splits"));
  EXPECT_TRUE(contains(said("a/1.jpg\nb/77.jpg\n", "a/2.jpg\nb/2.jpg\n"), "\"b/77.jpg\" is not there, but listed in "));
  const std::string many = said("a/1.jpg\na/x1.jpg\na/x2.jpg\na/x3.jpg\na/x4.jpg\na/x5.jpg\na/x6.jpg\n", "a/2.jpg\n");
  EXPECT_TRUE(contains(many, "\"a/x5.jpg\" and 1 more are not there, but listed in ")) << many;
  EXPECT_TRUE(contains(many, "train.txt:2 and on (6 of 8 files)")) << many;
  EXPECT_TRUE(contains(said("a/1.jpg\nb/1.jpg\n", "a/2.jpg\n"), "the class \"b\" has no test samples"));
}

TEST_F(CutTest, ListedPathsMayBeginAboveTheTree) {
  ImageTree cut = tree();
  std::vector<ListedFile> all = read("data/tree/train/a/1.jpg\nb/1.jpg 4\n");
  for (ListedFile& file : read("tree/a/2.jpg\ntree/b/2.jpg\n")) all.push_back(std::move(file));
  cut_by_lists(cut, all);
  EXPECT_EQ(cut.files.size(), 4u);
  EXPECT_EQ(cut.notes[0], "left off listed paths: what stands before those of the tree, like \"data/tree/train/\"");
  EXPECT_TRUE(contains(said("x/a/1.jpg\nb/1.jpg\na/1.jpg\n", "a/2.jpg\nb/2.jpg\n"), "train.txt:3: \"a/1.jpg\" is listed twice"));
  EXPECT_TRUE(contains(said("1.jpg\nb/1.jpg\n", "a/2.jpg\nb/2.jpg\n"), "\"1.jpg\" is not there, but listed in "));
}

TEST_F(CutTest, TheFifthOfEachClassIsTested) {
  ImageTree cut = tree();
  cut_every_fifth(cut);
  std::vector<std::string> tested;
  for (const TreeFile& file : cut.files)
    if (file.split == Split::kTest) tested.push_back(file.path);
  EXPECT_EQ(tested, (std::vector<std::string>{"a/2.jpg", "a/7.jpg", "b/2.jpg", "b/7.jpg"})) << "0, 1, 10, 11, 2, ... is the order of names";
}

}  // namespace
