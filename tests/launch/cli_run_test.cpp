// clbench run from the experiment file to the table, with a fake runner.
#include <clb/base/file.hpp>
#include <fstream>
#include <sstream>

#include "cli_fixture.hpp"

namespace clb::testing {
namespace {

using base::Json;

TEST_F(Cli, RunEndsWithATableAndSkipsWhatIsFinished) {
  const std::string file = experiment_file("ok");
  const auto first = run(file);
  EXPECT_EQ(first.exit_code, 0) << first.err;
  EXPECT_TRUE(contains(first.err, "run 2 of 2: fake seed 1: task 5/5 done, accuracy 70.00 % of 50 samples")) << first.err;
  EXPECT_TRUE(contains(first.out, "results: " + database())) << first.out;
  EXPECT_TRUE(contains(first.out, "fake")) << first.out;
  EXPECT_EQ(statuses(), (std::vector<std::string>{"ok", "ok"}));

  const auto second = run(file);
  EXPECT_EQ(second.exit_code, 0) << second.err;
  EXPECT_EQ(second.err, "2 of 2 runs are finished and skipped; --again repeats them\n");
  EXPECT_TRUE(contains(second.out, "fake")) << second.out;

  const Json again = json({"status", "--db", database()});
  EXPECT_EQ(again[0]["attempts"], 1);
  EXPECT_EQ(run(file, {"--again"}).exit_code, 0);
  EXPECT_EQ(json({"status", "--db", database()})[0]["attempts"], 2);
}

TEST_F(Cli, AnotherBuildIsRunAgainUnlessAccepted) {
  const std::string file = experiment_file("ok");
  EXPECT_EQ(run(file).exit_code, 0);
  std::ofstream(prefix() / "lib/clbench/methods/fake.so", std::ios::app | std::ios::binary) << "another build";
  EXPECT_TRUE(contains(run(file, {"--dry-run"}).err, "--any-build would accept them"));
  EXPECT_TRUE(contains(run(file, {"--any-build"}).err, "2 of 2 runs were finished by another build"));
  EXPECT_EQ(json({"status", "--db", database()})[0]["attempts"], 1);
  EXPECT_EQ(run(file).exit_code, 0);
  EXPECT_EQ(json({"status", "--db", database()})[0]["attempts"], 2);
}

TEST_F(Cli, AFailedRunIsARowAndTheNextGoesOn) {
  const auto ended = run(experiment_file("crash"), {"--set", "method.fake.params.at=[2,100]", "--set", "run.seed=[0]"});
  EXPECT_EQ(ended.exit_code, 1);
  EXPECT_TRUE(contains(ended.err, "these runs did not end well:\n  fake at=2 seed 0: crashed: SIGSEGV in train_task, task 3\n"))
      << ended.err;
  EXPECT_EQ(statuses(), (std::vector<std::string>{"crashed: SIGSEGV in train_task, task 3", "ok"}));
  const Json rows = json({"status", "--db", database()});
  EXPECT_EQ(rows[0]["tasks_done"], 2);
  EXPECT_EQ(rows[1]["tasks_done"], 5);
  EXPECT_TRUE(contains(rows[0]["log_tail"].get<std::string>(), "fake runner"));
}

TEST_F(Cli, LimitsReachTheRunner) {
  const std::string file = experiment_file("hang");
  EXPECT_EQ(run(file, {"--set", "run.seed=[0]", "--max-silence", "0.5s", "--max-time", "1h"}).exit_code, 1);
  EXPECT_EQ(statuses(), (std::vector<std::string>{"timeout: silent for 0.5 s in train_task, task 3"}));
}

TEST_F(Cli, DryRunListsAndStartsNothing) {
  const auto text = run(experiment_file("ok"), {"--dry-run"});
  EXPECT_EQ(text.exit_code, 0) << text.err;
  EXPECT_TRUE(contains(text.out, "2 runs to start, expected time unknown\n")) << text.out;
  EXPECT_FALSE(fs::exists(database()));
  EXPECT_EQ(run(experiment_file("ok"), {"--set", "run.seed=[0]"}).exit_code, 0);
  EXPECT_TRUE(contains(run(experiment_file("ok"), {"--dry-run"}).out, "1 runs to start, expected time 0."));
}

TEST_F(Cli, DryRunJsonIsWhatTheRunnerTakes) {
  const auto lines = run(experiment_file("ok"), {"--dry-run", "--json"});
  EXPECT_EQ(lines.err, "");
  std::istringstream in(lines.out);
  int count = 0;
  for (std::string line; std::getline(in, line); ++count) {
    const Json spec = Json::parse(line);
    EXPECT_EQ(spec["seed"], count);
    fs::create_directories(spec["execution"]["run_dir"].get<std::string>());
    const std::string file = folder_.write("one.json", line).string();
    const auto ended = launch::capture({.program = CLB_FAKE_RUNNER, .arguments = {"run", file}}, 60);
    EXPECT_EQ(ended.exit_code, 0) << ended.err;
    EXPECT_TRUE(contains(ended.out, "\"t\":\"done\"")) << "without CLB_EVENT_FD events go to stdout";
  }
  EXPECT_EQ(count, 2);
}

TEST_F(Cli, ShardsPartitionThePlan) {
  const std::string file = experiment_file("ok");
  std::vector<int64_t> seeds;
  for (const char* shard : {"1/3", "2/3", "3/3"}) {
    std::istringstream in(run(file, {"--dry-run", "--json", "--shard", shard, "--set", "run.seed=[0,1,2,3,4,5,6]"}).out);
    for (std::string line; std::getline(in, line);) seeds.push_back(Json::parse(line)["seed"]);
  }
  EXPECT_EQ(seeds, (std::vector<int64_t>{0, 3, 6, 1, 4, 2, 5}));
}

TEST_F(Cli, APresetNamesItsExperiment) {
  const auto ended = run("fake/brief", {"--json"});
  EXPECT_EQ(ended.exit_code, 0) << ended.err;
  const Json summary = Json::parse(ended.out);
  ASSERT_EQ(summary["runs"].size(), 2u);
  EXPECT_EQ(summary["runs"][0]["preset"], "brief");
  EXPECT_EQ(summary["runs"][0]["status"], "ok");
  EXPECT_TRUE(fs::exists(summary["runs"][0]["folder"].get<std::string>() + "/log.txt"));
}

TEST_F(Cli, TableInAllFormats) {
  EXPECT_EQ(run(experiment_file("ok")).exit_code, 0);
  EXPECT_TRUE(contains(clbench({"table", "--db", database(), "--format", "markdown"}).out, "|"));
  EXPECT_TRUE(contains(clbench({"table", "--db", database(), "--format", "csv"}).out, "acc.last.sample"));
  EXPECT_TRUE(json({"table", "--db", database(), "--metrics", "acc.last.sample"}).is_structured());
  const auto unknown = clbench({"table", "--db", database(), "--metrics", "acc.lst.sample"});
  EXPECT_EQ(unknown.exit_code, 2);
  EXPECT_TRUE(contains(unknown.err, "acc.last.sample")) << unknown.err;
}

}  // namespace
}  // namespace clb::testing
