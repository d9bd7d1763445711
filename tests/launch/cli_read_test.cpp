// The verbs that start no run.
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <clb/base/file.hpp>
#include <fstream>
#include <map>

#include "cli_fixture.hpp"

namespace clb::testing {
namespace {

using base::Json;

TEST_F(Cli, ListShowsHiddenAndRefusedFiles) {
  TempFolder extra;
  fs::copy_file(fs::path(CLB_FAKE_PLUGINS) / "fake_method_newer.so", extra.path() / "newer.so");
  extra.write("broken.so", "no library");
  const Json all = json({"list", "--plugin-path", extra.path().string()});
  ASSERT_EQ(all.at("methods").size(), 2u);
  EXPECT_EQ(all["methods"][0]["version"], "2.0.0");
  EXPECT_EQ(all["methods"][0]["used"], true);
  EXPECT_EQ(all["methods"][1]["hidden_by"], (extra.path() / "newer.so").string());
  EXPECT_EQ(all["methods"][0]["capabilities"], (Json{"frozen_features", "bitwise"}));
  EXPECT_EQ(all["datasets"][0]["id"], "digits");
  EXPECT_EQ(all["presets"][0]["about"], "the fake method, briefly");
  ASSERT_EQ(all["refused"].size(), 1u);

  const auto text = clbench({"list", "methods", "--plugin-path", extra.path().string()});
  EXPECT_EQ(text.exit_code, 0);
  EXPECT_TRUE(contains(text.out, "fake    2.0.0")) << text.out;
  EXPECT_TRUE(contains(text.out, "hidden by ")) << text.out;
  EXPECT_TRUE(contains(text.out, "refused: ")) << text.out;
  EXPECT_FALSE(contains(text.out, "digits")) << text.out;
}

TEST_F(Cli, InfoOfAMethodAndOfADataset) {
  const Json method = json({"info", "fake"});
  EXPECT_EQ(method["kind"], "method");
  EXPECT_EQ(method["presets"], Json{"fake/brief"});
  const auto text = clbench({"info", "fake"});
  EXPECT_TRUE(contains(text.out, "behave     string  \"ok\"")) << text.out;
  EXPECT_TRUE(contains(text.out, "0 to 100")) << text.out;

  const Json dataset = json({"info", "digits"});
  EXPECT_EQ(dataset["class_count"], 10);
  EXPECT_FALSE(dataset["fingerprint"].get<std::string>().empty());
  const auto missing = clbench({"info", "digits", "--root", "/no/data"});
  EXPECT_EQ(missing.exit_code, 2);
  EXPECT_EQ(missing.err, "clbench: /no/data: the dataset's folder does not exist\n");
}

TEST_F(Cli, TasksAsData) {
  const std::string file = experiment_file("ok");
  const Json streams = json({"tasks", file, "--set", "protocol.stop_after=3", "--set", "protocol.order=\"pilot\""});
  ASSERT_EQ(streams.size(), 1u);  // two seeds, one stream
  const Json& stream = streams[0];
  EXPECT_EQ(stream["class_order"].size(), 10u);
  ASSERT_EQ(stream["tasks"].size(), 5u);
  Json joined = Json::array();
  for (const Json& task : stream["tasks"]) {
    for (const Json& label : task["classes"]) joined.push_back(label);
  }
  EXPECT_EQ(joined, stream["class_order"]);
  EXPECT_EQ(stream["tasks"][2]["runs"], true);
  EXPECT_EQ(stream["tasks"][3]["runs"], false);

  const auto text = clbench({"tasks", file});
  EXPECT_TRUE(contains(text.out, "  task 1, 2 classes: 0 zero, 1 one\n")) << text.out;
}

TEST_F(Cli, CacheKeepsWhatIsInUse) {
  const std::string key(64, 'a'), features = "cache/features/" + key + "/", data = "cache/data/" + key + "/";
  fs::create_directories(folder_.path() / features);
  fs::create_directories(folder_.path() / data);
  folder_.write(features + "1111111111111111.safetensors", "12345");
  folder_.write(features + "2222222222222222.safetensors", "123");
  folder_.write(data + "train.decoded", "1");
  const fs::path held = folder_.path() / (features + "1111111111111111.safetensors");
  const fs::path old = folder_.write(features + "3333333333333333.safetensors", "1");
  fs::last_write_time(old, fs::file_time_type::clock::now() - std::chrono::hours(24 * 40));

  const auto aged = json({"cache", "prune", "--older-than", "30"});
  EXPECT_EQ(aged["removed"], 1);
  EXPECT_FALSE(fs::exists(old));

  const Json list = json({"cache", "list"});
  EXPECT_EQ(list["files"].size(), 3u);
  {
    const auto lock = base::FileLock::try_lock(folder_.path() / (data + "lock"));
    const int reader = open(held.c_str(), O_RDONLY);
    ASSERT_EQ(flock(reader, LOCK_SH), 0);
    EXPECT_EQ(json({"cache", "prune", "--all"})["in_use"], 2);
    close(reader);
  }
  EXPECT_TRUE(fs::exists(held));
  EXPECT_TRUE(fs::exists(folder_.path() / (data + "train.decoded")));
  EXPECT_FALSE(fs::exists(folder_.path() / (features + "2222222222222222.safetensors")));
  EXPECT_EQ(json({"cache", "prune", "--all"})["removed"], 2);  // their lock files stay
}

TEST_F(Cli, DoctorFindsASoundInstallation) {
  const auto ended = clbench({"doctor", "--db", database()});
  EXPECT_EQ(ended.exit_code, 0) << ended.out;
  EXPECT_TRUE(contains(ended.out, "LibTorch 0.0.0; devices: cpu")) << ended.out;
  EXPECT_TRUE(contains(ended.out, "1 methods, 1 datasets")) << ended.out;
}

TEST_F(Cli, DoctorNamesWhatIsBroken) {
  fs::remove(prefix() / "bin/clb-runner");
  folder_.write("prefix/lib/clbench/methods/broken.so", "no library");
  folder_.write("results.sqlite", std::string(5000, 'x'));
  const Json findings = json({"doctor", "--db", database()});
  std::map<std::string, std::string> states;
  for (const Json& finding : findings) states[finding["what"]] = finding["state"];
  EXPECT_EQ(states["runner"], "bad");
  EXPECT_EQ(states["plugins"], "bad");
  EXPECT_EQ(states["database"], "bad");
  EXPECT_NE(states["cache"], "bad");
  EXPECT_EQ(clbench({"doctor", "--db", database()}).exit_code, 1);
}

// From a run to an answer: the fake method repeats bit for bit, whatever it is told, until it predicts otherwise.
TEST_F(Cli, CompareGateAndHistoryOfRealFiles) {
  const std::string file = experiment_file("ok"), head = (folder_.path() / "head.sqlite").string();
  ASSERT_EQ(run(file, {"--set", "run.seed=[0,1,2]"}).exit_code, 0);
  ASSERT_EQ(clbench({"run", file, "--db", head, "--set", "run.seed=[0,1,2]"}).exit_code, 0);

  const auto same = clbench({"gate", "--base", database(), "--head", head});
  EXPECT_EQ(same.exit_code, 0) << same.out << same.err;
  EXPECT_TRUE(contains(same.out, "accuracy:      unchanged")) << same.out;
  EXPECT_EQ(json({"gate", "--base", database(), "--head", head})["verdict"], "unchanged");
  EXPECT_EQ(clbench({"gate", "--base", database(), "--head", database()}).exit_code, 2);
  EXPECT_TRUE(contains(clbench({"gate", "--base", database(), "--plan"}).out, "seeds needed"));

  const auto compared = clbench({"compare", database(), head});
  EXPECT_EQ(compared.exit_code, 0) << compared.err;
  EXPECT_TRUE(contains(compared.out, "made the same predictions (1 distinct result of 3 seeds)")) << compared.out;

  const Json list = json({"history", "--db", database()});
  ASSERT_EQ(list["series"].size(), 1u);
  const std::string commit = json({"history", "fake", "--db", database()})["points"][0]["commit"];
  EXPECT_EQ(clbench({"history", "fake", "--db", database(), "--annotate", commit, "first light"}).exit_code, 0);
  const Json line = json({"history", list["series"][0]["series"].get<std::string>().substr(0, 12), "--db", database()});
  EXPECT_EQ(line["points"][0]["annotations"], Json{"first light"});
}

TEST_F(Cli, AMissingOrDamagedDatabaseIsTheUsersMistake) {
  for (const std::string verb : {"status", "table", "history"}) {
    EXPECT_EQ(clbench({verb, "--db", database()}).exit_code, 2);
    EXPECT_FALSE(fs::exists(database()));
  }
  folder_.write("results.sqlite", std::string(5000, 'x'));
  for (const std::string verb : {"status", "table"}) {
    const auto ended = clbench({verb, "--db", database()});
    EXPECT_EQ(ended.exit_code, 2);
    EXPECT_TRUE(contains(ended.err, "results.sqlite")) << ended.err;
  }
}

}  // namespace
}  // namespace clb::testing
