#include "cddb.cpp"

#include <gtest/gtest.h>

#include "made_tree.hpp"

namespace {

using namespace clb::testing;

TEST(Cddb, EveryFormOfIt) {
  const std::vector<std::string> two{"0_real", "1_fake"};
  const std::string whole = "{gaugan|biggan}/{train|val}/{0_real|1_fake}/{1..2}.png";
  const std::string deeper = "cyclegan/{train|val}/{apple|orange}/{0_real|1_fake}/{1..2}.png";
  expect_read({"val", {whole}, {}, "DOMAIN/{train,val}/.../CLASS/FILE, the publisher's archive", two, 8, 8});
  expect_read({"val", {"CDDB/" + whole, "CDDB/" + deeper}, {}, "CDDB/DOMAIN/{train,val}/.../CLASS/FILE", two, 16, 16});
}

TEST(Cddb, TheClassIsTheLastFolder) {
  const MadeTree tree;
  tree.put("cyclegan/{train|val}/{apple|orange}/{0_real|1_fake}/1.png");
  const OpenedTree opened(tree);
  EXPECT_EQ(opened.domains(), std::vector<std::string>{"cyclegan"});
  EXPECT_EQ(opened.files(CLB_SPLIT_TRAIN)[3], "cyclegan/train/orange/1_fake/1.png");
  EXPECT_EQ(opened.labels(CLB_SPLIT_TRAIN), (std::vector<int64_t>{0, 0, 1, 1}));
  EXPECT_EQ(opened.readable(), (std::vector<std::string>{"real image", "fake image"}));
}

}  // namespace
