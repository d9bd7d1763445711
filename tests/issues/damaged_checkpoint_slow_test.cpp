// A checkpoint that cannot be taken up, for whatever reason: the run starts over as a new attempt and ends as one that nobody disturbed.
#include <clb/base/envelope.hpp>

#include "e2e/cli.hpp"

namespace {

namespace fs = std::filesystem;
using clb::base::Json;
using clb::store::Store;
using clb::testing::Ended;

class DamagedCheckpoint : public ::testing::Test {
 protected:
  // A run that is killed in its third task, once.
  void SetUp() override {
    world_.write_experiment(
        "", "faulty", "params = { fault = \"kill\", where = \"train_task\", task = 2, once = \"" + trap().string() + "\", epochs = 1 }\n");
    const std::vector<std::string> words = more({"run", world_.experiment().string()});
    std::ofstream(trap()) << "x";
    ASSERT_EQ(world_.clbench(words).code, 1);
    ASSERT_FALSE(fs::exists(trap()));
    for (const auto& entry : fs::recursive_directory_iterator(world_.database().string() + ".runs"))
      if (entry.path().filename() == "checkpoint") checkpoint_ = entry.path();
    ASSERT_FALSE(checkpoint_.empty());
  }
  fs::path trap() const { return world_.path() / "trap"; }
  std::vector<std::string> more(std::vector<std::string> words) const {
    words.insert(words.end(), {"--db", world_.database().string(), "--plugin-path", std::string(CLB_BINARY_DIR) + "/tests/plugins"});
    return words;
  }

  void expect_started_over(const std::string& verb, const std::string& why) {
    const Ended ended = world_.clbench(verb == "resume" ? more({"resume"}) : more({"run", world_.experiment().string()}));
    EXPECT_EQ(ended.code, 0) << ended.err;
    EXPECT_NE(ended.err.find(checkpoint_.string()), std::string::npos) << ended.err;
    EXPECT_NE(ended.err.find(why), std::string::npos) << ended.err;
    EXPECT_NE(ended.err.find("this run starts over"), std::string::npos) << ended.err;
    const auto store = Store::open(world_.database(), Store::Mode::kRead);
    const auto run = store.runs().at(0);
    EXPECT_EQ(run.status.status, "ok");
    EXPECT_EQ(run.attempts, 2);
    EXPECT_EQ(run.tasks_done, 5);
    EXPECT_EQ(world_.clbench(more({"audit"})).code, 0);
  }
  void rewrite(const std::string& member, const Json& value) const {
    const std::string bytes = clb::base::read_file(checkpoint_);
    const auto old = clb::base::parse_envelope({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()}, "checkpoint");
    Json header = old.header;
    header[member] = value;
    clb::base::EnvelopeWriter out(checkpoint_, header);
    out.write({reinterpret_cast<const char*>(old.payload.data()), old.payload.size()});
    out.finish();
  }

  clb::testing::World world_;
  fs::path checkpoint_;
};

TEST_F(DamagedCheckpoint, Truncated) {
  fs::resize_file(checkpoint_, fs::file_size(checkpoint_) / 2);
  expect_started_over("resume", "is damaged: its checksum differs");
}

TEST_F(DamagedCheckpoint, Empty) {
  fs::resize_file(checkpoint_, 0);
  expect_started_over("run", "too few for a saved state");
}

TEST_F(DamagedCheckpoint, AFolderInItsPlace) {
  fs::remove(checkpoint_);
  fs::create_directories(checkpoint_ / "x");
  expect_started_over("resume", "is no regular file");
}

TEST_F(DamagedCheckpoint, OfAnotherVersion) {
  rewrite("version", 77);
  expect_started_over("run", "written by another version of clbench");
}

TEST_F(DamagedCheckpoint, OfAnotherRun) {
  rewrite("run", "another");
  expect_started_over("resume", "belongs to another run");
}

TEST_F(DamagedCheckpoint, OfAnotherBuild) {
  rewrite("runner_hash", "another");
  expect_started_over("resume", "belongs to another build of clb-runner");
}

TEST_F(DamagedCheckpoint, WholeButOfNoUse) {
  rewrite("carried", Json::object());
  expect_started_over("run", "is damaged");
}

}  // namespace
