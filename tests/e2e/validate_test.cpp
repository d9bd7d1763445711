// `clbench validate`: every plugin of this tree passes, and each fault is found by the check that is for it.
#include <algorithm>
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

// The remark of `check` on a method of tests/faults; "" when it passes.
std::string complaint(const std::string& check, const std::vector<std::string>& settings, const std::string& method = "faulty") {
  std::vector<std::string> words{"--json", "--check", check};
  for (const std::string& setting : settings) words.insert(words.end(), {"--set", setting});
  const Ended ended = validate(built("tests/plugins/" + method + ".so"), words);
  const auto row = base::parse_json(ended.out, "validate").at("checks").at(0);
  EXPECT_EQ(ended.code, row.at("status") == "fail" ? 1 : 0) << ended.err;
  return row.at("status") == "fail" ? row.at("remark").get<std::string>() : "";
}

class EveryMethodOfThisTree : public ::testing::TestWithParam<std::string> {};

TEST_P(EveryMethodOfThisTree, Passes) {
  const Ended ended = validate(built("lib/clbench/methods/" + GetParam() + ".so"));
  EXPECT_EQ(ended.code, 0) << ended.out << ended.err;
}

std::vector<std::string> built_methods() {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(built("lib/clbench/methods"))) names.push_back(entry.path().stem().string());
  std::ranges::sort(names);
  return names;
}

INSTANTIATE_TEST_SUITE_P(Validate, EveryMethodOfThisTree, ::testing::ValuesIn(built_methods()),
                         [](const auto& info) { return info.param; });

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
      {"hidden_images", {"fault=grow", "where=train_task"}, "holds training image"},
      {"state_growth", {"fault=grow", "where=train_task"}, "bytes for each training image"},
      {"evaluate_saved", {"fault=forget", "where=save"}, "evaluated from the saved state in a new process, the logits differ"},
      {"resume", {"fault=forget", "where=save"}, "resumed in a new process, the logits differ"},
      {"damaged_state", {"fault=crash", "where=load"}, "crashed with SIGSEGV"},
      {"bitwise", {"fault=clock", "where=train_task"}, "in another process, later, the logits differ"},
      {"cancel", {"fault=endless", "where=train_task", "task=0"}, "does not stop"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(std::string(c.check) + " " + c.settings[0]);
    EXPECT_NE(complaint(c.check, c.settings).find(c.complaint), std::string::npos) << complaint(c.check, c.settings);
  }
}

struct Cheat {
  const char* method;
  const char* check;
  std::vector<std::string> settings;
  const char* complaint;  // a part of it; "": none
};

TEST(Validate, EachKindOfCheatIsFoundByTheCheckThatIsForIt) {
  const clb::testing::TempFolder folder;
  const std::string bank = "path=" + (folder.path() / "bank").string();
  const std::vector<Cheat> cheats{
      {"outside", "outside", {"where=file", bank}, "the method writes or changes"},
      {"outside", "outside", {"where=known_path", bank}, "the claim external_data"},
      {"outside", "outside", {"where=shared_memory"}, "/dev/shm/clb_fault_bank"},
      {"outside", "outside", {"where=socket"}, "socket"},
      {"outside", "outside", {"where=program"}, "the method "},
      {"outside", "leftovers", {"where=environment"}, "environment variables differ after train_task"},
      {"large_batch", "batch_invariance", {"how=normalises"}, "logits change"},
      {"large_batch", "batch_invariance", {"how=normalises", "from=129"}, "logits change"},
      {"large_batch", "evaluation_is_pure", {"how=learns"}, "evaluated again after task 1"},
      {"counts", "batch_invariance", {"per_class=100"}, "logits change"},
      {"counts", "batch_invariance", {}, "after 2100 samples were served"},
      {"hides_images", "hidden_images", {"as=float32"}, "as float32"},
      {"hides_images", "hidden_images", {"as=bf16"}, "as bfloat16"},
      {"hides_images", "hidden_images", {"as=int8"}, "holds training image"},
      {"hides_images", "hidden_images", {"as=halves"}, "holds training image"},
      {"hides_images", "hidden_images", {"as=low_bits"}, "one every 4 bytes"},
      {"hides_images", "hidden_images", {"as=low_bits", "bits=2"}, "2 bits of every 4 bytes"},
      {"leftovers", "leftovers", {"what=thread", "where=create"}, "1 thread(s) of the method are still running after create"},
      {"leftovers", "leftovers", {"what=child"}, "is still running after train_task"},
      {"leftovers", "leftovers", {"what=zombie", "where=predict"}, "after predict"},
      {"leftovers", "leftovers", {"what=grandchild"}, "is still running after train_task"},
      {"seeds", "bitwise", {"from=clock"}, "in another process, later,"},
      {"seeds", "bitwise", {"from=pid"}, "in another process, later,"},
      {"seeds", "bitwise", {"from=address"}, "in another process, later,"},
      {"seeds", "bitwise", {"from=heap"}, "in another process, later,"},
      {"seeds", "bitwise", {"from=environment"}, "in another process, later,"},
      {"latest_first", "sample_order", {}, "come in another order"},
      {"foreign_thread", "life_cycle", {"call=stream"}, "on a thread of its own"},
      {"foreign_thread", "life_cycle", {"call=swallowed"}, "on a thread of its own"},
      {"foreign_thread", "life_cycle", {"call=metric"}, "on a thread of its own"},
      {"foreign_thread", "life_cycle", {"call=log"}, ""},
  };
  for (const Cheat& c : cheats) {
    SCOPED_TRACE(std::string(c.method) + " " + c.check + (c.settings.empty() ? "" : " " + c.settings.front()));
    const std::string said = complaint(c.check, c.settings, c.method);
    EXPECT_NE(said.find(c.complaint), std::string::npos) << said;
    EXPECT_EQ(said.empty(), *c.complaint == 0) << said;
  }
}

TEST(Validate, SmallValuesThatAMethodDeclaresAreUsedAndShown) {
  const fs::path heavy = built("tests/plugins/heavy.so");
  const Ended ended = validate(heavy, {"--check", "life_cycle"});
  EXPECT_EQ(ended.code, 0) << ended.out;
  EXPECT_TRUE(ended.out.starts_with("with noise = 0.5, rounds = 2, as the plugin declares for validation")) << ended.out;
  const auto json = base::parse_json(validate(heavy, {"--json", "--check", "life_cycle", "--set", "rounds=3"}).out, "validate");
  EXPECT_EQ(json.at("declared"), base::Json({{"noise", 0.5}}));
  EXPECT_EQ(json.at("params"), base::Json({{"noise", 0.5}, {"rounds", 3}, {"seconds_at_most", 7}}));
  EXPECT_EQ(json.at("plugin_hash").get<std::string>().size(), 64u);
  EXPECT_EQ(validate(heavy, {"--check", "life_cycle", "--set", "rounds=1000"}).code, 1);
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
  const Ended formula = validate(built("lib/clbench/datasets/formula.so"));  // has none
  EXPECT_EQ(formula.code, 0) << formula.out << formula.err;
  const Ended foreign = world.clbench({"info", "formula", "--root", world.data().string()});
  EXPECT_EQ(foreign.code, 2);
  EXPECT_NE(foreign.err.find("reads no files, but is to read " + world.data().string()), std::string::npos) << foreign.err;
  for (const char* dataset : {"cifar100", "features", "image_folder"}) {
    const Ended ended = validate(built(std::string("lib/clbench/datasets/") + dataset + ".so"), {"--check", "descriptor,missing"});
    EXPECT_EQ(ended.code, 0) << ended.out << ended.err;
  }
}

TEST(Validate, MistakesAreSentences) {
  EXPECT_EQ(validate("nowhere.so").err, "clbench: nowhere.so: there is no such file\n");
  EXPECT_NE(validate(built("tests/plugins/faulty.so"), {"--check", "no_such"}).err.find("there is no check 'no_such'"), std::string::npos);
  EXPECT_NE(validate(built("tests/plugins/faulty.so"), {"--set", "falt=crash"}).err.find("has no parameter \"falt\""), std::string::npos);
  const auto said = [](const std::string& setting) {
    const Ended ended = validate(built("lib/clbench/methods/simplecil.so"), {"--set", setting});
    EXPECT_EQ(ended.code, 2) << setting << ended.out;
    return ended.err;
  };
  EXPECT_NE(said("distance=foo").find("distance=foo: distance must be one of "), std::string::npos) << said("distance=foo");
  for (const std::string setting :
       {"batch_size=0", "batch_size=2.5", "batch_size=99999999999999999999", "batch_size=many", "distance=3", "distance"})
    EXPECT_EQ(said(setting).find("clbench: --set " + setting), 0u) << said(setting);
}

}  // namespace
