// share/datasets/NAME.toml: what is read of it, and where the data are looked for.
#include <clb/known_data/match.hpp>
#include <clb/known_data/search.hpp>

#include <gtest/gtest.h>

#include <clb/base/error.hpp>
#include <cstdlib>

#include "errors.hpp"
#include "temp_folder.hpp"

namespace clb::known_data {
namespace {

namespace fs = std::filesystem;
using testing::contains;

const std::string kLeast = "plugin = \"image_tree\"\nclasses = 3\nget = \"ask for it\"\n";

class KnownData : public ::testing::Test {
 protected:
  Known read(const std::string& text) const { return read_known(folder_.write("birds.toml", text)); }
  std::string mistake(const std::string& text) const {
    return testing::error_of<base::Error>([&] { read(text); });
  }
  testing::TempFolder folder_;
};

TEST_F(KnownData, EverythingThatAFileMaySay) {
  const Known known = read(R"toml(plugin = "image_tree"
title = "Birds (Someone, 2011)"
licence = "MIT"
homepage = "https://birds.invalid"
params = { split = "pilot" }
classes = 3
train = 30
test = 6
get = "ask for it"
[splits.coda]
train = 20
[[file]]
url = ["https://birds.invalid/data/birds.tar.gz?raw=1", "http://mirror.invalid/b"]
size = 12
md5 = "03b5dce01913d631647c71ecec9e9cb8"
unpack = true
[[file]]
url = "https://birds.invalid/coda.zip"
to = "splits/coda.zip"
unpack = "splits/coda"
split = ["coda"]
[[file]]
by_hand = "sign the form"
to = "secret.zip"
)toml");
  EXPECT_EQ(known.name, "birds");
  EXPECT_EQ(known.title, "Birds (Someone, 2011)");
  EXPECT_EQ(known.split(), "pilot");
  EXPECT_EQ(known.usual.train, 30);
  EXPECT_EQ(known.splits.at("coda").train, 20);
  EXPECT_EQ(known.splits.at("coda").test, 0);
  EXPECT_EQ(known.split_names(), (std::vector<std::string>{"coda", "pilot"}));
  ASSERT_EQ(known.files.size(), 3u);
  EXPECT_EQ(known.files[0].to, "birds.tar.gz");
  EXPECT_EQ(known.files[0].urls.size(), 2u);
  EXPECT_EQ(known.files[0].size, 12u);
  EXPECT_EQ(known.files[0].digest_kind, "md5");
  EXPECT_EQ(known.files[0].unpack, "");
  EXPECT_EQ(known.files[1].to, "splits/coda.zip");
  EXPECT_EQ(known.files[1].unpack, "splits/coda");
  EXPECT_EQ(known.files[2].by_hand, "sign the form");
  EXPECT_FALSE(known.files[2].unpack);
  EXPECT_EQ(known.remedy(), "`clbench data get birds` gets it");
  EXPECT_EQ(read(kLeast).remedy(), "`clbench data info birds` says how to get it");
}

TEST_F(KnownData, MistakesNameTheirPlace) {
  const std::string sum(64, 'a');
  const std::vector<std::pair<std::string, std::string>> cases{
      {"[[file]]\n", "a [[file]] needs url = "},
      {"[[file]]\nurl = \"https://x.invalid/a\"\nby_hand = \"ask\"\n", "a [[file]] needs url = "},
      {"[[file]]\nurl = []\n", "file.url is an empty list"},
      {"[[file]]\nurl = \"ftp://x.invalid/a\"\n", "file.url must begin with https:// or http://, found \"ftp://x.invalid/a\""},
      {"[[file]]\nurl = \"https://x.invalid/\"\n", "file.to (the end of its address where it is not given) must not be empty"},
      {"[[file]]\nby_hand = \"ask\"\nto = \"../a\"\n", "file.to must be a path below the data set's folder, found \"../a\""},
      {"[[file]]\nby_hand = \"ask\"\nto = \"/a\"\n", "file.to must be a path below"},
      {"[[file]]\nby_hand = \"ask\"\nto = \".clbench/lock\"\n", "file.to must be a path below"},
      {"[[file]]\nby_hand = \"ask\"\nto = \"a\"\nunpack = \"a/../..\"\n", "file.unpack must be a path below"},
      {"[[file]]\nby_hand = \"ask\"\nto = \"a\"\nsha256 = \"ABC\"\n", "sha256 must be 64 lower-case hexadecimal digits, found \"ABC\""},
      {"[[file]]\nby_hand = \"ask\"\nto = \"a\"\nsha256 = \"" + sum + "\"\nmd5 = \"" + sum.substr(32) + "\"\n", "one digest is enough"},
      {"[[file]]\nby_hand = \"ask\"\nto = \"a\"\nsice = 3\n", "did you mean \"size\"?"},
      {"[[file]]\nby_hand = \"ask\"\nto = \"a\"\n[[file]]\nby_hand = \"ask\"\nto = \"a\"\n", "two [[file]] belong at \"a\""},
      {"[splits.x]\ntrain = 0\n", "splits.x.train"},
  };
  for (const auto& [more, sentence] : cases) {
    const std::string said = mistake(kLeast + more);
    EXPECT_TRUE(contains(said, sentence)) << said;
    EXPECT_TRUE(contains(said, "birds.toml:")) << said;
  }
}

TEST_F(KnownData, WhereItIsLookedFor) {
  setenv("CLB_DATA", (folder_.path() / "b").string().append("::").append(folder_.path() / "c").c_str(), 1);
  setenv("XDG_DATA_HOME", folder_.path().c_str(), 1);
  const std::vector<fs::path> all = folders({(folder_.path() / "a").string()});
  EXPECT_EQ(all,
            (std::vector<fs::path>{folder_.path() / "a", folder_.path() / "b", folder_.path() / "c", folder_.path() / "clbench/data"}));
  setenv("XDG_DATA_HOME", "relative", 1);
  setenv("HOME", folder_.path().c_str(), 1);
  unsetenv("CLB_DATA");
  EXPECT_EQ(folders({}), std::vector<fs::path>{folder_.path() / ".local/share/clbench/data"});
  unsetenv("XDG_DATA_HOME");

  const Known known = read(kLeast + "root = [\"one\", \"two\"]\n");
  EXPECT_FALSE(find_folder(known, all));
  EXPECT_EQ(looked_in(known, {"/x", "/y"}), "in none of /x, /y and not at " + (folder_.path() / "one").string());
  fs::create_directories(folder_.path() / "two");
  EXPECT_EQ(find_folder(read(kLeast + "root = [\"one\", \"two\"]\n"), all), folder_.path() / "two");
  fs::create_directories(folder_.path() / "c/birds/.clbench");
  EXPECT_FALSE(find_folder(known, all)) << "it holds nothing yet";
  fs::create_directories(folder_.path() / "c/birds/train");
  EXPECT_EQ(find_folder(known, all), folder_.path() / "c/birds");
}

TEST_F(KnownData, CountsAreThoseOfTheSplit) {
  const Known known = read(kLeast + "train = 30\ntest = 6\nparams = { split = \"pilot\" }\n[splits.coda]\ntrain = 20\ntest = 16\n");
  base::DatasetInfo found;
  found.root = "/data/birds";
  found.class_count = 3;
  found.train_counts = {10, 10, 10};
  found.test_counts = {2, 2, 2};
  EXPECT_EQ(difference(known, found, {{"split", "pilot"}}), "");
  EXPECT_EQ(difference(known, found, {{"split", "unheard_of"}}), "");  // nobody says what it has
  EXPECT_EQ(difference(known, found, {{"split", "coda"}}),
            "/data/birds holds 3 classes, 30 training and 6 test samples, but birds (split coda) has 3, 20 and 16; missing: 10 test "
            "samples; it is another split or incomplete");
  found.train_counts = {10, 10, 9};
  EXPECT_TRUE(contains(difference(known, found, {{"split", "pilot"}}), "29 training"));
  EXPECT_TRUE(contains(difference(known, found, {{"split", "pilot"}}), "has 3, 30 and 6; missing: 1 training sample; it is"));
}

TEST_F(KnownData, MissingDomainsAndClassesAreNamed) {
  const Known known = read(kLeast +
                           "params = { split = \"all\" }\ndomains = [\"photo\", \"sketch\", \"toy\"]\n"
                           "[splits.few]\nclasses = 2\ndomains = [\"toy\"]\n[splits.other]\n");
  base::DatasetInfo found;
  found.root = "/data/birds";
  found.class_count = 3;
  found.domain_names = {"photo", "sketch", "toy"};
  EXPECT_EQ(difference(known, found, {{"split", "all"}}), "");
  found.domain_names = {"toy"};
  EXPECT_TRUE(contains(difference(known, found, {{"split", "all"}}), "; missing: the domains photo, sketch; it is"));
  EXPECT_TRUE(contains(difference(known, found, {{"split", "other"}}), "missing: the domains photo, sketch"));
  found.class_count = 1;
  EXPECT_TRUE(contains(difference(known, found, {{"split", "few"}}), "; missing: 1 class; it is"));
  EXPECT_EQ(planned_info(known, "/data", {{"split", "few"}}).class_count, 2);
  EXPECT_EQ(planned_info(known, "/data", {{"split", "few"}}).domain_names, std::vector<std::string>{"toy"});
  EXPECT_EQ(planned_info(known, "/data", {}).class_count, 3);
}

TEST_F(KnownData, FilesOfASplitThatAreNotThere) {
  const std::string lists =
      "[[file]]\nby_hand = \"ask\"\nto = \"all.tar\"\nunpack = true\n[[file]]\nby_hand = \"ask\"\nto = "
      "\"splits/a.txt\"\nsplit = [\"coda\"]\n[[file]]\nby_hand = \"ask\"\nto = \"splits/b.txt\"\nsplit = [\"l2p\"]\n";
  const Known known = read(kLeast + lists);
  EXPECT_EQ(absent_files(known, folder_.path(), "coda"), std::vector<std::string>{"splits/a.txt"});
  testing::write_file(folder_.path() / "splits/a.txt.xz", "");
  EXPECT_EQ(absent_files(known, folder_.path(), "coda"), std::vector<std::string>{});
}

TEST_F(KnownData, WhatShipsCanBeRead) {
  const fs::path share = fs::path(CLB_SOURCE_DIR) / "share";
  const std::vector<std::string> names = known_names(share);
  EXPECT_GT(names.size(), 20u);
  for (const std::string& name : names) {
    EXPECT_TRUE(find_known(share, name)) << name;
    EXPECT_FALSE(fs::exists(share / "weights" / (name + ".toml"))) << name << ": `clbench data` takes both by name";
  }
}

}  // namespace
}  // namespace clb::known_data
