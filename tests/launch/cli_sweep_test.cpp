// clbench sweep with a fake runner and a fake Slurm: planning, slots, what is repeated and what is not, what is submitted.
#include <signal.h>
#include <sys/wait.h>

#include <clb/base/file.hpp>
#include <clb/store/store.hpp>
#include <fstream>
#include <map>
#include <set>
#include <thread>

#include "cli_fixture.hpp"

namespace clb::testing {
namespace {

class Sweep : public Cli {
 protected:
  std::string sweep() const { return (folder_.path() / "sweep").string(); }

  // Runs of seeds 0 to n - 1, each said to take a quarter of an hour.
  std::string experiment_of(int seeds, const std::string& behave = "ok", double pace = 0) {
    std::string text = experiment(behave, pace), list;
    for (int seed = 0; seed < seeds; ++seed) list += (seed ? ", " : "") + std::to_string(seed);
    text.replace(text.find("[0, 1]"), 6, "[" + list + "]");
    return folder_.write("tiny.toml", text).string();
  }
  launch::Captured plan(const std::string& file, std::vector<std::string> more = {}) const {
    more.insert(more.begin(), {"sweep", "plan", file, "--dir", sweep(), "--guess", "15m", "--time", "1h"});
    return clbench(std::move(more));
  }
  launch::Captured slot(int k, const std::string& dir = "") const {
    return clbench({"sweep", "run", dir.empty() ? sweep() : dir, "--slot", std::to_string(k)});
  }
  base::Json counts(const std::string& dir = "") const { return json({"sweep", "status", dir.empty() ? sweep() : dir}).at("counts"); }
  std::set<std::string> files() const {
    std::set<std::string> names;
    for (const auto& entry : fs::recursive_directory_iterator(sweep()))
      names.insert(entry.path().string() + (entry.is_regular_file() ? base::read_file(entry.path()) : ""));
    return names;
  }

  // A program of that name that comes first in PATH: notes how it was called, then does `body`.
  void fake(const std::string& name, const std::string& body) {
    fs::create_directories(folder_.path() / "slurm");
    const fs::path file = folder_.write("slurm/" + name, "#!/bin/sh\necho \"" + name + " $*\" >> " + calls().string() + "\n" + body + "\n");
    fs::permissions(file, fs::perms::owner_all);
  }
  fs::path calls() const { return folder_.path() / "calls.txt"; }
  launch::Captured with_slurm(std::vector<std::string> words, std::map<std::string, std::string> more = {}) const {
    launch::Spawn spawn = command(std::move(words));
    spawn.environment["PATH"] = (folder_.path() / "slurm").string() + ":/usr/bin:/bin";
    for (const auto& [name, value] : more) spawn.environment[name] = value;
    return launch::capture(spawn, 120);
  }
  launch::Captured without_slurm(std::vector<std::string> words) const {
    launch::Spawn spawn = command(std::move(words));
    spawn.environment["PATH"] = "/nowhere";
    return launch::capture(spawn, 120);
  }

  // What was measured of each run, without what differs from one time to the next.
  static std::map<std::string, std::string> measured(const fs::path& database) {
    const auto store = store::Store::open(database, store::Store::Mode::kRead);
    std::map<std::string, std::string> runs;
    for (const store::RunRow& row : store.light_runs()) {
      std::string& text = runs[row.key];
      text = row.status.status + " " + std::to_string(row.tasks_done) + " ";
      for (const store::EvalRow& eval : store.evals(row.attempt_id))
        text += std::to_string(eval.after_task) + ":" + std::to_string(eval.count.group) + ":" + std::to_string(eval.count.correct) + " ";
      for (const auto& [task, hash] : store.logit_hashes(row.attempt_id)) text += hash;
    }
    return runs;
  }
};

TEST_F(Sweep, SlotsGiveWhatOneMachineGives) {
  const std::string file = experiment_of(4);
  const auto planned = plan(file);
  ASSERT_EQ(planned.exit_code, 0) << planned.err;
  EXPECT_TRUE(contains(planned.out, "4 runs in")) << planned.out;
  EXPECT_TRUE(contains(planned.out, "4 of 4 runs: guess: nothing was measured")) << planned.out;
  const base::Json before = json({"sweep", "status", sweep()});
  EXPECT_EQ(before.at("counts").at("missing"), 4);
  const int64_t slots = before.at("slots").get<int64_t>();
  ASSERT_GT(slots, 1);

  ASSERT_EQ(slot(1).exit_code, 0);
  EXPECT_GT(counts().at("done").get<int>(), 0);
  EXPECT_GT(counts().at("missing").get<int>(), 0);
  const auto tree = files();
  const auto table = clbench({"table", "--db", sweep()});
  EXPECT_EQ(table.exit_code, 0) << table.err;
  EXPECT_TRUE(contains(table.out, "fake")) << table.out;
  EXPECT_EQ(files(), tree) << "asking writes nothing";

  // The rest after a move.
  const std::string moved = (folder_.path() / "elsewhere").string();
  fs::rename(sweep(), moved);
  for (int64_t k = 2; k <= slots; ++k) ASSERT_EQ(slot(static_cast<int>(k), moved).exit_code, 0);
  EXPECT_EQ(counts(moved).at("done"), 4);
  const auto again = slot(1, moved);
  EXPECT_EQ(again.exit_code, 0);
  EXPECT_TRUE(contains(again.out, "0 missing")) << again.out;

  std::vector<std::string> words{"merge", moved + "/results.sqlite"};
  for (int64_t k = 1; k <= slots; ++k) words.push_back(moved + "/parts/" + std::to_string(k) + ".sqlite");
  ASSERT_EQ(clbench(words).exit_code, 0);
  ASSERT_EQ(run(file, {"--any-build"}).exit_code, 0);
  EXPECT_EQ(measured(moved + "/results.sqlite"), measured(database()));
  EXPECT_EQ(measured(database()).size(), 4u);
  for (const auto& entry : fs::recursive_directory_iterator(moved)) EXPECT_FALSE(entry.path().string().ends_with(".tmp")) << entry.path();
}

TEST_F(Sweep, EstimatesRestOnWhatWasMeasured) {
  const std::string file = experiment_of(2);
  ASSERT_EQ(run(file).exit_code, 0);
  const auto planned = plan(file, {"--db", database()});
  EXPECT_TRUE(contains(planned.out, "2 of 2 runs: measured\n")) << planned.out << planned.err;
  EXPECT_TRUE(contains(planned.out, "2 runs in 1 job of")) << "never a job for a run of seconds: " << planned.out;
}

TEST_F(Sweep, ARunThatFailedIsRepeatedWhenAPersonAsks) {
  ASSERT_EQ(plan(experiment_of(2, "crash"), {"--jobs-max", "1"}).exit_code, 0);
  EXPECT_EQ(slot(1).exit_code, 1);
  EXPECT_EQ(counts().at("failed"), 2);
  const auto attempts = [&] { return store::Store::open(sweep() + "/parts/1.sqlite", store::Store::Mode::kRead).attempts().size(); };
  EXPECT_EQ(attempts(), 2u);
  EXPECT_EQ(slot(1).exit_code, 1);
  EXPECT_EQ(attempts(), 2u) << "not by a job that starts again";

  const auto retry = without_slurm({"sweep", "retry", sweep(), "--failed"});
  EXPECT_EQ(retry.exit_code, 0) << retry.err;
  EXPECT_TRUE(contains(retry.out, "sweep run " + sweep() + " --slot 1")) << retry.out;
  EXPECT_EQ(counts().at("missing"), 2);
  slot(1);
  EXPECT_EQ(attempts(), 4u);
  slot(1);
  EXPECT_EQ(attempts(), 4u) << "once";
}

TEST_F(Sweep, AStoppedSlotGoesOnAndHasPublishedWhatItDid) {
  ASSERT_EQ(plan(experiment_of(2, "ok", 0.4), {"--jobs-max", "1"}).exit_code, 0);
  launch::Spawn spawn = command({"sweep", "run", sweep(), "--slot", "1"});
  const pid_t pid = launch::spawn(spawn);
  const std::string part = sweep() + "/parts/1.sqlite";
  const auto tasks = [&] {
    std::error_code error;
    if (!fs::exists(part, error)) return int64_t{0};
    int64_t sum = 0;
    for (const auto& row : store::Store::open(part, store::Store::Mode::kRead).light_runs()) sum += row.tasks_done;
    return sum;
  };
  for (int i = 0; i < 1000 && tasks() < 2; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(20));
  EXPECT_GE(tasks(), 2) << "after each task";
  EXPECT_EQ(counts().at("running"), 1);
  const auto second = slot(1);
  EXPECT_EQ(second.exit_code, 2) << "one process works on a slot";
  EXPECT_TRUE(contains(second.err, "slot 1 of ")) << second.err;
  kill(pid, SIGUSR1);
  int status = 0;
  waitpid(pid, &status, 0);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 75);
  EXPECT_EQ(counts().at("missing"), 2);
  EXPECT_EQ(slot(1).exit_code, 0);
  EXPECT_EQ(counts().at("done"), 2);
}

TEST_F(Sweep, AKilledSlotLosesNoTaskThatWasDone) {
  ASSERT_EQ(plan(experiment_of(2, "ok", 0.4), {"--jobs-max", "1"}).exit_code, 0);
  const pid_t pid = launch::spawn(command({"sweep", "run", sweep(), "--slot", "1"}));
  for (int i = 0; i < 1000 && !fs::exists(sweep() + "/parts/1.sqlite"); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(20));
  kill(pid, SIGKILL);
  waitpid(pid, nullptr, 0);
  EXPECT_EQ(counts().at("running"), 0);
  EXPECT_EQ(counts().at("missing"), 2);
  EXPECT_EQ(slot(1).exit_code, 0);
  EXPECT_EQ(counts().at("done"), 2);
  for (const auto& entry : fs::directory_iterator(sweep() + "/slots/1"))
    EXPECT_FALSE(entry.path().string().ends_with(".tmp")) << entry.path();
}

TEST_F(Sweep, JobsAreSubmittedInTheirOrder) {
  ASSERT_EQ(plan(experiment_of(8)).exit_code, 0);
  fake("sbatch", "n=$(cat " + calls().string() + " | wc -l); echo Submitted batch job $((100 + n))");
  fake("squeue", "exit 0");
  const auto submitted = with_slurm({"sweep", "submit", sweep()});
  ASSERT_EQ(submitted.exit_code, 0) << submitted.err;
  const std::string said = base::read_file(calls());
  EXPECT_TRUE(contains(said, "--chdir=" + sweep())) << said;
  EXPECT_TRUE(contains(said, "sbatch --parsable --chdir=" + sweep() + " " + sweep() + "/features.sh\n")) << said;
  EXPECT_TRUE(contains(said, "--dependency=afterok:101 " + sweep() + "/job.sh\n")) << said;
  EXPECT_TRUE(contains(said, "--dependency=afterany:102 " + sweep() + "/merge.sh\n")) << said;
  EXPECT_TRUE(contains(submitted.out, "job 102: 8 runs in")) << submitted.out;

  fake("squeue", "echo '102|1|RUNNING|59:00|None'");
  const auto twice = with_slurm({"sweep", "submit", sweep()});
  EXPECT_EQ(twice.exit_code, 2);
  EXPECT_TRUE(contains(twice.err, "1 of its jobs are in the queue already")) << twice.err;
  const auto status = with_slurm({"sweep", "status", sweep()});
  EXPECT_TRUE(contains(status.out, "scheduler: array 102: 1 RUNNING\n")) << status.out;

  fs::remove(calls());
  EXPECT_EQ(with_slurm({"sweep", "retry", sweep(), "--missing"}).exit_code, 0);
  EXPECT_TRUE(contains(base::read_file(calls()), "--array=2")) << "not the slot that runs: " << base::read_file(calls());
  fake("scancel", "");
  EXPECT_EQ(with_slurm({"sweep", "cancel", sweep()}).exit_code, 0);
  EXPECT_TRUE(contains(base::read_file(calls()), "scancel 102\n")) << base::read_file(calls());

  fake("sbatch", "echo 'sbatch: error: invalid partition' >&2; exit 1");
  fake("squeue", "exit 0");
  const auto refused = with_slurm({"sweep", "submit", sweep()});
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_TRUE(contains(refused.err, "invalid partition")) << refused.err;
}

TEST_F(Sweep, JobsAreSubmittedAllOrNone) {
  ASSERT_EQ(plan(experiment_of(8)).exit_code, 0);
  fake("sbatch", "case \"$*\" in *merge.sh) echo 'sbatch: error: no more jobs' >&2; exit 1;; esac; cat " + calls().string() + " | wc -l");
  fake("squeue", "exit 0");
  fake("scancel", "");
  const auto refused = with_slurm({"sweep", "submit", sweep()});
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_TRUE(contains(refused.err, "merge.sh (sbatch: error: no more jobs); edit that file")) << refused.err;
  EXPECT_EQ(std::count(refused.err.begin(), refused.err.end(), '\n'), 1) << refused.err;
  EXPECT_TRUE(contains(base::read_file(calls()), "scancel 1 2\n")) << base::read_file(calls());
}

TEST_F(Sweep, RunsThatWaitForFeaturesInVainAreToldOf) {
  ASSERT_EQ(plan(experiment_of(4)).exit_code, 0);
  fake("sbatch", "cat " + calls().string() + " | wc -l");
  fake("squeue", "exit 0");
  ASSERT_EQ(with_slurm({"sweep", "submit", sweep()}).exit_code, 0);
  const base::Json jobs = base::parse_json(base::read_file(sweep() + "/submitted.json"), "submitted.json");
  const std::string array = jobs.at(1).at("job").get<std::string>();
  fake("squeue", "echo '" + array + "|1|PENDING|1:00:00|DependencyNeverSatisfied'");
  const auto status = with_slurm({"sweep", "status", sweep()});
  EXPECT_TRUE(contains(status.out, "clbench sweep cancel " + sweep() + " && clbench sweep retry " + sweep() + " --missing\n"))
      << status.out;
}

TEST_F(Sweep, AJobQueuesItselfAgainAtUsr1AloneAndSharesItsCoresOut) {
  ASSERT_EQ(plan(experiment_of(3, "ok", 0.5), {"--jobs-max", "1", "--cpus", "3"}).exit_code, 0);
  fake("scontrol", "");
  fake("squeue", "echo 7");
  for (const auto& [signal, requeued] : {std::pair{SIGTERM, false}, std::pair{SIGUSR1, true}}) {
    launch::Spawn spawn = command({"sweep", "run", sweep(), "--slot", "1"});
    spawn.environment["PATH"] = (folder_.path() / "slurm").string() + ":/usr/bin:/bin";
    spawn.environment["SLURM_JOB_ID"] = "7";
    spawn.environment["SLURM_CPUS_PER_TASK"] = "3";
    const pid_t pid = launch::spawn(spawn);
    for (int i = 0; i < 1000 && (!fs::exists(sweep() + "/parts/1.sqlite") || counts().at("running") < 3); ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    EXPECT_EQ(counts().at("running"), 3) << "three runs of one thread at once";
    kill(pid, signal);
    int status = 0;
    waitpid(pid, &status, 0);
    EXPECT_EQ(WEXITSTATUS(status), 75);
    const std::string said = fs::exists(calls()) ? base::read_file(calls()) : "";
    EXPECT_EQ(contains(said, "scontrol requeue 7\n"), requeued) << signal << said;
  }
}

TEST_F(Sweep, LimitsOfSlurmBoundTheArray) {
  fake("scontrol", "echo 'MaxArraySize            = 4'");
  const std::string file = experiment_of(8);
  const std::vector<std::string> words{"sweep", "plan", file, "--dir", sweep(), "--guess", "50m", "--time", "1h"};
  ASSERT_EQ(with_slurm(words).exit_code, 0);
  EXPECT_TRUE(contains(base::read_file(sweep() + "/job.sh"), "#SBATCH --array=1-3%3\n"));
}

TEST_F(Sweep, ADamagedPartIsNamedAndMeasuredAgainWhenItIsMovedAway) {
  ASSERT_EQ(plan(experiment_of(2), {"--jobs-max", "1"}).exit_code, 0);
  ASSERT_EQ(slot(1).exit_code, 0);
  const fs::path part = sweep() + "/parts/1.sqlite";
  fs::resize_file(part, 5000);
  for (const auto& ended : {clbench({"sweep", "status", sweep()}), slot(1)}) {
    EXPECT_EQ(ended.exit_code, 2);
    EXPECT_TRUE(contains(ended.err, "slot 1 has left no readable part (" + part.string())) << ended.err;
    EXPECT_TRUE(contains(ended.err, "clbench sweep retry " + sweep() + " --missing")) << ended.err;
    EXPECT_EQ(std::count(ended.err.begin(), ended.err.end(), '\n'), 1) << ended.err;
  }
  EXPECT_EQ(fs::file_size(part), 5000u) << "nothing is overwritten";
  fs::rename(part, folder_.path() / "damaged");
  EXPECT_EQ(slot(1).exit_code, 0);
  EXPECT_EQ(counts().at("done"), 2);
}

TEST_F(Sweep, AMistakeIsOneSentence) {
  const std::string file = experiment_of(2);
  const std::vector<std::pair<std::vector<std::string>, std::string>> cases{
      {{"sweep", "paln"}, "did you mean 'plan'?"},
      {{"sweep", "plan", file, "--dir", sweep(), "--time", "2m"}, "give at least 5m"},
      {{"sweep", "plan", "nowhere.toml", "--dir", sweep(), "--time", "soon"}, "--time: 'soon' is no duration"},
      {{"sweep", "plan", "nowhere.toml", "--dir", sweep(), "--guess", "0s"}, "give for example 30m"},
      {{"sweep", "plan", "nowhere.toml", "--dir", sweep(), "--at-once", "0"}, "--at-once takes a whole number of at least 1"},
      {{"sweep", "plan", "nowhere.toml", "--dir", sweep()}, "nowhere.toml"},
      {{"sweep", "plan", file, "--dir", sweep(), "--sbatch", "--array=1-9"}, "--array is set by the sweep itself"},
      {{"sweep", "plan", file, "--dir", sweep(), "--jobs-max", "0"}, "--jobs-max takes a whole number of at least 1"},
      {{"sweep", "plan", file, "--dir", sweep(), "--cpus", "1", "--set", "run.threads=2"}, "--cpus 1 is less than the 2 threads"},
      {{"sweep", "plan", file, "--dir", sweep(), "--set", "run.device=\"cuda\""}, "give --gpus 1"},
      {{"sweep", "plan", file, "--dir", sweep(), "--gpus", "1", "--set", "run.device=\"cpu\""}, "cards that no run uses"},
      {{"sweep", "run", sweep(), "--slot", "1"}, "is no sweep"},
      {{"sweep", "status", folder_.path().string()}, "is no sweep"},
      {{"sweep", "retry", sweep()}, "say what: --failed, --missing or both"},
      {{"sweep", "run", sweep()}, "give --slot K, or --features"},
  };
  for (const auto& [words, sentence] : cases) {
    const auto ended = clbench(words);
    EXPECT_EQ(ended.exit_code, 2) << sentence;
    EXPECT_TRUE(contains(ended.err, sentence)) << ended.err;
    EXPECT_EQ(std::count(ended.err.begin(), ended.err.end(), '\n'), 1) << ended.err;
  }
  ASSERT_EQ(plan(file).exit_code, 0);
  EXPECT_EQ(plan(file).exit_code, 2) << "a sweep is never planned over";
  EXPECT_EQ(slot(99).exit_code, 2);
  const auto nowhere = without_slurm({"sweep", "submit", sweep()});
  EXPECT_EQ(nowhere.exit_code, 2);
  EXPECT_TRUE(contains(nowhere.err, "there is no sbatch in PATH")) << nowhere.err;
}

TEST_F(Sweep, HelpTexts) {
  for (const std::string part : {"", "plan", "submit", "status", "retry", "cancel", "run"}) {
    const auto ended = part.empty() ? clbench({"sweep", "--help"}) : clbench({"sweep", part, "--help"});
    EXPECT_EQ(ended.exit_code, 0) << part;
    const std::string name = "help_sweep" + (part.empty() ? "" : "_" + part) + ".txt";
    fs::create_directories(fs::path(CLB_BINARY_DIR) / "approval");
    std::ofstream(fs::path(CLB_BINARY_DIR) / "approval" / name, std::ios::binary) << ended.out;
    std::ifstream in(fs::path(CLB_SOURCE_DIR) / "tests/approval" / name, std::ios::binary);
    EXPECT_EQ(ended.out, std::string(std::istreambuf_iterator<char>(in), {})) << "differs from tests/approval/" << name;
    EXPECT_TRUE(contains(ended.out, "\nexample: clbench sweep ")) << part;
    EXPECT_TRUE(part.empty() || contains(ended.out, "--json")) << part;
  }
}

}  // namespace
}  // namespace clb::testing
