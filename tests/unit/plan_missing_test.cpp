// Plans for data and weights that are not there: what share/datasets knows takes the place of the files, and what is missing is listed.
#include "plan_fixture.hpp"

namespace clb::plan::testing {
namespace {

class Missing : public PlanTest {
 protected:
  void SetUp() override {
    PlanTest::SetUp();
    write("share/datasets/cifar100.toml", "plugin = \"cifar100\"\nclasses = 100\ntrain = 50000\ntest = 10000\nget = \"from somewhere\"\n");
    write("share/datasets/photos.toml", "plugin = \"cifar100\"\nclasses = 60\nget = \"take them\"\n");
  }
  Plan plan_without(const std::vector<std::string>& overrides) {
    write("good.toml", kGood);
    PlanOptions wanted = options(overrides);
    wanted.missing_ok = true;
    return make_plan(wanted, catalogue_);
  }
};

TEST_F(Missing, DataAndWeightsAreListedNotRefused) {
  const Plan made = plan_without({"dataset.root=/nowhere", "weights.main.file=/none.safetensors"});
  ASSERT_EQ(made.missing.size(), 2u);
  EXPECT_EQ(made.missing[0], "cifar100: dataset.root: no such folder /nowhere; give another with --set dataset.root=DIR (from somewhere)");
  EXPECT_EQ(made.missing[1], "weights.main.file: no such file /none.safetensors; give another path with --set weights.main.file=FILE");
  const Plan there = plan(kGood);
  EXPECT_EQ(made.runs.size(), there.runs.size());
  EXPECT_EQ(made.runs[0].dataset.class_count, 100);
  EXPECT_EQ(made.runs[0].protocol.class_order, there.runs[0].protocol.class_order);
  EXPECT_NE(made.runs[0].dataset.fingerprint, there.runs[0].dataset.fingerprint);
}

TEST_F(Missing, WhatIsThereIsUsed) { EXPECT_TRUE(plan_without({}).missing.empty()); }

TEST_F(Missing, WithoutLeaveTheyAreMistakes) {
  EXPECT_EQ(mistake(kGood, {"dataset.root=/nowhere"}),
            "--set dataset.root=/nowhere: dataset.root: no such folder /nowhere; give another with --set dataset.root=DIR");
}

TEST_F(Missing, AtTheDefaultPlaceTheMistakeSaysWhereToGetIt) {
  catalogue_.absent = "cifar100";
  const std::string text = kGood;
  const size_t root = text.find("root = ");
  const std::string without_root = text.substr(0, root) + text.substr(text.find('\n', root) + 1);
  EXPECT_EQ(mistake(without_root),
            "good.toml:3:6: /usr/share/cifar100: is missing; `clbench data info cifar100` says how to get it: from somewhere");
}

class ByName : public Missing {
 protected:
  // kGood with `dataset` in place of its [dataset].
  static std::string with_dataset(const std::string& dataset) {
    std::string text = kGood;
    const size_t begin = text.find("[dataset]"), end = text.find("\n[", begin);
    return "dataset = " + dataset + "\n" + text.substr(0, begin) + text.substr(end + 1);
  }
  Plan plan_in(const std::string& dataset, bool missing_ok = false) {
    write("good.toml", with_dataset(dataset));
    PlanOptions wanted = options();
    wanted.data_folders = {folder_ / "first", folder_ / "second"};
    wanted.missing_ok = missing_ok;
    return make_plan(wanted, catalogue_);
  }
  std::string mistake_in(const std::string& dataset) {
    try {
      plan_in(dataset);
    } catch (const base::Error& error) {
      std::string sentence = error.what();
      for (size_t at; (at = sentence.find(folder_.string() + "/")) != std::string::npos;) sentence.erase(at, folder_.string().size() + 1);
      return sentence;
    }
    return "";
  }
};

TEST_F(ByName, TheFoldersOfDataComeBeforeTheKnownPlace) {
  write("share/datasets/photos.toml", "plugin = \"cifar100\"\nclasses = 100\nroot = \"../../cifar\"\nget = \"take them\"\n");
  EXPECT_EQ(plan_in("\"photos\"").runs.at(0).dataset.root, (folder_ / "cifar").string());
  fs::create_directories(folder_ / "second/photos/train");
  EXPECT_EQ(plan_in("\"photos\"").runs.at(0).dataset.root, (folder_ / "second/photos").string());
  fs::create_directories(folder_ / "first/photos/train");
  EXPECT_EQ(plan_in("\"photos\"").runs.at(0).dataset.root, (folder_ / "first/photos").string());
  EXPECT_EQ(plan_in("{ name = \"photos\", root = \"second/photos\" }").runs.at(0).dataset.root, (folder_ / "second/photos").string());
  EXPECT_EQ(plan_in("{ id = \"cifar100\", root = \"cifar\" }").runs.at(0).dataset.root, (folder_ / "cifar").string());
}

TEST_F(ByName, OneSentenceSaysWhereItWasLookedForAndWhatGetsIt) {
  write("share/datasets/photos.toml", "plugin = \"cifar100\"\nclasses = 60\nroot = \"../nowhere\"\nget = \"take them\"\n");
  EXPECT_EQ(
      mistake_in("\"photos\""),
      "good.toml:1:11: dataset: photos is in none of first, second and not at share/nowhere; `clbench data info photos` says how to get "
      "it, or name its folder with --set dataset.root=DIR (take them)");
  write("share/datasets/photos.toml",
        "plugin = \"cifar100\"\nclasses = 60\nroot = \"../nowhere\"\nget = \"take them\"\n[[file]]\nurl = "
        "\"https://data.invalid/photos.tar\"\n");
  const Plan made = plan_in("\"photos\"", true);
  ASSERT_EQ(made.missing.size(), 1u);
  EXPECT_NE(made.missing[0].find("; `clbench data get photos` gets it, or name its folder"), std::string::npos) << made.missing[0];
  EXPECT_EQ(made.runs.at(0).dataset.class_count, 60);
}

TEST_F(ByName, WithoutAKnownPlaceThePluginsIsTried) {
  write("share/datasets/photos.toml", "plugin = \"cifar100\"\nclasses = 100\nget = \"take them\"\n");
  EXPECT_EQ(plan_in("\"photos\"").runs.at(0).dataset.root, "/usr/share/cifar100");
  catalogue_.absent = "cifar100";
  EXPECT_EQ(
      mistake_in("\"photos\""),
      "good.toml:1:11: /usr/share/cifar100: is missing; photos is in none of first, second; `clbench data info photos` says how to get "
      "it: take them");
}

TEST_F(ByName, WithTheIdAloneWhatWasFetchedComesBeforeThePlaceOfThePlugin) {
  write("share/datasets/cifar100.toml", "plugin = \"cifar100\"\nclasses = 100\nroot = \"../../cifar\"\nget = \"take them\"\n");
  EXPECT_EQ(plan_in("{ id = \"cifar100\" }").runs.at(0).dataset.root, "/usr/share/cifar100");
  fs::create_directories(folder_ / "second/cifar100/train");
  EXPECT_EQ(plan_in("{ id = \"cifar100\" }").runs.at(0).dataset.root, (folder_ / "second/cifar100").string());
}

TEST_F(ByName, ParametersOfTheNameUnlessTheExperimentGivesItsOwn) {
  catalogue_.of_data = {param("split", "string", "usual"), param("depth", "int", 3, 0, 9)};
  write("share/datasets/photos.toml",
        "plugin = \"cifar100\"\nclasses = 100\ntrain = 1\nroot = \"../../cifar\"\nget = \"take them\"\nparams = { split = \"pilot\", depth "
        "= 5 }\n"
        "[splits.coda]\ntrain = 500\n");
  EXPECT_EQ(plan_in("\"photos\"").runs.at(0).dataset.params, (base::Json{{"split", "pilot"}, {"depth", 5}}));
  const Plan other = plan_in("{ name = \"photos\", params = { split = \"coda\" } }");
  EXPECT_EQ(other.runs.at(0).dataset.params, (base::Json{{"split", "coda"}, {"depth", 5}}));
  ASSERT_EQ(other.warnings.size(), 1u);  // the counts are held against those of the split
  EXPECT_NE(other.warnings[0].find("but photos (split coda) has 100, 500 and an unknown number; it is another split"), std::string::npos)
      << other.warnings[0];
  write("share/datasets/photos.toml",
        "plugin = \"cifar100\"\nclasses = 100\nroot = \"../../cifar\"\nget = \"take them\"\nparams = { spilt = \"pilot\" }\n");
  EXPECT_NE(mistake_in("\"photos\"").find("share/datasets/photos.toml:5:"), std::string::npos) << mistake_in("\"photos\"");
}

// The catalogue cannot read what lies in a folder of that name.
TEST_F(ByName, DataThatAreThereAndCannotBeReadAreNotMissing) {
  const std::string known = "plugin = \"vectors\"\nclasses = 60\nget = \"take them\"\n";
  write("share/datasets/locked.toml", known);
  fs::create_directories(folder_ / "first/locked/train");
  try {
    plan_in("\"locked\"", true);
    FAIL() << "expected an Error";
  } catch (const base::Error& error) {
    EXPECT_TRUE(std::string(error.what()).ends_with("first/locked: cannot be read")) << error.what();
  }
  write("share/datasets/locked.toml", known + "[[file]]\nby_hand = \"ask\"\nto = \"splits/a.txt\"\n");
  write("good.toml", with_dataset("\"locked\""));
  PlanOptions wanted = options({"weights.main.file=/none.safetensors"});
  wanted.data_folders = {folder_ / "first"};
  wanted.missing_ok = true;
  const Plan made = make_plan(wanted, catalogue_);
  EXPECT_NE(made.missing.at(0).find("first/locked: cannot be read; `clbench data info locked` says how to get it"), std::string::npos)
      << made.missing.at(0);
}

TEST_F(Missing, ANameBringsItsClasses) {
  EXPECT_EQ(plan_without({"dataset.root=/nowhere", "dataset.name=photos"}).runs.at(0).dataset.class_count, 60);
  EXPECT_EQ(mistake(kGood, {"dataset.name=fotos"}),
            "--set dataset.name=fotos: dataset.name: nothing is known of \"fotos\"; did you mean \"photos\"?");
  EXPECT_EQ(mistake(kGood, {"dataset.id=fashion_mnist", "dataset.name=photos"}),
            "--set dataset.id=fashion_mnist: dataset.id: photos is read by the plugin cifar100, not fashion_mnist");
}

TEST_F(Missing, AnotherSplitUnderTheNameIsWarnedOf) {
  const Plan made = plan(kGood, {"dataset.name=photos"});
  ASSERT_FALSE(made.warnings.empty());
  EXPECT_NE(made.warnings[0].find("but photos has 60"), std::string::npos) << made.warnings[0];
}

}  // namespace
}  // namespace clb::plan::testing
