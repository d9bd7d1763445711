// --devices, with a runner that says what it sees.
#include <clb/base/file.hpp>
#include <set>

#include "cli_fixture.hpp"

namespace clb::testing {
namespace {

class DevicesOfJobs : public Cli {
 protected:
  DevicesOfJobs() { setenv("FAKE_RUNNER_CARDS", "2", 1); }
  ~DevicesOfJobs() override { unsetenv("FAKE_RUNNER_CARDS"); }

  // What the runners saw, one for each run folder, and how often.
  std::multiset<std::string> seen() const {
    std::multiset<std::string> found;
    for (const auto& entry : fs::directory_iterator(database() + ".runs")) {
      const std::string log = base::read_file(entry.path() / "log.txt"), name = "CUDA_VISIBLE_DEVICES=";
      const size_t at = log.find(name) + name.size();
      found.insert(log.substr(at, log.find('\n', at) - at));
    }
    return found;
  }
  std::set<std::string> keys() const {
    std::set<std::string> found;
    for (const base::Json& run : json({"status", "--db", database()})) found.insert(run.at("key").get<std::string>());
    return found;
  }
};

TEST_F(DevicesOfJobs, EachRunHasACardOfItsOwnAndItsKeyStays) {
  const std::string file = experiment_file("ok", 0.3);
  const auto ended = run(file, {"--devices", "cuda:0,cuda:1"});
  ASSERT_EQ(ended.exit_code, 0) << ended.err;
  EXPECT_EQ(seen(), (std::multiset<std::string>{"0", "1"}));
  const auto assigned = keys();
  const auto again = run(file);
  EXPECT_TRUE(contains(again.err, "2 of 2 runs are finished and skipped")) << again.err;
  EXPECT_EQ(keys(), assigned);
}

TEST_F(DevicesOfJobs, ACardIsGivenAgainWhenItsRunHasEnded) {
  ASSERT_EQ(run(experiment_file("ok"), {"--devices", "cuda:1", "--jobs", "1"}).exit_code, 0);
  EXPECT_EQ(seen(), (std::multiset<std::string>{"1", "1"}));
}

TEST_F(DevicesOfJobs, WithoutThemARunnerFindsWhatThereIs) {
  ASSERT_EQ(run(experiment_file("ok"), {"--jobs", "2"}).exit_code, 0);
  EXPECT_EQ(seen().count("unset"), 2u);
}

TEST_F(DevicesOfJobs, NonsenseIsOneSentenceBeforeAnythingStarts) {
  const std::string file = experiment_file("ok");
  const auto refused = [&](std::vector<std::string> words, const std::string& said) {
    const auto ended = run(file, words);
    EXPECT_EQ(ended.exit_code, 2) << said;
    EXPECT_TRUE(contains(ended.err, said)) << ended.err;
  };
  refused({"--devices", "cpu,cuda:x"}, "not 'cuda:x' in 'cpu,cuda:x'");
  refused({"--devices", "cuda:0,cuda:0"}, "--devices names cuda:0 twice");
  refused({"--devices", "cuda:0,cuda:1", "--jobs", "3"}, "--jobs 3 and --devices cuda:0,cuda:1: each run needs a device of its own");
  refused({"--devices", "cuda:0,cuda:2"}, "--devices names cuda:2, but this machine has 2 CUDA cards");
  refused({"--devices", "cuda:0", "--set", "run.device=\"cuda:1\""}, "asks for run.device = \"cuda:1\" itself");
  EXPECT_FALSE(fs::exists(database() + ".runs"));
}

}  // namespace
}  // namespace clb::testing
