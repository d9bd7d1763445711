// Methods in Python through the real programs: a run, a second look, a kill and its resumption, faults and their sentences. The Python is
// that of CLB_PYTHON, else python3; where it has no torch 2.11 the tests are skipped.
#include <clb/base/file.hpp>
#include <clb/base/json.hpp>
#include <clb/base/sha256.hpp>
#include <cmath>
#include <cstdlib>
#include <fstream>

#include "cli.hpp"
#include "support/errors.hpp"

namespace {

using namespace clb;
using clb::testing::contains;
using clb::testing::Ended;
using clb::testing::World;
namespace fs = std::filesystem;

const std::string kMethods = CLB_SOURCE_DIR "/tests/python";

class MethodInPython : public ::testing::Test {
 protected:
  void SetUp() override {
    const char* given = std::getenv("CLB_PYTHON");
    const Ended asked = clb::testing::run_program(world_.path(), {"/usr/bin/env", given != nullptr && *given ? given : "python3",
                                                                  CLB_BINARY_DIR "/lib/clbench/python/start.py", "versions"});
    if (asked.code != 0) GTEST_SKIP() << "no Python with torch 2.11 (CLB_PYTHON): " << asked.err;
    // Runs in C++ with the same LibTorch, whose last digits are its own.
    setenv("CLB_LIBTORCH", base::parse_json(asked.out, "versions").at("libtorch").get<std::string>().c_str(), 1);
  }

  Ended run(const std::string& method, const std::string& of_method = "", std::vector<std::string> more = {}) const {
    world_.write_experiment("", method, of_method);
    more.insert(more.end(), {"--plugin-path", kMethods});
    return world_.run(more);
  }

  std::string log() const {
    std::string all;
    for (const auto& entry : fs::recursive_directory_iterator(world_.path()))
      if (entry.path().filename() == "log.txt") all += base::read_file(entry.path());
    return all;
  }

  const World world_;
};

// Of the newest attempt, by task.
std::map<int64_t, std::string> logit_hashes(const World& world) {
  return store::Store::open(world.database(), store::Store::Mode::kRead).logit_hashes(world.newest().row.attempt_id);
}

TEST_F(MethodInPython, SimpleCilEqualsThatInCppBitForBit) {
  const Ended in_cpp = world_.run();
  ASSERT_EQ(in_cpp.code, 0) << in_cpp.err;
  const auto expected = logit_hashes(world_);
  ASSERT_EQ(expected.size(), 5u);
  const Ended in_python = run("simplecil_py");
  ASSERT_EQ(in_python.code, 0) << in_python.err << log();
  EXPECT_EQ(logit_hashes(world_), expected);
  const auto row = world_.newest().row;
  ASSERT_TRUE(row.look);
  EXPECT_EQ(row.look->outcome, "same") << row.look->reason;
  EXPECT_TRUE(row.look->confined);
}

TEST_F(MethodInPython, AnExceptionIsOneSentenceWithFileAndLine) {
  const Ended ended = run("faulty_py", "params = { fault = \"throw_in_source\" }\n");
  EXPECT_EQ(ended.code, 1);
  EXPECT_TRUE(contains(ended.err + ended.out, "ValueError: thrown in a module of the method")) << ended.err << ended.out;
  EXPECT_TRUE(contains(world_.newest().row.status.reason, "noise.py:5")) << world_.newest().row.status.reason;
  EXPECT_TRUE(contains(log(), "Traceback (most recent call last)")) << log();
}

TEST_F(MethodInPython, ASettingThatCannotBeIsTheUsersMistake) {
  const Ended ended = run("faulty_py", "params = { fault = \"setting\" }\n");
  EXPECT_EQ(ended.code, 2);
  EXPECT_TRUE(contains(ended.err, "fault = setting cannot be; take another")) << ended.err;
}

TEST_F(MethodInPython, AModuleThatTheHeaderDoesNotNameIsRefused) {
  const Ended ended = run("faulty_py", "params = { fault = \"unnamed\" }\n");
  EXPECT_EQ(ended.code, 2);
  EXPECT_TRUE(contains(world_.newest().row.status.reason, "unnamed_neighbour.py lies beside the method: name it in the header"))
      << world_.newest().row.status.reason;
}

TEST_F(MethodInPython, AFileThatCannotBeLoadedIsOneSentenceWithItsPlaceAndExitCode2) {
  const fs::path folder = world_.path() / "methods";
  fs::create_directories(folder);
  const std::string method = "class A(clbench.Method):\n    def train_task(self, task, stream): pass\n    def predict(self, batch): pass\n";
  const std::pair<std::string, std::string> cases[] = {
      {"def f(:\n", "SyntaxError: invalid syntax (in load; " + (folder / "broken.py").string() + ":6"},
      {"import clbench\nimport nowhere_at_all\n", "No module named 'nowhere_at_all'; `"},
      {"import clbench\nprint(nothing)\n", "NameError: name 'nothing' is not defined (in load; " + (folder / "broken.py").string() + ":7"},
      {"import clbench\n", "broken.py defines no class that derives from clbench.Method"},
      {"import clbench\nclass A(clbench.Method):\n    pass\n", "the class A of "},
      {"import clbench\n" + method + "class B(clbench.Method):\n    pass\n", "broken.py defines several methods, A and B; leave one"},
      {"import clbench\n" + method + "class B(A):\n    inputs = 5\n", "inputs of the class B is 5; it is a list of texts"},
  };
  for (const auto& [text, complaint] : cases) {
    std::ofstream(folder / "broken.py") << "# /// clbench\n# id = \"broken\"\n# version = \"1\"\n# paper = \"none\"\n# ///\n" << text;
    world_.write_experiment("", "broken");
    const Ended ended = world_.run({"--plugin-path", folder.string()});
    EXPECT_EQ(ended.code, 2) << text;
    EXPECT_TRUE(contains(ended.err + ended.out, complaint)) << ended.err << ended.out << text;
  }
}

TEST_F(MethodInPython, FineTuningEqualsThatInCppUpToRounding) {
  const std::string common = "lr = 0.05, epochs = 2, batch_size = 32";
  world_.write_experiment("", "finetune", "params = { " + common + ", schedule = \"constant\" }\n");
  const Ended in_cpp = world_.run({}, fs::path(CLB_BINARY_DIR) / "bin" / "clbench");
  ASSERT_EQ(in_cpp.code, 0) << in_cpp.err;
  const auto cpp = world_.newest();
  const Ended in_python = run("finetune_py", "params = { " + common + " }\n");
  ASSERT_EQ(in_python.code, 0) << in_python.err << log();
  const auto python = world_.newest();
  const auto losses = [](const World::Recorded& run) {
    std::map<std::pair<int64_t, int64_t>, double> all;
    for (const base::Metric& metric : run.metrics)
      if (metric.name == "loss") all[{metric.task, metric.step}] = metric.value;
    return all;
  };
  const auto expected = losses(cpp), found = losses(python);
  ASSERT_EQ(expected.size(), 10u);
  ASSERT_EQ(found.size(), expected.size());
  double largest = 0;
  for (const auto& [at, loss] : expected) largest = std::max(largest, std::abs(found.at(at) - loss));
  RecordProperty("largest_difference_of_losses", std::to_string(largest));
  EXPECT_LT(largest, 1e-5);
  ASSERT_EQ(python.prediction.size(), cpp.prediction.size());
  int64_t others = 0;
  for (size_t k = 0; k < cpp.prediction.size(); ++k) others += python.prediction[k] != cpp.prediction[k];
  EXPECT_LE(others, 1) << "of " << cpp.prediction.size();  // a near tie
}

TEST_F(MethodInPython, ALearnerOfPilotRuns) {
  const Ended ended = run("pilot_learner");
  ASSERT_EQ(ended.code, 0) << ended.err << log();
  const auto row = world_.newest().row;
  EXPECT_EQ(row.look->outcome, "same") << row.look->reason;
}

TEST_F(MethodInPython, EverythingThatASessionOffersIsThere) {
  const std::string words = "red\ngreen\nblue\n";
  base::write_file_atomic(world_.path() / "words.txt", words);
  world_.write_experiment("[weights.clip]\nname = \"clb-micro-clip\"\n[assets.words]\nfile = \"words.txt\"\nsha256 = \"" +
                              base::hex(base::sha256(words)) + "\"\n[assets.others]\ndataset = { id = \"formula\" }\n",
                          "everything_py");
  const Ended ended = world_.run({"--plugin-path", kMethods});
  ASSERT_EQ(ended.code, 0) << ended.err << log();
  const auto run = world_.newest();
  EXPECT_EQ(run.row.look->outcome, "same") << run.row.look->reason;
  std::map<int64_t, double> kept;
  for (const base::Metric& metric : run.metrics)
    if (metric.name == "kept") kept[metric.task] = metric.value;
  EXPECT_EQ(kept.size(), 5u);
  EXPECT_EQ(kept[4], 25);
  EXPECT_TRUE(contains(ended.err + log(), "careful")) << ended.err << log();
}

TEST_F(MethodInPython, KilledInTheMiddleItGoesOnToTheSameLogits) {
  ASSERT_EQ(run("faulty_py").code, 0) << log();
  const auto expected = logit_hashes(world_);
  const fs::path trap = world_.path() / "trap";
  std::ofstream(trap) << "x";
  const std::string params = "params = { fault = \"kill\", once = \"" + trap.string() + "\" }\n";
  ASSERT_EQ(run("faulty_py", params).code, 1);
  EXPECT_FALSE(fs::exists(trap));
  const int64_t killed = world_.newest().row.attempt_id;
  EXPECT_EQ(world_.newest().row.tasks_done, 2);
  const Ended again = run("faulty_py", params);
  ASSERT_EQ(again.code, 0) << again.err << log();
  EXPECT_EQ(world_.newest().row.attempt_id, killed);  // no run from the start
  EXPECT_EQ(logit_hashes(world_), expected);
}

// The remark of `check`; "" when it passes.
std::string complaint(const World& world, const std::string& fault, const std::string& check) {
  const Ended ended = world.clbench({"validate", kMethods + "/faulty_py.py", "--json", "--check", check, "--set", "fault=" + fault});
  const auto row = base::parse_json(ended.out, "validate").at("checks").at(0);
  EXPECT_EQ(ended.code, row.at("status") == "fail" ? 1 : 0) << ended.err;
  return row.at("status") == "fail" ? row.at("remark").get<std::string>() : "";
}

TEST_F(MethodInPython, ValidateFindsEachFault) {
  const struct {
    const char *check, *fault, *complaint;
  } cases[] = {
      {"life_cycle", "throw", "RuntimeError: thrown on purpose in two lines"},
      {"life_cycle", "nan", "not finite"},
      {"life_cycle", "shape", "predict returned Float"},
      {"life_cycle", "no_tensor", "predict gives a ndarray"},
      {"life_cycle", "dtype", "default dtype"},
      {"life_cycle", "threads", "thread count"},
      {"life_cycle", "seed", "the seed of LibTorch's generator"},
      {"life_cycle", "chdir", "the working folder"},
      {"life_cycle", "signal", "what signals do"},
      {"life_cycle", "exit", "the method calls sys.exit(0)"},
      {"resume", "pickle", "the state holds a lock in method.lock"},
      {"quiet", "print", "the plugin prints: a line on stdout"},
      {"batch_invariance", "leak_batch", "logits change"},
      {"evaluate_saved", "forget", "the logits differ"},
      {"hidden_images", "hide", "holds training image"},
      {"outside", "file", "left_behind"},
      {"leftovers", "thread", "thread(s) of the method are still running"},
      {"leftovers", "environment", "environment variables differ"},
      {"bitwise", "random", "differ"},
      {"cancel", "deaf", "training does not stop when it is asked to"},
  };
  for (const auto& one : cases)
    EXPECT_TRUE(contains(complaint(world_, one.fault, one.check), one.complaint))
        << one.fault << ": " << complaint(world_, one.fault, one.check);
}

TEST_F(MethodInPython, ValidatePassesWhatHasNoFault) {
  for (const char* method : {"simplecil_py", "faulty_py"}) {
    const Ended ended = world_.clbench({"validate", kMethods + "/" + method + ".py"});
    EXPECT_EQ(ended.code, 0) << ended.out << ended.err;
  }
}

TEST_F(MethodInPython, ListAndInfoStartNoPython) {
  const auto with = [&](const std::string& verb, const std::string& word) {
    return clb::testing::run_program(world_.path(), {CLB_BINARY_DIR "/bin/clbench", verb, word, "--plugin-path", kMethods, "--json"},
                                     {"CLB_PYTHON=/nowhere/python3", "CLB_CACHE=off"});
  };
  const Ended listed = with("list", "methods");
  ASSERT_EQ(listed.code, 0) << listed.err;
  EXPECT_TRUE(contains(listed.out, "\"simplecil_py\""));
  EXPECT_FALSE(contains(listed.out, "noise"));
  const Ended told = with("info", "simplecil_py");
  ASSERT_EQ(told.code, 0) << told.err;
  EXPECT_TRUE(contains(told.out, "factor on the logits"));
}

TEST_F(MethodInPython, APythonThatCannotBeIsOneSentence) {
  world_.write_experiment("", "simplecil_py");
  const auto with = [&](const std::string& python) {
    return clb::testing::run_program(
        world_.path(),
        {CLB_BINARY_DIR "/bin/clbench", "run", world_.experiment().string(), "--db", world_.database().string(), "--plugin-path", kMethods},
        {"CLB_PYTHON=" + python, "CLB_CACHE=" + world_.cache().string()});
  };
  Ended ended = with("/nowhere/python3");
  EXPECT_EQ(ended.code, 2);
  EXPECT_TRUE(contains(ended.err, "CLB_PYTHON is \"/nowhere/python3\", which is no program")) << ended.err;
  const fs::path empty = world_.path() / "python3";
  std::ofstream(empty) << "#!/bin/sh\necho 'torch is not here' >&2\nexit 2\n";
  fs::permissions(empty, fs::perms::owner_all);
  ended = with(empty.string());
  EXPECT_EQ(ended.code, 2);
  EXPECT_TRUE(contains(ended.err, "cannot run methods in Python: torch is not here; CLB_PYTHON names another")) << ended.err;
  std::ofstream(empty) << "#!/bin/sh\nexit 1\n";
  ended = with(empty.string());
  EXPECT_EQ(ended.code, 2);
  EXPECT_TRUE(contains(ended.err, "it was asked for its versions and said nothing; CLB_PYTHON names another")) << ended.err;
  fs::permissions(empty, fs::perms::owner_read);
  for (const fs::path& none : {empty, world_.path()}) {
    ended = with(none.string());
    EXPECT_EQ(ended.code, 2);
    EXPECT_TRUE(contains(ended.err, none.string() + "\", which is no program")) << ended.err;
  }
}

}  // namespace
