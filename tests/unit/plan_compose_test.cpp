// Experiments composed of names: data set, protocol, method and preset.
#include <clb/base/toml/node.hpp>
#include <functional>
#include <map>
#include <set>

#include "plan_fixture.hpp"

namespace clb::plan::testing {
namespace {

using namespace base::toml;

class Compose : public PlanTest {
 protected:
  void SetUp() override {
    PlanTest::SetUp();
    fs::create_directories(folder_ / "data/photos");
    write("share/datasets/photos.toml",
          "plugin = \"cifar100\"\nclasses = 100\ntrain = 50000\ntest = 10000\nroot = \"../../data/photos\"\nget = \"take them\"\n");
    write("share/protocols/ten.toml", "split = \"B0-Inc10\"\norder = \"pilot\"\neval_transform = \"plain\"\n");
  }
  static std::string of(const std::string& parts) { return "name = \"good\"\n" + parts + "[weights.main]\nrandom = {}\n"; }
};

const std::string kWhole = R"([dataset]
id = "cifar100"
root = "data/photos"
[protocol]
split = "B0-Inc10"
order = "pilot"
eval_transform = "plain"
[[method]]
id = "l2p"
preset = "small"
)";

TEST_F(Compose, NamesStandForTheWhole) {
  const Plan named = plan(of("dataset = \"photos\"\nprotocol = \"ten\"\nmethod = \"l2p/small\"\n")), whole = plan(of(kWhole));
  ASSERT_EQ(named.runs.size(), whole.runs.size());
  EXPECT_EQ(named.runs[0].to_json(), whole.runs[0].to_json());
}

TEST_F(Compose, KeysBesideANameWin) {
  const Plan made =
      plan(of("protocol = { name = \"ten\", split = \"B0-Inc20\" }\nmethod = \"simplecil\"\n"
              "dataset = { name = \"photos\", train_per_class = 7 }\n"));
  EXPECT_EQ(made.runs.at(0).protocol.split, "B0-Inc20");
  EXPECT_EQ(made.runs.at(0).protocol.eval_transform.name, "plain");
  EXPECT_EQ(made.runs.at(0).dataset.train_per_class, 7);
}

TEST_F(Compose, OverridesReachIntoNamesAndReplaceThem) {
  const std::string text = of("dataset = \"photos\"\nprotocol = \"ten\"\nmethod = \"l2p/small\"\n");
  fs::create_directories(folder_ / "elsewhere");
  write("share/protocols/twenty.toml", "split = \"B0-Inc20\"\norder = \"identity\"\neval_transform = \"plain\"\n");
  const Plan made =
      plan(text, {"dataset.root=" + (folder_ / "elsewhere").string(), "protocol=twenty", "protocol.order=pilot", "method.params.top_k=3"});
  EXPECT_EQ(made.runs.at(0).dataset.root, (folder_ / "elsewhere").string());
  EXPECT_EQ(made.runs.at(0).protocol.split, "B0-Inc20");
  EXPECT_EQ(made.runs.at(0).protocol.order, "pilot");
  EXPECT_EQ(made.runs.at(0).method.params.at("top_k"), 3);
  EXPECT_EQ(plan(text, {"protocol.name=twenty"}).runs.at(0).protocol.order, "identity");
  EXPECT_EQ(plan(text, {"dataset=fashion_mnist", "method=simplecil"}).runs.at(0).dataset.id, "fashion_mnist");
  EXPECT_EQ(plan(text, {"dataset.id=fashion_mnist"}).runs.at(0).dataset.id, "fashion_mnist");
}

TEST_F(Compose, ListsOfNames) {
  const Plan made =
      plan(of("dataset = [\"photos\", \"fashion_mnist\"]\nprotocol = { name = \"ten\", order = \"identity\" }\n"
              "method = [\"simplecil\", { id = \"l2p\", params = { top_k = 2 } }]\n"));
  EXPECT_EQ(made.runs.size(), 4u);
}

TEST_F(Compose, Mistakes) {
  EXPECT_EQ(mistake(of("dataset = \"photos\"\nprotocol = \"tenn\"\nmethod = \"simplecil\"\n")),
            "good.toml:3:12: protocol.name: there is no protocol \"tenn\"; did you mean \"ten\"?");
  EXPECT_EQ(mistake(of("dataset = \"fotos\"\nprotocol = \"ten\"\nmethod = \"simplecil\"\n")),
            "good.toml:2:11: no dataset \"fotos\" is installed; installed datasets are cifar100, fashion_mnist, vectors");
  write("share/protocols/bad.toml", "spilt = \"B0-Inc10\"\n");
  EXPECT_EQ(mistake(of("dataset = \"photos\"\nprotocol = \"bad\"\nmethod = \"simplecil\"\n")),
            "share/protocols/bad.toml:1:1: unknown key \"spilt\" at the top level; did you mean \"split\"?");
}

TEST_F(Compose, APresetMayComposeItsExperiment) {
  write("share/presets/l2p/composed.toml",
        "[experiment]\nname = \"photos_ten\"\ndataset = \"photos\"\nprotocol = \"ten\"\nweights.main.random = {}\nrun = { seed = [1, 2] }\n"
        "[params]\ntop_k = 4\n");
  PlanOptions wanted = options();
  wanted = preset_options("l2p/composed", wanted);
  const Plan made = make_plan(wanted, catalogue_);
  ASSERT_EQ(made.runs.size(), 2u);
  EXPECT_EQ(made.name, "photos_ten");
  EXPECT_EQ(made.runs[1].seed, 2);
  EXPECT_EQ(made.runs[1].method.params.at("top_k"), 4);
  EXPECT_EQ(made.runs[1].method.preset, "composed");
  EXPECT_EQ(made.runs[1].dataset.root, (folder_ / "data/photos").string());
}

// What composing makes is not shipped as a file: any two files say different things in two places at least.
TEST(ShippedExperiments, NoTwoDifferInOneValue) {
  std::map<std::string, std::map<std::string, std::string>> files;
  const std::function<void(const Node&, const std::string&, std::map<std::string, std::string>&)> collect =
      [&](const Node& node, const std::string& path, std::map<std::string, std::string>& found) {
        if (const Table* table = node.table()) {
          for (const Entry& entry : table->entries())
            if (!path.empty() || entry.key != "name") collect(entry.value, path + "." + entry.key, found);
        } else if (const List* list = node.list(); list && !list->empty() && (list->front().table() || path == ".experiments")) {
          for (size_t i = 0; i < list->size(); ++i) collect((*list)[i], path + "." + std::to_string(i), found);
        } else {
          found[path] = node.in_words();
          if (list)
            for (const Node& one : *list) found[path] += one.in_words();
        }
      };
  for (const auto& entry : fs::directory_iterator(fs::path(CLB_SOURCE_DIR) / "share/experiments"))
    collect(parse_toml(base::read_file(entry.path()), entry.path().string()), "", files[entry.path().stem().string()]);
  ASSERT_GT(files.size(), 10u);
  for (auto a = files.begin(); a != files.end(); ++a) {
    for (auto b = std::next(a); b != files.end(); ++b) {
      std::set<std::string> keys, differ;
      for (const auto* side : {&a->second, &b->second})
        for (const auto& [key, value] : *side) keys.insert(key);
      for (const std::string& key : keys) {
        const auto left = a->second.find(key), right = b->second.find(key);
        if (left == a->second.end() || right == b->second.end() || left->second != right->second) differ.insert(key);
      }
      EXPECT_GE(differ.size(), 2u) << a->first << " and " << b->first << " differ in " << (differ.empty() ? "nothing" : *differ.begin());
    }
  }
}

}  // namespace
}  // namespace clb::plan::testing
