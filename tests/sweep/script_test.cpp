// What Slurm is told, and what is understood of its answers.
#include <gtest/gtest.h>

#include <clb/base/error.hpp>
#include <clb/sweep/script.hpp>
#include <clb/sweep/slurm.hpp>

#include "errors.hpp"

namespace clb::sweep {
namespace {

using testing::contains;
using testing::error_of;

Manifest manifest() {
  return {
      .name = "my sweep; $(x)",
      .job = {.time_s = 4 * 3600 + 61, .cpus = 8, .gpus = 1, .at_once = 20, .partition = "gpu", .sbatch = {"--account=abc", "--mem 16G"}},
      .slots = 50,
      .runs = {}};
}

TEST(Script, TheJobIsWhatAPersonWouldWrite) {
  const std::string text = job_script(manifest());
  EXPECT_TRUE(text.starts_with("#!/bin/bash\n"));
  for (const char* line :
       {"#SBATCH --job-name=my-sweep----x-\n", "#SBATCH --time=04:02:00\n", "#SBATCH --partition=gpu\n", "#SBATCH --account=abc\n",
        "#SBATCH --mem 16G\n", "#SBATCH --array=1-50%20\n", "#SBATCH --cpus-per-task=8\n", "#SBATCH --gpus-per-node=1\n",
        "#SBATCH --requeue\n", "#SBATCH --signal=B:USR1@180\n", "#SBATCH --open-mode=append\n", "#SBATCH --output=logs/slot-%a.log\n",
        "exec \"${CLBENCH:-clbench}\" sweep run . --slot \"$SLURM_ARRAY_TASK_ID\"\n"})
    EXPECT_TRUE(contains(text, line)) << line << text;
  EXPECT_FALSE(contains(merge_script(manifest()), "gpus")) << "the merge needs no card";
  EXPECT_TRUE(contains(merge_script(manifest()), "merge results.sqlite parts/*.sqlite --audit\n"));
  EXPECT_TRUE(contains(features_script(manifest()), "sweep run . --features\n"));
}

TEST(Script, OptionsOfSbatchAreTakenOneByOneAndOursAreRefused) {
  EXPECT_EQ(parse_sbatch("--account=a --mem 8G  -C a100"), (std::vector<std::string>{"--account=a", "--mem 8G", "-C a100"}));
  EXPECT_TRUE(parse_sbatch("").empty());
  EXPECT_TRUE(contains(error_of<base::Error>([] { parse_sbatch("mem=8G"); }), "'mem=8G' is no option of sbatch"));
  EXPECT_TRUE(contains(error_of<base::Error>([] { parse_sbatch("--array=1-3"); }), "--array is set by the sweep itself"));
  EXPECT_TRUE(contains(error_of<base::Error>([] { parse_sbatch("-t5"); }), "-t is set by the sweep itself"));
  EXPECT_TRUE(contains(error_of<base::Error>([] { parse_sbatch("--mem=1G\nrm -r x"); }), "in one line"));
}

TEST(Script, SlotsAsAnArray) {
  EXPECT_EQ(array_of({1, 2, 3, 7, 9, 10}), "1-3,7,9-10");
  EXPECT_EQ(array_of({4}), "4");
}

TEST(Slurm, LimitsOfItsConfiguration) {
  const SlurmLimits limits =
      parse_limits("Configuration data as of ...\nMaxArraySize            = 1001\nMaxJobCount             = 10000\nX = y\n");
  EXPECT_EQ(limits.array_size, 1001);
  EXPECT_EQ(limits.submit, 10000);
  EXPECT_EQ(parse_limits("MaxArraySize = none\n\n=\n").array_size, std::nullopt);
}

TEST(Slurm, TheQueueOfOtherJobsIsLeftOut) {
  const auto jobs =
      parse_queue("12|3|RUNNING|1:00:00|None\n12|4|PENDING|4:00:00|Resources\n13|N/A|PENDING|1:00|Dependency\n99|1|RUNNING|1|None\n\nx\n",
                  {"12", "13"});
  ASSERT_EQ(jobs.size(), 3u);
  EXPECT_EQ(jobs[1].slot, 4);
  EXPECT_EQ(jobs[1].state, "PENDING");
  EXPECT_EQ(jobs[1].reason, "Resources");
  EXPECT_EQ(jobs[2].slot, 0);
}

}  // namespace
}  // namespace clb::sweep
