// A method and a dataset in plain C, found by --plugin-path: the real binaries take them for what they are, and the method computes what
// SimpleCIL computes.
#include <clb/base/json.hpp>

#include "e2e/cli.hpp"

namespace {

using clb::base::Json;
using clb::testing::Ended;
namespace fs = std::filesystem;

constexpr int64_t kClasses = 6, kTestPerClass = 4;  // of c_dataset.c

class CPlugins : public ::testing::Test {
 protected:
  Ended clbench(std::vector<std::string> words) const {
    words.insert(words.begin(), (fs::path(CLB_BINARY_DIR) / "bin/clbench").string());
    words.insert(words.end(), {"--plugin-path", (fs::path(CLB_BINARY_DIR) / "tests/plugins").string()});
    return clb::testing::run_program(folder_.path(), words, {"CLB_CACHE=" + (folder_.path() / "cache").string()});
  }
  Json json(std::vector<std::string> words) const {
    words.push_back("--json");
    const Ended ended = clbench(std::move(words));
    EXPECT_EQ(ended.code, 0) << ended.err;
    return Json::parse(ended.out);
  }
  Ended run(const std::vector<std::string>& more = {}) const {
    const fs::path experiment = folder_.write(
        "experiment.toml",
        "name = \"c\"\n[dataset]\nid = \"c_dataset\"\nroot = \".\"\n[weights.main]\n"
        "random = { image = 32, patch = 8, dim = 32, depth = 2, heads = 2, seed = 0 }\n[protocol]\nkind = \"class\"\nsplit = \"B0-Inc2\"\n"
        "order = \"pilot\"\neval_transform = \"micro-32\"\n[run]\nseed = 0\nthreads = 1\ndevice = \"cpu\"\n[[method]]\nid = \"c_method\"\n"
        "[[method]]\nid = \"simplecil\"\n");
    std::vector<std::string> words{"run", experiment.string(), "--db", database().string()};
    words.insert(words.end(), more.begin(), more.end());
    return clbench(std::move(words));
  }
  fs::path database() const { return folder_.path() / "runs.sqlite"; }

  clb::testing::TempFolder folder_;
};

// What `list` says of the plugin with this id.
Json entry(const Json& plugins, const std::string& id) {
  const auto found = std::find_if(plugins.begin(), plugins.end(), [&](const Json& plugin) { return plugin["id"] == id; });
  return found == plugins.end() ? Json::object() : *found;
}

TEST_F(CPlugins, ListAndInfoShowThem) {
  const Json list = json({"list"});
  EXPECT_EQ(entry(list["methods"], "c_method")["used"], true);
  EXPECT_EQ(entry(list["methods"], "c_method")["libtorch"], "");
  EXPECT_EQ(entry(list["datasets"], "c_dataset")["used"], true);

  const Json method = json({"info", "c_method"});
  EXPECT_EQ(method["capability_names"], (Json{"statistics_only", "frozen_features", "bitwise"}));
  ASSERT_EQ(method["params"].size(), 1u);
  EXPECT_EQ(method["params"][0]["name"], "batch_size");

  const Json dataset = json({"info", "c_dataset", "--root", folder_.path().string()});
  EXPECT_EQ(dataset["class_count"], kClasses);
  EXPECT_EQ(dataset["licence"], "public domain");
}

TEST_F(CPlugins, PredictWhatSimpleCilPredicts) {
  const Ended ended = run();
  ASSERT_EQ(ended.code, 0) << ended.err;
  const auto store = clb::store::Store::open(database(), clb::store::Store::Mode::kRead);
  const auto rows = store.runs();
  ASSERT_EQ(rows.size(), 2u);
  for (int64_t task = 0; task < kClasses / 2; ++task) {
    const auto of_c = store.prediction(rows[0].attempt_id, task);
    EXPECT_EQ(of_c, store.prediction(rows[1].attempt_id, task)) << "after task " << task;
  }
  const auto last = store.prediction(rows[0].attempt_id, kClasses / 2 - 1);
  ASSERT_EQ(last.size(), static_cast<size_t>(kClasses * kTestPerClass));
  int64_t correct = 0;
  for (size_t i = 0; i < last.size(); ++i) correct += last[i] == static_cast<int64_t>(i) % kClasses;
  EXPECT_GT(correct, kClasses * kTestPerClass / 2) << "stripes are easy even for an untrained network";
}

// Members of the ABI are only ever appended: what was built before the newest member of each struct existed still runs, to the same result.
TEST_F(CPlugins, AnOlderPluginStillRuns) {
  const auto newest = [&] {
    const auto store = clb::store::Store::open(database(), clb::store::Store::Mode::kRead);
    const auto row = store.runs()[0];
    return std::pair{row.plugin_hash, store.prediction(row.attempt_id, kClasses / 2 - 1)};
  };
  ASSERT_EQ(run().code, 0);
  const auto now = newest();
  // Of two files with one id the first wins.
  const Ended ended = run({"--plugin-path", (fs::path(CLB_BINARY_DIR) / "tests/old_plugins").string()});
  ASSERT_EQ(ended.code, 0) << ended.err;
  const auto old = newest();
  EXPECT_NE(old.first, now.first);
  EXPECT_EQ(old.second, now.second);
}

TEST_F(CPlugins, TheirParametersAreChecked) {
  const Ended ended = run({"--set", "method.c_method.params.batch_size=0"});  // 1 to 65536
  EXPECT_EQ(ended.code, 2);
  EXPECT_NE(ended.err.find("65536"), std::string::npos) << ended.err;
}

// A parameter that a method gets later, with a neutral value: runs that do not use it are the runs that they were.
TEST_F(CPlugins, AParameterThatCameLaterChangesNoRun) {
  const auto run_with = [&](const std::string& folder, const std::string& gain) {
    std::vector<std::string> more{"--plugin-path", (fs::path(CLB_BINARY_DIR) / "tests" / folder).string()};
    if (!gain.empty()) more.insert(more.end(), {"--set", "method.c_method.params.gain=" + gain});
    const Ended ended = run(more);
    EXPECT_EQ(ended.code, 0) << ended.err;
    const auto store = clb::store::Store::open(database(), clb::store::Store::Mode::kRead);
    const auto all = store.attempts();
    const auto newest = std::find_if(all.rbegin(), all.rend(), [](const auto& row) { return row.method == "c_method"; });
    return std::pair{*newest, store.logit_hashes(newest->attempt_id).at(kClasses / 2 - 1)};
  };
  ASSERT_EQ(run().code, 0);
  const auto [before, logits] = run_with("plugins", "");
  const auto [silent, same_logits] = run_with("gain_plugins", "");
  EXPECT_NE(silent.plugin_hash, before.plugin_hash);
  EXPECT_EQ(silent.key, before.key);
  EXPECT_EQ(silent.config_key, before.config_key);
  EXPECT_EQ(same_logits, logits) << "the method got the neutral value";
  const auto [used, louder] = run_with("gain_plugins", "2");
  EXPECT_NE(used.key, before.key);
  EXPECT_NE(louder, logits);
  // A default that is not neutral: who says nothing has a new run, who says the neutral value the old one.
  const auto [by_default, loud_by_default] = run_with("louder_plugins", "");
  EXPECT_EQ(by_default.key, used.key);
  EXPECT_EQ(loud_by_default, louder);
  const auto [turned_off, quiet] = run_with("louder_plugins", "1.0");
  EXPECT_EQ(turned_off.key, before.key);
  EXPECT_EQ(quiet, logits);

  const Json params = json({"info", "c_method", "--plugin-path", (fs::path(CLB_BINARY_DIR) / "tests/gain_plugins").string()})["params"];
  EXPECT_TRUE(params.at(0).at("neutral").is_null());
  EXPECT_EQ(params.at(1).at("neutral"), 1.0);
  const Json rows = json({"table", "--db", database().string()});
  EXPECT_EQ(rows.at("tables").size(), 1u);
}

}  // namespace
