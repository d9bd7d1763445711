#include "cub200.cpp"

#include <gtest/gtest.h>

#include "made_tree.hpp"

namespace {

using namespace clb::testing;

const std::vector<std::string> kTwo{"001.Black_footed_Albatross", "002.Laysan_Albatross"};
const std::string kWhole = "{001.Black_footed_Albatross|002.Laysan_Albatross}/{1..2}.jpg";
const std::string kImages =
    "1 001.Black_footed_Albatross/1.jpg\n2 001.Black_footed_Albatross/2.jpg\n3 002.Laysan_Albatross/1.jpg\n4 002.Laysan_Albatross/2.jpg\n";

MadeTree& with_lists(MadeTree& tree, const std::string& images, const std::string& cut) {
  tree.put("CUB_200_2011/images/" + kWhole);
  tree.write("CUB_200_2011/images.txt", images);
  tree.write("CUB_200_2011/train_test_split.txt", cut);
  return tree;
}

TEST(Cub200, EveryFormOfIt) {
  const std::string cut = "1 0\n2 1\n3 1\n4 0\n";
  expect_read({"pilot", {"{train|test}/" + kWhole}, {}, "{train,test}/CLASS/FILE, as re-packed", kTwo, 4, 4});
  expect_read({"pilot", {"cub/{train|test}/" + kWhole}, {}, "cub/{train,test}/CLASS/FILE", kTwo, 4, 4});
  expect_read({"official",
               {"CUB_200_2011/images/" + kWhole},
               {{"CUB_200_2011/images.txt", kImages}, {"CUB_200_2011/train_test_split.txt", cut}},
               "CUB_200_2011/images/CLASS/FILE, the publisher's archive",
               kTwo,
               2,
               2});
  expect_read(
      {"official", {"images/" + kWhole}, {{"images.txt", kImages}, {"train_test_split.txt", cut}}, "images/CLASS/FILE", kTwo, 2, 2});
}

TEST(Cub200, NamesAreReadable) {
  const MadeTree tree;
  tree.put("{train|test}/" + kWhole);
  EXPECT_EQ(OpenedTree(tree).readable(), (std::vector<std::string>{"Black footed Albatross", "Laysan Albatross"}));
}

TEST(Cub200, ListsThatDisagreeAreNamedWithTheirLine) {
  MadeTree tree;
  const auto said = [&](const std::string& images, const std::string& cut) { return refusal(with_lists(tree, images, cut), "official"); };
  EXPECT_TRUE(contains(said(kImages, "1 0\n2 1\n4 1\n3 0\n"), "train_test_split.txt:3: is about image 4, but images.txt there about 3"));
  EXPECT_TRUE(contains(said(kImages, "1 0\n2 2\n3 1\n4 0\n"), "train_test_split.txt:2: must end in 0 or 1"));
  EXPECT_TRUE(contains(said(kImages, "1 0\n2 1\n"), "has 2 lines, but images.txt has 4"));
  EXPECT_TRUE(contains(said("1 ../1.jpg\n", "1 0\n"), "images.txt:1: the path leaves its folder"));
  EXPECT_TRUE(contains(said(kImages + "5 002.Laysan_Albatross/3.jpg\n", "1 0\n2 1\n3 1\n4 0\n5 1\n"),
                       "\"002.Laysan_Albatross/3.jpg\" is not there, but listed in CUB_200_2011/images.txt:5"))
      << refusal(tree, "official");
}

}  // namespace
