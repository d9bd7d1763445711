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
  EXPECT_EQ(mistake(without_root), "good.toml:3:6: /usr/share/cifar100: is missing; where to get the data: from somewhere");
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
