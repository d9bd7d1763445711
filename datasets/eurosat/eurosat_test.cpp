#include "eurosat.cpp"

#include <gtest/gtest.h>

#include "made_tree.hpp"

namespace {

using namespace clb::testing;

TEST(EuroSat, EveryFormOfIt) {
  const std::vector<std::string> two{"AnnualCrop", "SeaLake"};
  const std::string whole = "{AnnualCrop|SeaLake}/x_{1..5}.jpg";
  expect_read({"folders", {"{train|test}/" + whole}, {}, "{train,test}/CLASS/FILE", two, 10, 10});
  for (const std::string before : {"EuroSAT_RGB/", "2750/", ""})
    expect_read({"fifth", {before + whole}, {}, before + "CLASS/FILE", two, 8, 2});
}

TEST(EuroSat, NamesAreReadable) {
  const MadeTree tree;
  tree.put("{train|test}/{AnnualCrop|Forest}/1.jpg");
  EXPECT_EQ(OpenedTree(tree).readable(), (std::vector<std::string>{"annual crop", "forest"}));
}

}  // namespace
