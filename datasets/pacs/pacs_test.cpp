#include "pacs.cpp"

#include <gtest/gtest.h>

#include "made_tree.hpp"

namespace {

using namespace clb::testing;

const std::vector<std::string> kTwo{"dog", "guitar"};
const std::string kWhole = "{photo|art_painting|cartoon|sketch}/{dog|guitar}/pic_{1..5}.jpg";

std::map<std::string, std::string> lists(const std::string& folder) {
  std::map<std::string, std::string> files;
  for (const std::string domain : {"photo", "art_painting", "cartoon", "sketch"}) {
    files[folder + domain + "_train_kfold.txt"] =
        domain + "/dog/pic_1.jpg 1\n" + domain + "/guitar/pic_1.jpg 4\n" + domain + "/guitar/pic_2.jpg 4\n";
    files[folder + domain + "_crossval_kfold.txt"] = domain + "/dog/pic_5.jpg 1\n" + domain + "/guitar/pic_5.jpg 4\n";
  }
  return files;
}

TEST(Pacs, EveryFormOfIt) {
  expect_read({"folders", {"{photo|sketch}/{train|test}/{dog|guitar}/{1..3}.png"}, {}, "DOMAIN/{train,test}/CLASS/FILE", kTwo, 12, 12});
  expect_read({"official", {"images/" + kWhole}, lists("splits/"), "images/DOMAIN/CLASS/FILE, as Dassl", kTwo, 12, 8});
  expect_read({"official", {"kfold/" + kWhole}, lists(""), "kfold/DOMAIN/CLASS/FILE, the publisher's archive", kTwo, 12, 8});
  expect_read({"fifth", {"PACS/" + kWhole}, {}, "PACS/DOMAIN/CLASS/FILE", kTwo, 32, 8});
  expect_read({"fifth", {kWhole}, {}, "DOMAIN/CLASS/FILE", kTwo, 32, 8});
}

TEST(Pacs, DomainsHaveTheOrderOfTheName) {
  const MadeTree tree;
  tree.put(kWhole);
  EXPECT_EQ(OpenedTree(tree, "fifth").order("pacs", true), (std::vector<std::string>{"photo", "art_painting", "cartoon", "sketch"}));
}

TEST(Pacs, RealImages) {
  const clb::Path tar = clb::Path(CLB_SOURCE_DIR) / "../shared/data/pacs_subset.tar";
  if (!std::filesystem::exists(tar)) GTEST_SKIP() << "SKIPPED: ../shared/data/pacs_subset.tar is absent";
  const TempFolder folder;
  const std::string unpack = "tar -xf '" + tar.string() + "' -C '" + folder.path().string() + "'";
  ASSERT_EQ(std::system(unpack.c_str()), 0);
  const OpenedTree opened(folder.path() / "pacs_subset");
  EXPECT_EQ(opened.notes(), (std::vector<std::string>{"split folders", "layout DOMAIN/{train,test}/CLASS/FILE, cut by its folders"}));
  EXPECT_EQ(opened.domains(), (std::vector<std::string>{"art_painting", "cartoon", "photo", "sketch"}));
  EXPECT_EQ(opened.count(CLB_SPLIT_TRAIN), 336);
  EXPECT_EQ(opened.count(CLB_SPLIT_TEST), 168);
}

}  // namespace
