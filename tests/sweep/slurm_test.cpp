// A sweep on a real Slurm (slurm_cluster.hpp): 60 runs as an array of which a third crashes, while a node dies, a job has to make room, a
// node's disk is full and somebody cancels; in the end the merged database holds what one machine measures.
#include <sys/mount.h>

#include <clb/base/json.hpp>
#include <fstream>

#include "e2e/cli.hpp"
#include "sweep/dump.hpp"
#include "sweep/slurm_cluster.hpp"

namespace {

using namespace clb;
using namespace clb::testing;
using std::chrono::seconds;

// A full disk, where this process may mount one.
class FullDisk {
 public:
  explicit FullDisk(const fs::path& place) : place_(place) {
    fs::create_directories(place);
    mounted_ = mount("tmpfs", place.c_str(), "tmpfs", 0, "size=40k") == 0;
  }
  ~FullDisk() {
    if (mounted_) umount2(place_.c_str(), MNT_DETACH);
  }
  FullDisk(const FullDisk&) = delete;
  bool mounted() const { return mounted_; }

 private:
  fs::path place_;
  bool mounted_;
};

class SlurmSweep : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { cluster_ = std::make_unique<SlurmCluster>(); }
  static void TearDownTestSuite() { cluster_.reset(); }
  void SetUp() override {
    if (!cluster_->obstacle().empty()) GTEST_SKIP() << "Slurm cannot be started here: " << cluster_->obstacle();
    world_.write_experiment("params = { epochs = 200 }\n", "faulty");
    std::string text = base::read_file(world_.experiment());
    const auto replace = [&](const std::string& from, const std::string& to) { text.replace(text.find(from), from.size(), to); };
    replace("seed = 0\nthreads", "seed = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19]\nthreads");
    text +=
        "[[method]]\nid = \"simplecil\"\n[[method]]\nid = \"faulty\"\nparams = { fault = \"crash\", where = \"train_task\", task = 2 }\n";
    write_file(world_.experiment(), text);
  }

  static std::string plugins() { return std::string(CLB_BINARY_DIR) + "/tests/plugins"; }
  std::string sweep() const { return (world_.path() / "sweep").string(); }

  Ended clbench(std::vector<std::string> words) const {
    words.insert(words.begin(), std::string(CLB_BINARY_DIR) + "/bin/clbench");
    return run_program(world_.path(), words,
                       {"CLB_CACHE=" + world_.cache().string(), "SLURM_CONF=" + cluster_->conf().string(), "PATH=/usr/bin:/bin"});
  }
  base::Json status() const {
    const Ended ended = clbench({"sweep", "status", sweep(), "--json"});
    EXPECT_EQ(ended.code, 0) << ended.err;
    return base::Json::parse(ended.out);
  }
  int64_t count(const char* state) const { return status().at("counts").at(state).get<int64_t>(); }
  std::vector<base::Json> jobs(const std::string& state) const {
    std::vector<base::Json> found;
    const base::Json now = status();
    for (const base::Json& job : now.at("scheduler"))
      if (job.at("state") == state && job.at("what") == "array") found.push_back(job);
    return found;
  }
  static std::string id_of(const base::Json& job) {
    return job.at("job").get<std::string>() + "_" + std::to_string(job.at("slot").get<int64_t>());
  }
  std::string log(const base::Json& job) const {
    const fs::path file = fs::path(sweep()) / "logs" / ("slot-" + std::to_string(job.at("slot").get<int64_t>()) + ".log");
    return fs::exists(file) ? base::read_file(file) : "";
  }
  // Slurm lets a job that was queued again wait two minutes.
  void hurry() const {
    for (const base::Json& job : jobs("PENDING"))
      if (job.at("reason") == "BeginTime") cluster_->said({"scontrol", "update", "jobid=" + id_of(job), "StartTime=now"});
  }
  bool wait_for_end() const {
    return wait_until(
        [&] {
          hurry();
          return status().at("scheduler").empty();
        },
        seconds(400));
  }

  World world_;
  static std::unique_ptr<SlurmCluster> cluster_;
};
std::unique_ptr<SlurmCluster> SlurmSweep::cluster_;

TEST_F(SlurmSweep, SixtyRunsThroughEverythingThatGoesWrong) {
  const Ended planned = clbench({"sweep", "plan", world_.experiment().string(), "--dir", sweep(), "--plugin-path", plugins(), "--time",
                                 "1h", "--guess", "3m", "--jobs-max", "12", "--cpus", "1", "--at-once", "2"});
  ASSERT_EQ(planned.code, 0) << planned.err;
  ASSERT_NE(planned.out.find("60 runs in 12 jobs"), std::string::npos) << planned.out;

  // Each node has a disk of its own; that of n2 is full.
  const fs::path disks = world_.path() / "disks";
  fs::create_directories(disks / "n1");
  const FullDisk full(disks / "n2");
  std::string script = base::read_file(fs::path(sweep()) / "job.sh");
  script.insert(script.find("exec "), "export SLURM_TMPDIR=" + disks.string() + "/$SLURMD_NODENAME\n");
  std::ofstream(fs::path(sweep()) / "job.sh") << script;

  ASSERT_EQ(clbench({"sweep", "submit", sweep()}).code, 0);

  // Somebody with a right to the node: the job stops at a safe point, queues itself again, and goes on.
  std::vector<base::Json> running;
  ASSERT_TRUE(wait_until([&] { return count("done") >= 2 && !(running = jobs("RUNNING")).empty(); }, seconds(300)));
  cluster_->said({"scancel", "--signal=USR1", "--batch", id_of(running[0])});
  EXPECT_TRUE(wait_until([&] { return log(running[0]).find("SIGUSR1 came") != std::string::npos; }, seconds(60))) << log(running[0]);
  EXPECT_TRUE(wait_until(
      [&] {
        for (const base::Json& job : jobs("PENDING"))
          if (job.at("slot") == running[0].at("slot")) return true;
        return false;
      },
      seconds(60)))
      << cluster_->said({"squeue"});
  hurry();

  // A node dies with its job.
  ASSERT_TRUE(wait_until([&] { return !jobs("RUNNING").empty(); }, seconds(60)));
  cluster_->kill_node("n1");
  EXPECT_TRUE(wait_until(
      [&] {
        return cluster_->said({"sinfo", "--noheader", "--format=%T", "--nodes=n1"}).starts_with("down");
      },
      seconds(120)));
  cluster_->start_node("n1");

  // Somebody cancels, and changes his mind.
  const int64_t before = count("done");
  ASSERT_EQ(clbench({"sweep", "cancel", sweep()}).code, 0);
  EXPECT_TRUE(wait_until([&] { return status().at("scheduler").empty(); }, seconds(60))) << cluster_->said({"squeue"});
  EXPECT_GE(count("done"), before);
  ASSERT_GT(count("missing"), 0) << "too late to cancel anything";
  const Ended again = clbench({"sweep", "submit", sweep()});
  ASSERT_EQ(again.code, 0) << again.err;
  ASSERT_TRUE(wait_for_end()) << cluster_->said({"squeue"});

  EXPECT_EQ(count("done"), 40);
  EXPECT_EQ(count("failed"), 20);
  EXPECT_EQ(count("missing"), 0);
  if (full.mounted()) {
    std::string said;
    for (const auto& entry : fs::directory_iterator(fs::path(sweep()) / "logs")) said += base::read_file(entry.path());
    EXPECT_NE(said.find("takes no more"), std::string::npos) << "n2's disk was never full";
  }
  const fs::path single = world_.path() / "single.sqlite", merged = fs::path(sweep()) / "results.sqlite";
  ASSERT_TRUE(fs::exists(merged)) << base::read_file(fs::path(sweep()) / "logs" / "merge.log");
  EXPECT_EQ(clbench({"run", world_.experiment().string(), "--db", single.string(), "--plugin-path", plugins(), "--jobs", "2"}).code, 1);
  EXPECT_EQ(dump(merged), dump(single));
  EXPECT_EQ(clbench({"audit", "--db", merged.string()}).code, 0);

  // What failed is repeated when a person asks, and fails again.
  ASSERT_EQ(clbench({"sweep", "retry", sweep(), "--failed"}).code, 0);
  EXPECT_EQ(count("missing") + count("running") + count("failed"), 20);
  ASSERT_TRUE(wait_for_end());
  EXPECT_EQ(count("failed"), 20);
  EXPECT_EQ(dump(merged), dump(single));
}

}  // namespace
