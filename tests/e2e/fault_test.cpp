// A plugin that misbehaves becomes a row with a status and a reason, and the next run goes on.
#include <clb/meta.h>

#include <cstddef>
#include <fstream>

#include "cli.hpp"

namespace {

using namespace clb;
using clb::testing::Ended;
namespace fs = std::filesystem;

struct Fault {
  const char* fault;
  const char* where;
  const char* status;  // of the row
  const char* reason;  // a part of it
  std::vector<std::string> options = {};
};

class Faults : public clb::testing::World {
 public:
  Faults() { setenv("ASAN_OPTIONS", "handle_segv=0", 0); }  // a crash is to end the runner by its signal under the sanitizer as well

  // Two runs: the faulty one, then simplecil on the same data.
  Ended run(const Fault& f) const {
    write_experiment("[[method]]\nid = \"simplecil\"\n", "faulty",
                     std::string("params = { fault = \"") + f.fault + "\", where = \"" + f.where + "\", task = 1 }\n");
    std::vector<std::string> words{"--plugin-path", std::string(CLB_BINARY_DIR) + "/tests/plugins", "--set", "protocol.stop_after=2"};
    words.insert(words.end(), f.options.begin(), f.options.end());
    return World::run(words);
  }
  std::vector<store::RunRow> rows() const { return store::Store::open(database(), store::Store::Mode::kRead).runs(); }
};

void expect_row(const Fault& fault) {
  SCOPED_TRACE(std::string(fault.fault) + " in " + fault.where);
  const Faults world;
  const Ended ended = world.run(fault);
  EXPECT_EQ(ended.code, 1) << ended.err;
  const auto rows = world.rows();
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0].status.status, fault.status) << rows[0].status.reason;
  EXPECT_NE(rows[0].status.reason.find(fault.reason), std::string::npos) << rows[0].status.reason;
  EXPECT_EQ(rows[1].status.status, "ok") << "the next run goes on";
  EXPECT_NE(ended.err.find(rows[0].status.reason), std::string::npos) << ended.err;
}

TEST(Fault, ACrashInEachEntryPointIsNamed) {
  for (const char* where : {"create", "begin_task", "train_task", "end_task", "predict", "save"}) {
    const std::string phase = std::string(where) == "predict" || std::string(where) == "save" ? "evaluate" : where;
    expect_row({"crash", where, "crashed", ("SIGSEGV in " + phase).c_str()});
  }
}

TEST(Fault, ThrownExceptionsAreSentences) {
  expect_row({"throw", "train_task", "failed", "internal: thrown on purpose (in train_task, task 2"});
  expect_row({"throw_int", "train_task", "failed", "internal: an exception of an unknown type (in train_task, task 2"});
  expect_row({"throw", "predict", "failed", "internal: thrown on purpose (in evaluate, task 2"});
  expect_row({"throw", "create", "failed", "internal: thrown on purpose (in create"});
}

TEST(Fault, WrongLogitsAreRefused) {
  expect_row({"shape",
              "predict",
              "failed",
              "predict returned Float [39, 4] on cpu, wanted Float [40, 4] on cpu",
              {"--set", "protocol.test_batch_size=40"}});
  expect_row(
      {"dtype", "predict", "failed", "predict returned Double [40, 4] on cpu, wanted Float", {"--set", "protocol.test_batch_size=40"}});
  expect_row({"classes",
              "predict",
              "failed",
              "predict returned Float [40, 5] on cpu, wanted Float [40, 4]",
              {"--set", "protocol.test_batch_size=40"}});
  expect_row({"nan", "predict", "failed", "numeric: predict returned logits that are not finite"});
}

TEST(Fault, ChangedGlobalsAreRefused) {
  expect_row({"default_dtype", "end_task", "failed", "end_task changed LibTorch's default dtype to double; a plugin sets no global"});
  expect_row({"threads", "train_task", "failed", "train_task changed LibTorch's thread count from 1 to 2"});
}

TEST(Fault, EndlessLoopsAndMemoryHogsAreStopped) {
  expect_row({"endless", "train_task", "timeout", "silent for 6.0 s in train_task, task 2", {"--max-silence", "6s"}});
  expect_row({"endless", "train_task", "timeout", "15 s of --max-time used up in train_task, task 2", {"--max-time", "15s"}});
  expect_row({"hog", "train_task", "killed", "probably out of memory", {"--max-memory", "1GB"}});
}

TEST(Fault, PrintingGoesToTheLogAndKeepingBatchesIsHarmless) {
  for (const char* fault : {"print", "keep"}) {
    SCOPED_TRACE(fault);
    const Faults world;
    const Ended ended = world.run({fault, "train_task", "", ""});
    EXPECT_EQ(ended.code, 0) << ended.err;
    EXPECT_EQ(ended.out.find("a line on stdout"), std::string::npos);
  }
}

// What a run of the method without a fault predicts, it also predicts when it keeps every batch.
TEST(Fault, KeptBatchesStayWhatTheyWere) {
  const auto predictions = [](const char* fault) {
    const Faults world;
    EXPECT_EQ(world.run({fault, "train_task", "", ""}).code, 0);
    const auto store = store::Store::open(world.database(), store::Store::Mode::kRead);
    return store.prediction(store.runs().at(0).attempt_id, 1);
  };
  EXPECT_EQ(predictions("keep"), predictions("none"));
}

TEST(Fault, AnExceptionThroughTheBorderIsASentenceToo) {
  const Faults world;
  world.write_experiment("", "raw");
  const Ended ended = world.World::run({"--plugin-path", std::string(CLB_BINARY_DIR) + "/tests/plugins"});
  EXPECT_EQ(ended.code, 1);
  EXPECT_NE(world.rows().at(0).status.reason.find("internal: thrown through the border (in train_task, task 1"), std::string::npos)
      << world.rows().at(0).status.reason;
}

// `run` with a copy of the plugin in which the bytes at `offset` of the metadata, counted from its magic, are others.
Ended run_altered(size_t offset, const std::string& bytes) {
  const Faults world;
  const fs::path folder = world.path() / "altered";
  fs::create_directories(folder);
  std::string file = base::read_file(fs::path(CLB_BINARY_DIR) / "tests/plugins/faulty.so");
  const size_t meta = file.find(std::string(CLB_META_MAGIC, sizeof(clb_plugin_meta_t::magic)));
  EXPECT_NE(meta, std::string::npos);
  file.replace(meta + offset - offsetof(clb_plugin_meta_t, magic), bytes.size(), bytes);
  std::ofstream(folder / "faulty.so", std::ios::binary) << file;
  world.write_experiment("", "faulty");
  return world.World::run({"--plugin-path", folder.string()});
}

TEST(Fault, AnotherAbiOrLibTorchIsExplainedBeforeAnythingIsLoaded) {
  const Ended abi = run_altered(offsetof(clb_plugin_meta_t, abi_minor), std::string(1, '\x63'));
  EXPECT_EQ(abi.code, 2);
  EXPECT_NE(abi.err.find("ABI"), std::string::npos) << abi.err;
  EXPECT_NE(abi.err.find("99"), std::string::npos) << abi.err;
  const Ended torch = run_altered(offsetof(clb_plugin_meta_t, libtorch), "1.9.0");
  EXPECT_EQ(torch.code, 2);
  EXPECT_NE(torch.err.find("1.9.0"), std::string::npos) << torch.err;
}

}  // namespace
