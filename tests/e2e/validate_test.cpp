// `clbench validate`: every plugin of this tree passes, and each fault is found by the check that is for it.
#include <clb/base/json.hpp>

#include "cli.hpp"

namespace {

using namespace clb;
using clb::testing::Ended;
namespace fs = std::filesystem;

fs::path built(const std::string& part) { return fs::path(CLB_BINARY_DIR) / part; }

Ended validate(const fs::path& plugin, std::vector<std::string> more = {}) {
  const clb::testing::TempFolder folder;
  std::vector<std::string> words{built("bin/clbench").string(), "validate", plugin.string()};
  words.insert(words.end(), more.begin(), more.end());
  return clb::testing::run_program(folder.path(), words, {"ASAN_OPTIONS=handle_segv=0"});  // a crash ends by its signal there too
}

// The remark of `check` on the faulty method; "" when it passes.
std::string complaint(const std::string& check, const std::vector<std::string>& settings) {
  std::vector<std::string> words{"--json", "--check", check};
  for (const std::string& setting : settings) words.insert(words.end(), {"--set", setting});
  const Ended ended = validate(built("tests/plugins/faulty.so"), words);
  const auto row = base::parse_json(ended.out, "validate").at("checks").at(0);
  EXPECT_EQ(ended.code, row.at("status") == "fail" ? 1 : 0) << ended.err;
  return row.at("status") == "fail" ? row.at("remark").get<std::string>() : "";
}

// RanPAC's 10,000 columns, a state of 400 MB, take ten minutes.
std::vector<std::string> smaller(const fs::path& plugin) {
  return plugin.stem() == "ranpac" ? std::vector<std::string>{"--set", "projection=300"} : std::vector<std::string>{};
}

TEST(Validate, EveryMethodOfThisTreePasses) {
  for (const auto& entry : fs::directory_iterator(built("lib/clbench/methods"))) {
    SCOPED_TRACE(entry.path().string());
    const Ended ended = validate(entry.path(), smaller(entry.path()));
    EXPECT_EQ(ended.code, 0) << ended.out << ended.err;
  }
}

TEST(Validate, TheFaultyMethodWithoutAFaultPasses) {
  const Ended ended = validate(built("tests/plugins/faulty.so"));
  EXPECT_EQ(ended.code, 0) << ended.out << ended.err;
}

struct Case {
  const char* check;
  std::vector<std::string> settings;
  const char* complaint;  // a part of it
};

TEST(Validate, EachFaultIsFoundByTheCheckThatIsForIt) {
  const std::vector<Case> cases{
      {"life_cycle", {"fault=crash", "where=train_task"}, "crashed with SIGSEGV"},
      {"life_cycle", {"fault=throw", "where=end_task"}, "internal: thrown on purpose"},
      {"life_cycle", {"fault=shape", "where=predict"}, "predict returned Float"},
      {"life_cycle", {"fault=dtype", "where=predict"}, "predict returned Double"},
      {"life_cycle", {"fault=classes", "where=predict"}, "predict returned Float"},
      {"life_cycle", {"fault=nan", "where=predict"}, "not finite"},
      {"life_cycle", {"fault=default_dtype", "where=begin_task"}, "a plugin sets no global"},
      {"life_cycle", {"fault=threads", "where=predict"}, "a plugin sets no global"},
#ifndef __SANITIZE_ADDRESS__  // a check has no memory limit there
      {"life_cycle", {"fault=hog", "where=train_task"}, "no_memory"},
#endif
      {"quiet", {"fault=print", "where=train_task"}, "the plugin prints: a line on stdout"},
      {"batch_invariance", {"fault=leak_batch", "where=predict"}, "logits change"},
      {"evaluation_is_pure", {"fault=drift", "where=predict"}, "changed the method's state"},
      {"state_growth", {"fault=grow", "where=train_task"}, "bytes for each training image"},
      {"evaluate_saved", {"fault=forget", "where=save"}, "evaluated from the saved state in a new process, the logits differ"},
      {"resume", {"fault=forget", "where=save"}, "resumed in a new process, the logits differ"},
      {"damaged_state", {"fault=crash", "where=load"}, "crashed with SIGSEGV"},
      {"bitwise", {"fault=clock", "where=train_task"}, "the second time"},
      {"cancel", {"fault=endless", "where=train_task", "task=0"}, "does not stop"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(std::string(c.check) + " " + c.settings[0]);
    EXPECT_NE(complaint(c.check, c.settings).find(c.complaint), std::string::npos) << complaint(c.check, c.settings);
  }
}

TEST(Validate, ADeclaredFailureIsShownWithItsReasonAndMustHappen) {
  const Ended ended = validate(built("tests/plugins/declared.so"), {"--json", "--check", "batch_invariance,one_task"});
  EXPECT_EQ(ended.code, 1);
  const auto rows = base::parse_json(ended.out, "validate").at("checks");
  EXPECT_EQ(rows.at(0).at("check"), "one_task");
  EXPECT_EQ(rows.at(0).at("status"), "fail") << "it passes, so the declaration is out of date";
  EXPECT_EQ(rows.at(1).at("status"), "expected");
  EXPECT_EQ(rows.at(1).at("remark"), "fails as the plugin declares: logits are centred in each batch");
}

TEST(Validate, EveryDatasetOfThisTreePassesOnItsFiles) {
  const clb::testing::World world;  // holds files of Fashion-MNIST's form
  const Ended fashion = validate(built("lib/clbench/datasets/fashion_mnist.so"), {"--root", world.data().string()});
  EXPECT_EQ(fashion.code, 0) << fashion.out << fashion.err;
  for (const char* dataset : {"cifar100", "features", "image_folder"}) {
    const Ended ended = validate(built(std::string("lib/clbench/datasets/") + dataset + ".so"), {"--check", "descriptor,missing"});
    EXPECT_EQ(ended.code, 0) << ended.out << ended.err;
  }
}

TEST(Validate, MistakesAreSentences) {
  EXPECT_EQ(validate("nowhere.so").err, "clbench: nowhere.so: there is no such file\n");
  EXPECT_NE(validate(built("tests/plugins/faulty.so"), {"--check", "no_such"}).err.find("there is no check 'no_such'"), std::string::npos);
  EXPECT_NE(validate(built("tests/plugins/faulty.so"), {"--set", "falt=crash"}).err.find("has no parameter \"falt\""), std::string::npos);
}

}  // namespace
