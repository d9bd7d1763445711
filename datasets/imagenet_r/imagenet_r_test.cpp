#include "imagenet_r.cpp"

#include <gtest/gtest.h>

#include "made_tree.hpp"
#include "pack.hpp"

namespace {

using namespace clb::testing;

const std::vector<std::string> kTwo{"n01443537", "n01484850"};  // goldfish, great white shark
const std::string kWhole = "{n01443537|n01484850}/{art|toy}_{0..2}.jpg";

TEST(ImageNetR, EveryFormOfIt) {
  const std::string train = "n01443537/art_0.jpg\nn01443537/art_1.jpg\nn01484850/toy_2.jpg\n",
                    test = "n01443537/toy_0.jpg\nn01484850/art_0.jpg\n";
  const std::map<std::string, std::string> coda{{"splits/imagenet_r_coda_train.txt", train},
                                                {"splits/imagenet_r_coda_test.txt.xz", xz(test)}};
  expect_read({"pilot", {"{train|test}/{n01443537|n01484850}/{0..2}.jpg"}, {}, "{train,test}/CLASS/FILE, as re-packed", kTwo, 6, 6});
  expect_read(
      {"pilot", {"imagenet-r/{train|test}/{n01443537|n01484850}/{0..2}.jpg"}, {}, "imagenet-r/{train,test}/CLASS/FILE", kTwo, 6, 6});
  expect_read({"coda", {"imagenet-r/" + kWhole}, coda, "imagenet-r/CLASS/FILE, the publisher's archive", kTwo, 3, 2});
  expect_read({"coda", {kWhole}, coda, "CLASS/FILE, the publisher's archive", kTwo, 3, 2});
  const std::string before = "data:\n- data/imagenet-r/", yaml = "/art_0.jpg\n- data/imagenet-r/n01484850/art_";
  expect_read({"coda",
               {"imagenet-r/" + kWhole},
               {{"splits/imagenet-r_train.yaml", before + "n01443537" + yaml + "1.jpg\ntargets: [0, 1]\n"},
                {"splits/imagenet-r_test.yaml", "data: ['data/imagenet-r/n01443537/toy_0.jpg', data/imagenet-r/n01484850/toy_0.jpg]\n"}},
               "imagenet-r/CLASS/FILE",
               kTwo,
               2,
               2});
  for (const std::string name : {"l2p", "hide", "pilot"})
    expect_read({name,
                 {kWhole},
                 {{"splits/imagenet_r_" + name + "_train.txt", train}, {"splits/imagenet_r_" + name + "_test.txt", test}},
                 "CLASS/FILE",
                 kTwo,
                 3,
                 2});
}

TEST(ImageNetR, TheRealListOfCodaPromptOnATreeOfItsNames) {
  const clb::Path lists = clb::Path(CLB_SOURCE_DIR) / "../shared/splits";
  if (!std::filesystem::exists(lists / "imagenet_r_coda_train.txt.xz")) GTEST_SKIP() << "SKIPPED: ../shared/splits is absent";
  const MadeTree tree;
  for (const std::string which : {"train", "test"}) {
    const std::string name = "imagenet_r_coda_" + which + ".txt.xz";
    for (const clb::ListedFile& file : clb::read_list(lists / name, clb::Split::kTrain)) tree.put("imagenet-r/" + file.path);
    std::filesystem::create_directories(tree.root() / "splits");
    std::filesystem::copy_file(lists / name, tree.root() / "splits" / name);
  }
  tree.write("imagenet-r/n01443537/.DS_Store", "");
  tree.write("imagenet-r/README.txt", "");
  const OpenedTree opened(tree, "coda");
  EXPECT_EQ(opened.notes(), (std::vector<std::string>{"split coda", "layout imagenet-r/CLASS/FILE, the publisher's archive",
                                                      "passed over: .DS_Store (1), text files (1)",
                                                      "by the lists \"splits/imagenet_r_coda_train.txt.xz\", "
                                                      "\"splits/imagenet_r_coda_test.txt.xz\""}));
  EXPECT_EQ(opened.count(CLB_SPLIT_TRAIN), 24000);
  EXPECT_EQ(opened.count(CLB_SPLIT_TEST), 6000);
  ASSERT_EQ(opened.classes().size(), 200u);
  EXPECT_EQ(opened.readable()[0], "goldfish");
  const std::vector<std::string> order = opened.order("coda");
  ASSERT_EQ(order.size(), 200u);
  EXPECT_EQ((std::vector<std::string>{order.begin(), order.begin() + 3}),
            (std::vector<std::string>{"n02165456", "n03594945", "n02325366"}));
  const std::string first = "n01910747/tattoo_75.jpg";  // of the test list: in the test split and not in the other
  const auto holds = [&](uint32_t split) {
    const std::vector<std::string> files = opened.files(split);
    return std::find(files.begin(), files.end(), "imagenet-r/" + first) != files.end();
  };
  EXPECT_TRUE(holds(CLB_SPLIT_TEST));
  EXPECT_FALSE(holds(CLB_SPLIT_TRAIN));
}

std::string note_on_lists(const MadeTree& tree) {
  const std::vector<std::string> notes = OpenedTree(tree, "coda").notes();
  const auto found = std::find_if(notes.begin(), notes.end(), [](const std::string& note) { return note.starts_with("by the lists"); });
  return found == notes.end() ? "" : *found;
}

// As in CODA-Prompt's repository, whose authors keep the images in folders of another split.
TEST(ImageNetR, TwoKindsOfListsMustSayTheSame) {
  const MadeTree tree;
  tree.put(kWhole);
  const std::string before = "data:\n- data/imagenet-r/train/n01443537/";
  tree.write("splits/imagenet-r_train.yaml", before + "art_0.jpg\n- data/imagenet-r/test/n01484850/toy_2.jpg\n");
  tree.write("splits/imagenet-r_test.yaml", before + "toy_0.jpg\n- data/imagenet-r/train/n01484850/art_0.jpg\n");
  tree.write("splits/imagenet_r_coda_train.txt", "n01443537/art_0.jpg\nn01484850/toy_2.jpg\n");
  tree.write("splits/imagenet_r_coda_test.txt", "n01443537/toy_0.jpg\nn01484850/art_0.jpg\n");
  EXPECT_EQ(note_on_lists(tree), "by the lists \"splits/imagenet-r_train.yaml\", \"splits/imagenet-r_test.yaml\"");
  tree.write("splits/imagenet_r_coda_test.txt", "n01443537/toy_0.jpg\nn01484850/art_1.jpg\n");
  const std::string said = refusal(tree, "coda");
  EXPECT_TRUE(contains(said,
                       "holds lists of the split twice, imagenet-r_train.yaml and imagenet_r_coda_train.txt, and they differ, for "
                       "example in \"n01484850/art_0.jpg\"; move away those that are not meant"))
      << said;
  tree.erase("splits/imagenet-r_test.yaml");
  EXPECT_EQ(note_on_lists(tree), "by the lists \"splits/imagenet_r_coda_train.txt\", \"splits/imagenet_r_coda_test.txt\"");
}

TEST(ImageNetR, TheListsOfLaeAreReadAsTheyArePublished) {
  const MadeTree tree;
  tree.put("imagenet-r/" + kWhole);
  tree.write("splits/imagenet_r_l2p_train.txt", "imagenet-r/n01443537/art_0.jpg 0\nimagenet-r/n01484850/toy_2.jpg 1\n");
  tree.write("splits/imagenet_r_l2p_test.txt", "imagenet-r/n01443537/toy_0.jpg 0\nimagenet-r/n01484850/art_0.jpg 1\n");
  const OpenedTree opened(tree, "l2p");
  EXPECT_EQ(opened.count(CLB_SPLIT_TRAIN), 2);
  EXPECT_EQ(opened.files(CLB_SPLIT_TEST), (std::vector<std::string>{"imagenet-r/n01443537/toy_0.jpg", "imagenet-r/n01484850/art_0.jpg"}));
}

TEST(ImageNetR, ASplitThatCannotBeMadeSaysWhatItNeeds) {
  const MadeTree tree;
  tree.put(kWhole);
  EXPECT_TRUE(contains(refusal(tree, "pilot"), "holds CLASS/FILE, but the split \"pilot\" is made from {train,test}/CLASS/FILE or "))
      << refusal(tree, "pilot");
  EXPECT_TRUE(refusal(tree, "coda")
                  .starts_with("splits/imagenet-r_train.yaml: is missing; the split \"coda\" is made from it (also as .gz or "
                               ".xz), or else from splits/imagenet_r_coda_{train,test}.txt; clbench data get imagenet_r"))
      << refusal(tree, "coda");
  tree.write("splits/imagenet_r_coda_train.txt", "n01443537/art_0.jpg\n");
  EXPECT_TRUE(refusal(tree, "coda").starts_with("splits/imagenet_r_coda_test.txt: is missing; the split \"coda\" is made from it"));
  EXPECT_TRUE(contains(refusal(tree, "hide"), "splits/imagenet_r_hide_train.txt: is missing")) << refusal(tree, "hide");
  const MadeTree cut;
  cut.put("{train|test}/n01443537/{0..1}.jpg");
  EXPECT_TRUE(contains(refusal(cut, "coda"), "holds {train,test}/CLASS/FILE, but the split \"coda\" is made from imagenet-r/CLASS/FILE"))
      << refusal(cut, "coda");
}

}  // namespace
