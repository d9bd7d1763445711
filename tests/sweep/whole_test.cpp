// A sweep from its plan to its table through the real programs, without Slurm: features once, each slot, the merge; held against one
// `clbench run` of the same experiment.
#include <clb/base/json.hpp>
#include <cstdlib>

#include "e2e/cli.hpp"
#include "support/errors.hpp"
#include "sweep/dump.hpp"

namespace {

using namespace clb;
using namespace clb::testing;

class WholeSweep : public ::testing::Test {
 protected:
  // Six runs of `method`, in slots of about two.
  void plan(const std::string& method, const std::string& of_method, std::vector<std::string> more = {}) {
    world_.write_experiment("", method, of_method);
    std::string text = base::read_file(world_.experiment());
    text.replace(text.find("seed = 0\nthreads"), 8, "seed = [0, 1, 2, 3, 4, 5]");
    write_file(world_.experiment(), text);
    plugins_ = more;
    more.insert(more.begin(), {"sweep", "plan", world_.experiment().string(), "--dir", sweep(), "--guess", "20m", "--time", "1h",
                               "--jobs-max", "3", "--cpus", "1"});
    const Ended planned = world_.clbench(more);
    ASSERT_EQ(planned.code, 0) << planned.err;
    ASSERT_TRUE(contains(planned.out, "6 runs in 3 jobs")) << planned.out;
    ASSERT_TRUE(contains(planned.out, "features that runs share are computed first, of 1 settings")) << planned.out;
  }

  void carry_out() {
    const Ended features = in_sweep({"sweep", "run", sweep(), "--features"});
    EXPECT_EQ(features.code, 0) << features.err;
    EXPECT_TRUE(contains(features.out, "features of 1 of 1 settings are in " + sweep() + "/cache")) << features.out << features.err;
    for (const char* slot : {"1", "2", "3"}) {
      const Ended ended = in_sweep({"sweep", "run", sweep(), "--slot", slot});
      EXPECT_EQ(ended.code, 0) << ended.err;
      EXPECT_TRUE(contains(ended.out, "2 of 2 runs done, 0 failed, 0 missing")) << ended.out;
      const auto part = store::Store::open(sweep() + "/parts/" + slot + ".sqlite", store::Store::Mode::kRead);
      for (const auto& row : part.light_runs()) {
        auto used = part.resources(row.attempt_id);
        EXPECT_GT(used["forwards_charged"], 0);
        EXPECT_EQ(used["forwards_saved"], used["forwards_charged"]) << "slot " << slot << " finds the features";
      }
    }
  }

  void expect_what_one_machine_measures() {
    const std::string parts = sweep() + "/parts/", merged = sweep() + "/results.sqlite";
    const Ended merge = in_sweep({"merge", merged, parts + "1.sqlite", parts + "2.sqlite", parts + "3.sqlite", "--audit"});
    ASSERT_EQ(merge.code, 0) << merge.err;
    const Ended alone = world_.run(plugins_);
    ASSERT_EQ(alone.code, 0) << alone.err;
    const auto rows = dump(merged);
    EXPECT_GT(rows.size(), 6u * 5);
    EXPECT_EQ(rows, dump(world_.database()));
  }

  // The jobs have no CLB_CACHE: theirs is the sweep's.
  Ended in_sweep(std::vector<std::string> words) const {
    words.insert(words.begin(), std::string(CLB_BINARY_DIR) + "/bin/clbench");
    return run_program(world_.path(), words, {"CLB_CACHE="});
  }
  std::string sweep() const { return (world_.path() / "sweep").string(); }

  const World world_;
  std::vector<std::string> plugins_;
};

TEST_F(WholeSweep, GivesWhatOneMachineMeasures) {
  ASSERT_NO_FATAL_FAILURE(plan("simplecil", ""));
  carry_out();
  expect_what_one_machine_measures();
}

TEST_F(WholeSweep, RunsForACardKeepBf16WhateverThisProcessorIsFastIn) {
  const std::vector<std::string> words{"sweep", "plan", world_.experiment().string(), "--dir", sweep(), "--set", "run.precision=\"bf16\""};
  EXPECT_TRUE(contains(world_.clbench(words).out, "it was chosen by the processor of this machine"));
  fs::remove_all(sweep());
  std::vector<std::string> for_card = words;
  for_card.insert(for_card.end(), {"--gpus", "1"});
  const Ended planned = world_.clbench(for_card);
  ASSERT_EQ(planned.code, 0) << planned.err;
  EXPECT_FALSE(contains(planned.out, "processor of this machine")) << planned.out;
  const base::Json runs = base::parse_json(base::read_file(sweep() + "/slots/1/runs.json"), "runs.json");
  EXPECT_EQ(runs.at(0).at("precision"), "bf16");
}

TEST_F(WholeSweep, AlsoOfAMethodInPython) {
  const char* given = std::getenv("CLB_PYTHON");
  const Ended asked = run_program(
      world_.path(), {"/usr/bin/env", given && *given ? given : "python3", CLB_BINARY_DIR "/lib/clbench/python/start.py", "versions"});
  if (asked.code != 0) GTEST_SKIP() << "no Python with torch 2.11 (CLB_PYTHON): " << asked.err;
  ASSERT_NO_FATAL_FAILURE(plan("simplecil_py", "", {"--plugin-path", CLB_SOURCE_DIR "/tests/python"}));
  carry_out();
  expect_what_one_machine_measures();
}

}  // namespace
