#include "office_home.cpp"

#include <gtest/gtest.h>

#include "made_tree.hpp"

namespace {

using namespace clb::testing;

TEST(OfficeHome, EveryFormOfIt) {
  const std::vector<std::string> two{"Alarm_Clock", "Backpack"};
  const std::string whole = "{Art|Clipart|Product|Real World}/{Alarm_Clock|Backpack}/0000{1..5}.jpg";
  expect_read({"folders", {"{Art|Real World}/{train|test}/{Alarm_Clock|Backpack}/1.jpg"}, {}, "DOMAIN/{train,test}/CLASS/FILE", two, 4, 4});
  expect_read({"fifth",
               {"OfficeHomeDataset_10072016/" + whole},
               {{"OfficeHomeDataset_10072016/ImageInfo.csv", "Domain,Class"}},
               "OfficeHomeDataset_10072016/DOMAIN/CLASS/FILE, the publisher's archive",
               two,
               32,
               8});
  expect_read({"fifth", {whole}, {}, "DOMAIN/CLASS/FILE", two, 32, 8});
}

TEST(OfficeHome, ATreeWithoutItsDomainsIsToldSo) {
  const MadeTree tree;
  tree.put("{train|test}/{Alarm_Clock|Backpack}/1.jpg");
  EXPECT_TRUE(refusal(tree).ends_with(": holds train and test, but no domains above them; expected is DOMAIN/{train,test}/CLASS/FILE"))
      << refusal(tree);
  EXPECT_TRUE(contains(refusal(tree, "fifth"),
                       "but no domains above them; expected is OfficeHomeDataset_10072016/DOMAIN/CLASS/FILE or "
                       "DOMAIN/CLASS/FILE"))
      << refusal(tree, "fifth");
}

TEST(OfficeHome, ARootThatIsNoFolderIsToldSo) {
  const MadeTree tree;
  tree.write("file", "");
  const clb::Path link = tree.root() / "link", nowhere = tree.root() / "nowhere";
  std::filesystem::create_symlink(nowhere, link);
  const auto said = [](const clb::Path& root) { return error_of<clb::PluginError>([&] { OpenedTree opened(root); }); };
  EXPECT_EQ(said(tree.root() / "file"),
            (tree.root() / "file").string() + ": is a file, but a folder is needed; if it is an archive, unpack it");
  EXPECT_EQ(said(link), link.string() + " is a link to " + nowhere.string() + ", which is not there, but a folder is needed");
  EXPECT_EQ(said(nowhere), nowhere.string() + ": is not there");
}

}  // namespace
