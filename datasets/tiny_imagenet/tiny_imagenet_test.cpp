#include "tiny_imagenet.cpp"

#include <gtest/gtest.h>

#include "made_tree.hpp"

namespace {

using namespace clb::testing;

const std::vector<std::string> kTwo{"n01443537", "n01629819"};
const std::string kTrain = "train/{n01443537|n01629819}/images/x_{0..2}.JPEG";
const std::string kLabels = "val_0.JPEG\tn01629819\t0\t32\t44\t62\nval_1.JPEG\tn01443537\t0\t0\t63\t63\n";

TEST(TinyImageNet, EveryFormOfIt) {
  const std::map<std::string, std::string> beside{{"tiny-imagenet-200/train/n01443537/n01443537_boxes.txt", ""},
                                                  {"tiny-imagenet-200/val/val_annotations.txt", kLabels}};
  expect_read(
      {"official",
       {"tiny-imagenet-200/" + kTrain, "tiny-imagenet-200/val/images/val_{0..1}.JPEG", "tiny-imagenet-200/test/images/test_{0..1}.JPEG"},
       beside,
       "tiny-imagenet-200/train/CLASS/images/FILE, the publisher's archive",
       kTwo,
       6,
       2});
  expect_read(
      {"official", {kTrain, "val/images/val_{0..1}.JPEG"}, {{"val/val_annotations.txt", kLabels}}, "train/CLASS/images/FILE", kTwo, 6, 2});
  expect_read({"folders", {"{train|test}/{n01443537|n01629819}/{0..2}.JPEG"}, {}, "{train,test}/CLASS/FILE", kTwo, 6, 6});
}

TEST(TinyImageNet, LabelsComeFromTheList) {
  const MadeTree tree;
  tree.put(kTrain);
  tree.put("val/images/val_{0..2}.JPEG");
  tree.write("val/val_annotations.txt", kLabels);
  const OpenedTree opened(tree);
  EXPECT_EQ(opened.files(CLB_SPLIT_TEST), (std::vector<std::string>{"val/images/val_1.JPEG", "val/images/val_0.JPEG"}));
  EXPECT_EQ(opened.labels(CLB_SPLIT_TEST), (std::vector<int64_t>{0, 1}));
  EXPECT_EQ(opened.readable(), (std::vector<std::string>{"goldfish", "European fire salamander"}));
  const std::vector<std::string> notes = opened.notes();
  EXPECT_NE(std::find(notes.begin(), notes.end(), "1 file in no list, left out: \"val/images/val_2.JPEG\""), notes.end());
}

TEST(TinyImageNet, WhatTheListGetsWrongIsToldWithItsLine) {
  const MadeTree tree;
  tree.put(kTrain);
  tree.put("val/images/val_{0..1}.JPEG");
  const auto said = [&](const std::string& list) {
    tree.write("val/val_annotations.txt", list);
    return refusal(tree);
  };
  EXPECT_TRUE(contains(said(kLabels + "val_7.JPEG\tn01443537\n"), "\"val_7.JPEG\" is not there, but listed in val/val_annotations.txt:3"));
  EXPECT_TRUE(contains(said(kLabels + "val_0.JPEG\tn01443537\n"), "val_annotations.txt:3: \"val_0.JPEG\" is listed twice"));
  EXPECT_TRUE(contains(said("val_0.JPEG\tn09999999\n"), "val_0.JPEG: is of the class \"n09999999\", which has no training images"));
  EXPECT_TRUE(contains(said("val_0.JPEG\tn01443537\n"), "the class \"n01629819\" has no test samples; every class needs both"));
  EXPECT_TRUE(contains(said("val_0.JPEG\n"), "val_annotations.txt:1: has no label behind the path"));
}

}  // namespace
