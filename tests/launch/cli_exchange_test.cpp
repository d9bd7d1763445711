// The verbs that carry results from file to file: shards, merge, audit, export, import.
#include <algorithm>
#include <clb/base/file.hpp>

#include "cli_fixture.hpp"

namespace clb::testing {
namespace {

using base::Json;

TEST_F(Cli, ShardsOfOnePlanMergeIntoOneFile) {
  const std::string file = experiment_file("ok"), first = (folder_.path() / "1.sqlite").string(),
                    second = (folder_.path() / "2.sqlite").string();
  EXPECT_TRUE(contains(clbench({"run", file, "--shard", "2/2", "--dry-run", "--db", second}).out, "part 2 of 2: 1 runs to start"));
  EXPECT_EQ(clbench({"run", file, "--shard", "1/2", "--db", first}).exit_code, 0);
  EXPECT_EQ(clbench({"run", file, "--shard", "2/2", "--db", second}).exit_code, 0);

  const auto merged = clbench({"merge", database(), first, second});
  EXPECT_EQ(merged.exit_code, 0) << merged.err;
  EXPECT_EQ(merged.out, database() + ": 2 runs (2 new), 2 attempts (2 new)\n");
  const Json again = json({"merge", database(), second, first});
  EXPECT_EQ(again.at("runs"), 2);
  EXPECT_EQ(again.at("new_runs"), 0);
  EXPECT_EQ(run(file).err, "2 of 2 runs are finished and skipped; --again repeats them\n") << "a merged file is written to like any other";
}

// The fake runner reports counts that do not follow from its predictions.
TEST_F(Cli, CountsThatDoNotFollowAreNamedAndNotMerged) {
  EXPECT_EQ(run(experiment_file("ok")).exit_code, 0);
  const auto audit = clbench({"audit", database()});
  EXPECT_EQ(audit.exit_code, 1) << audit.out;
  EXPECT_TRUE(contains(audit.out, "differs: run ")) << audit.out;
  EXPECT_TRUE(contains(audit.out, "after task 1")) << audit.out;
  const Json all = Json::parse(clbench({"audit", database(), "--json"}).out);
  EXPECT_EQ(all.at("differing"), 2);
  const std::string key = all.at("runs").at(0).at("key");
  EXPECT_EQ(Json::parse(clbench({"audit", key.substr(0, 10), "--db", database(), "--json"}).out).at("runs").size(), 1u);

  const std::string out = (folder_.path() / "out.sqlite").string();
  const auto refused = clbench({"merge", out, database(), "--audit"});
  EXPECT_EQ(refused.exit_code, 1);
  EXPECT_TRUE(contains(refused.err, "nothing was merged")) << refused.err;
  EXPECT_FALSE(fs::exists(out));
}

TEST_F(Cli, ExportGivesOneTableOrAll) {
  EXPECT_EQ(run(experiment_file("ok")).exit_code, 0);
  const Json all = json({"export", "--db", database()});
  EXPECT_EQ(all.at("runs").size(), 2u);
  EXPECT_EQ(all.at("evals").size(), 30u);
  const std::string out = (folder_.path() / "evals.csv").string();
  EXPECT_EQ(clbench({"export", "evals", "--format", "csv", "--out", out, "--db", database()}).exit_code, 0);
  EXPECT_TRUE(base::read_file(out).starts_with("run_key,attempt,after_task,"));
}

TEST_F(Cli, ImportedRowsStandInTheTable) {
  const std::string text = R"({"format": "clbench-import", "version": 1, "source": {"citation": "Doe 2024"}, "rows": [{"method": "l2p",
    "dataset": "d", "protocol": "p", "weights": "w", "metrics": {"acc.last.sample": {"version": 1, "mean": 0.5, "runs": 3}}}]})";
  const std::string file = folder_.write("their.json", text).string();
  EXPECT_EQ(clbench({"import", file, "--db", database()}).out, database() + ": 1 rows imported from " + file + ", 0 were there\n");
  EXPECT_EQ(json({"import", file, "--db", database()}).at("new_rows"), 0);
  EXPECT_TRUE(contains(clbench({"table", "--db", database()}).out, "l2p (imported)"));
}

TEST_F(Cli, MistakesInExchangeAreOneSentence) {
  const std::string good = folder_.write("x.json", "{\"format\": 1}").string();
  const std::string missing = (folder_.path() / "no.sqlite").string();
  const std::vector<std::vector<std::string>> mistakes{{"merge", database()},
                                                       {"merge", database(), missing},
                                                       {"merge", database(), missing, "--audit"},
                                                       {"merge", database(), good},
                                                       {"audit", missing},
                                                       {"audit", "--db", missing},
                                                       {"export", "--db", missing},
                                                       {"export", "scores", "--db", missing},
                                                       {"export", "--format", "csv"},
                                                       {"export", "--format", "yaml"},
                                                       {"import", missing},
                                                       {"import", good, "--db", database()}};
  for (const std::vector<std::string>& words : mistakes) {
    const auto ended = clbench(words);
    EXPECT_EQ(ended.exit_code, 2) << words[0] << ended.err;
    EXPECT_EQ(ended.out, "") << words[0];
    EXPECT_EQ(std::count(ended.err.begin(), ended.err.end(), '\n'), 1) << ended.err;
    EXPECT_FALSE(fs::exists(database())) << words[0];
  }
}

}  // namespace
}  // namespace clb::testing
