// Assets, text of classes, and parameters of a dataset: they reach the runs that use them and change the key of no other.
#include "plan_fixture.hpp"

namespace clb::plan::testing {
namespace {

// l2p opens captions and has lists of words; simplecil reads names of classes; fashion_mnist comes in two splits.
class Texts final : public FakeCatalogue {
 public:
  base::MethodInfo method(const std::string& id) override {
    base::MethodInfo info = FakeCatalogue::method(id);
    if (id == "l2p") {
      info.assets = {"captions"};
      info.params.push_back(param("words", "string_list", base::Json::array({"a", "b"})));
      info.params.push_back(param("level", "int", 0, 0, 9));
      info.params.back().implies = CLB_CAP_STOCHASTIC;
      info.params.back().implied_when = 1;
      info.params.back().implications = {{2, CLB_CAP_EXTERNAL_DATA}, {3, CLB_CAP_BATCH_DEPENDENT}};
    } else {
      info.capabilities |= CLB_CAP_TEXT_TOWER;
    }
    return info;
  }
  std::vector<base::ParamInfo> dataset_params(const std::string& id) override {
    if (id != "fashion_mnist") return {};
    std::vector<base::ParamInfo> params{param("part", "choice", "first")};
    params[0].choices = {"first", "second"};
    params[0].neutral = "first";
    return params;
  }
  base::DatasetInfo dataset(const std::string& id, const std::string& root) override {
    base::DatasetInfo info = FakeCatalogue::dataset(id, root);
    if (id == "fashion_mnist") {
      info.readable_names.assign(10, "a coat");
      info.templates = {"the {}"};
    }
    return info;
  }
  base::DatasetInfo dataset_with(const std::string& id, const std::string& root, const base::Json& params) override {
    base::DatasetInfo info = dataset(id, root);
    info.fingerprint += base::canonical(params);
    return info;
  }
};

class PlanTexts : public PlanTest {
 protected:
  Plan plan(const std::string& more, const std::vector<std::string>& overrides = {}) {
    write("good.toml", more + kTail);
    return make_plan(options(overrides), texts_);
  }
  std::string mistake(const std::string& more, const std::vector<std::string>& overrides = {}) {
    try {
      plan(more, overrides);
    } catch (const base::Error& error) {
      EXPECT_EQ(error.exit(), base::Exit::kUserMistake);
      return error.what();
    }
    return "";
  }
  std::string captions() const {
    return "[assets.captions]\nfile = \"captions.txt\"\nsha256 = \"" + base::hex(base::sha256_file(folder_ / "captions.txt")) + "\"\n";
  }
  void SetUp() override {
    PlanTest::SetUp();
    write("captions.txt", "a dog\na cat\n");
  }

  static constexpr const char* kTail =
      "[weights.main]\nrandom = {}\n[protocol]\nkind = \"class\"\nsplit = \"B0-Inc2\"\norder = \"identity\"\neval_transform = \"plain\"\n"
      "[[method]]\nid = \"l2p\"\n[[method]]\nid = \"simplecil\"\n";
  static constexpr const char* kData = "[dataset]\nid = \"fashion_mnist\"\n";
  Texts texts_;
};

TEST_F(PlanTexts, AnAssetGoesToTheMethodThatDeclaresItAndIntoItsKey) {
  const Plan without = plan(kData), with = plan(std::string(kData) + captions());
  ASSERT_EQ(with.runs.size(), 2u);
  EXPECT_EQ(with.runs[0].assets.count("captions"), 1u);
  EXPECT_EQ(with.runs[0].execution.asset_files.at("captions"), (folder_ / "captions.txt").string());
  EXPECT_NE(with.runs[0].key(), without.runs[0].key());
  EXPECT_TRUE(with.runs[1].assets.empty());
  EXPECT_EQ(with.runs[1].key(), without.runs[1].key());
  const base::RunSpec read = base::RunSpec::from_json(with.runs[0].to_json(), "spec");
  EXPECT_EQ(read.key(), with.runs[0].key());
  EXPECT_EQ(read.execution.asset_files, with.runs[0].execution.asset_files);
}

TEST_F(PlanTexts, MistakesInAssetsAreSentences) {
  const std::string data = kData;
  EXPECT_NE(mistake(data + "[assets.captoins]\nfile = \"captions.txt\"\nsha256 = \"\"\n"), "");
  EXPECT_NE(mistake(data + "[assets.captions]\nfile = \"captions.txt\"\n").find("needs the digest"), std::string::npos);
  EXPECT_NE(mistake(data + "[assets.captions]\nfile = \"none.txt\"\nsha256 = \"00\"\n").find("no such file"), std::string::npos);
  std::string other = captions();
  other.replace(other.find("sha256 = \"") + 10, 4, "beef");
  EXPECT_NE(mistake(data + other).find("the experiment names beef"), std::string::npos);
  std::string nobody = captions();
  nobody.replace(nobody.find("captions]"), 8, "captoins");
  EXPECT_NE(mistake(data + nobody).find("no method of this experiment opens an asset \"captoins\"; did you mean"), std::string::npos);
}

TEST_F(PlanTexts, AnAssetMayBeADataSet) {
  const std::string data = kData, asset = "[assets.captions]\ndataset = ";
  const Plan without = plan(data), with = plan(data + asset + "{ id = \"cifar100\", root = \"cifar\" }\n");
  const base::RunSpec run = with.runs[0];
  EXPECT_NE(run.key(), without.runs[0].key());
  EXPECT_EQ(with.runs[1].key(), without.runs[1].key()) << "which does not declare it";
  const base::DatasetSpec& other = run.execution.asset_datasets.at("captions");
  EXPECT_EQ(other.id, "cifar100");
  EXPECT_EQ(run.assets.at("captions"), base::asset_fingerprint(other));
  const base::RunSpec read = base::RunSpec::from_json(run.to_json(), "spec");
  EXPECT_EQ(read.key(), run.key());
  EXPECT_EQ(read.execution.asset_datasets.at("captions").root, other.root);
  const Plan few = plan(data + asset + "{ id = \"cifar100\", root = \"cifar\", train_per_class = 2 }\n");
  EXPECT_NE(few.runs[0].key(), run.key()) << "other images";
}

TEST_F(PlanTexts, MistakesInAnAssetThatIsADataSetAreSentences) {
  const auto said = [&](const std::string& dataset, const std::string& more = "") {
    return mistake(std::string(kData) + "[assets.captions]\ndataset = " + dataset + "\n" + more);
  };
  EXPECT_NE(said("\"cifar10\"").find("did you mean \"cifar100\""), std::string::npos) << said("\"cifar10\"");
  EXPECT_NE(said("{ id = \"cifar100\", root = \"none\" }").find("assets.captions.dataset.root: no such folder"), std::string::npos);
  EXPECT_NE(said("{ id = \"cifar100\", rot = \"cifar\" }").find("unknown key \"rot\" in [assets.captions.dataset]"), std::string::npos);
  EXPECT_NE(said("3").find("assets.captions.dataset must be"), std::string::npos) << said("3");
  EXPECT_NE(said("\"cifar100\"", "file = \"captions.txt\"\n").find("assets.captions.file has no meaning beside a data set"),
            std::string::npos);
}

TEST_F(PlanTexts, NamesAndTemplatesGoToTextTowersAlone) {
  const Plan made = plan(kData);
  EXPECT_TRUE(made.runs[0].text.names.empty());
  EXPECT_EQ(made.runs[1].text.names, std::vector<std::string>(10, "a coat"));
  EXPECT_EQ(made.runs[1].text.templates, std::vector<std::string>{"the {}"});
  const base::RunSpec read = base::RunSpec::from_json(made.runs[1].to_json(), "spec");
  EXPECT_EQ(read.text.names, made.runs[1].text.names);
  EXPECT_EQ(read.key(), made.runs[1].key());
}

TEST_F(PlanTexts, ASequenceHasTheNamesOfItsDataSetsAndTheirTemplatesWhereTheyAreTheSame) {
  const auto text = [&](const std::string& parts) { return plan("[dataset]\nsequence = [" + parts + "]\n").runs[1].text; };
  const base::TextSpec two = text("\"fashion_mnist\", { id = \"cifar100\", root = \"cifar\" }");
  ASSERT_EQ(two.names.size(), 110u);
  EXPECT_EQ(two.names[9], "a coat");
  EXPECT_EQ(two.names[10], "apple") << "and not cifar100: apple, though both have one";
  EXPECT_EQ(two.names[12], "class 12") << "nobody names it";
  EXPECT_EQ(two.templates, std::vector<std::string>{"a photo of a {}."});
  EXPECT_EQ(text("\"fashion_mnist\", \"fashion_mnist\"").templates, std::vector<std::string>{"the {}"});
}

TEST_F(PlanTexts, ANeutralParameterOfADatasetChangesNoKey) {
  const std::string key = plan(kData).runs[0].key();
  EXPECT_EQ(plan(std::string(kData) + "params = { part = \"first\" }\n").runs[0].key(), key);
  const Plan second = plan(std::string(kData) + "params = { part = \"second\" }\n");
  EXPECT_NE(second.runs[0].key(), key);
  EXPECT_EQ(second.runs[0].dataset.params, (base::Json{{"part", "second"}}));
  EXPECT_NE(mistake(std::string(kData) + "params = { part = \"third\" }\n").find("dataset.params.part"), std::string::npos);
  EXPECT_NE(mistake(std::string(kData) + "params = { prat = \"first\" }\n").find("did you mean"), std::string::npos);
}

TEST_F(PlanTexts, ListsOfWordsAndSeveralImplications) {
  const auto run = [&](const std::string& params) { return plan(kData, {"method.l2p.params=" + params}).runs[0]; };
  EXPECT_EQ(run("{ words = [\"x\", \"\"] }").method.params.at("words"), (base::Json{"x", ""}));
  EXPECT_EQ(run("{ level = 0 }").method.capabilities & (CLB_CAP_STOCHASTIC | CLB_CAP_EXTERNAL_DATA), 0u);
  EXPECT_TRUE(run("{ level = 1 }").method.capabilities & CLB_CAP_STOCHASTIC);
  EXPECT_TRUE(run("{ level = 2 }").method.capabilities & CLB_CAP_EXTERNAL_DATA);
  EXPECT_TRUE(run("{ level = 3 }").method.capabilities & CLB_CAP_BATCH_DEPENDENT);
  EXPECT_NE(mistake(kData, {"method.l2p.params={ words = \"x\" }"}).find("must be a list of texts"), std::string::npos);
}

}  // namespace
}  // namespace clb::plan::testing
