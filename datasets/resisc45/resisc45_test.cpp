#include "resisc45.cpp"

#include <gtest/gtest.h>

#include "made_tree.hpp"

namespace {

using namespace clb::testing;

TEST(Resisc45, EveryFormOfIt) {
  const std::vector<std::string> two{"airplane", "baseball_diamond"};
  const std::string whole = "{airplane|baseball_diamond}/x_00{1..5}.jpg";
  expect_read({"folders", {"{train|test}/" + whole}, {}, "{train,test}/CLASS/FILE", two, 10, 10});
  for (const std::string before : {"NWPU-RESISC45/", ""}) expect_read({"fifth", {before + whole}, {}, before + "CLASS/FILE", two, 8, 2});
}

TEST(Resisc45, NamesAreReadable) {
  const MadeTree tree;
  tree.put("{train|test}/{airplane|baseball_diamond}/1.jpg");
  EXPECT_EQ(OpenedTree(tree).readable(), (std::vector<std::string>{"airplane", "baseball diamond"}));
}

}  // namespace
