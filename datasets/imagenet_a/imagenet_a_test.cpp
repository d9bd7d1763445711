#include "imagenet_a.cpp"

#include <gtest/gtest.h>

#include "made_tree.hpp"

namespace {

using namespace clb::testing;

TEST(ImageNetA, EveryFormOfIt) {
  const std::vector<std::string> two{"n01498041", "n01531178"};
  const std::string whole = "{n01498041|n01531178}/0.00000{1..5}_digital clock _ digital clock_0.9.jpg";
  expect_read({"pilot", {"{train|test}/" + whole}, {}, "{train,test}/CLASS/FILE, as re-packed", two, 10, 10});
  expect_read({"pilot", {"imagenet-a/{train|test}/" + whole}, {}, "imagenet-a/{train,test}/CLASS/FILE", two, 10, 10});
  expect_read({"fifth",
               {"imagenet-a/" + whole},
               {{"imagenet-a/README.txt", "n01498041 stingray"}},
               "imagenet-a/CLASS/FILE, the publisher's",
               two,
               8,
               2});
  expect_read({"fifth", {whole}, {}, "CLASS/FILE", two, 8, 2});
}

TEST(ImageNetA, NamesAreReadable) {
  const MadeTree tree;
  tree.put("{train|test}/{n01498041|n01531178|n99999999}/1.jpg");
  EXPECT_EQ(OpenedTree(tree).readable(), (std::vector<std::string>{"stingray", "goldfinch", "n99999999"}));
}

}  // namespace
