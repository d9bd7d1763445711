#include "omnibenchmark.cpp"

#include <gtest/gtest.h>

#include "made_tree.hpp"

namespace {

using namespace clb::testing;

TEST(OmniBenchmark, EveryFormOfIt) {
  const std::string whole = "{train|test}/{0|10|2}/{1..2}.jpg";
  expect_read({"pilot", {whole}, {}, "{train,test}/CLASS/FILE, as re-packed", {"0", "10", "2"}, 6, 6});
  expect_read({"pilot", {"omnibenchmark/" + whole}, {}, "omnibenchmark/{train,test}/CLASS/FILE", {"0", "10", "2"}, 6, 6});
}

TEST(OmniBenchmark, AsItsAuthorsHandItOut) {
  for (const std::string above : {"", "meta/"}) {
    const MadeTree tree;
    tree.put(above + "{bird/bird|car/car}.{train|val}/images/{a|b|c}.jpg");
    for (const std::string realm : {"bird", "car"}) {
      tree.write(above + realm + "/" + realm + ".train/record.txt", "images/a.jpg 0\nimages/b.jpg 1\nimages/a.jpg 0\n");
      tree.write(above + realm + "/" + realm + ".val/record.txt", "images/a.jpg 1\nimages/c.jpg 0\n");
      tree.write(above + realm + "/" + realm + ".test/record.txt", "images/a.jpg 5\n");
    }
    const OpenedTree opened(above.empty() ? tree.root() : tree.root() / "meta", "official");
    EXPECT_EQ(opened.classes(), (std::vector<std::string>{"bird/0", "bird/1", "car/0", "car/1"}));
    EXPECT_EQ(opened.files(CLB_SPLIT_TRAIN), (std::vector<std::string>{"bird/bird.train/images/a.jpg", "bird/bird.train/images/b.jpg",
                                                                       "car/car.train/images/a.jpg", "car/car.train/images/b.jpg"}));
    EXPECT_EQ(opened.labels(CLB_SPLIT_TEST), (std::vector<int64_t>{0, 1, 2, 3}));
    EXPECT_TRUE(contains(opened.notes().at(opened.notes().size() - 2), "2 lines of lists name an image again"));
    EXPECT_EQ(OpenedTree(tree, "official").count(CLB_SPLIT_TRAIN), 4);
    tree.erase(above + "car/car.val");
    EXPECT_EQ(refusal(tree, "official"), above + "car: has a list of train and none of val");
  }
  const MadeTree tree;
  tree.put("{bird/train|bird/val}/images/{a|b}.jpg");  // the names of the authors' program
  for (const std::string which : {"train", "val"}) tree.write("bird/" + which + "/records.txt", "images/a.jpg 0\nimages/b.jpg 1\n");
  EXPECT_EQ(OpenedTree(tree, "official").count(CLB_SPLIT_TEST), 2);
  EXPECT_TRUE(contains(refusal(MadeTree(), "official"), "holds no lists REALM/REALM.{train,val}/record.txt"));
}

}  // namespace
