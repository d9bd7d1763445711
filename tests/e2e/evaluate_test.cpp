// A kept state evaluated again: the same as recorded when nothing changes, and what theory says when something does.
#include "cli.hpp"

namespace {

using clb::base::Json;
using clb::testing::Ended;
using clb::testing::World;

class Evaluate : public testing::Test {
 protected:
  void train(const std::string& method, const std::string& params) {
    world_.write_experiment("train_transform = \"micro-32\"\nparams = { epochs = 1, batch_size = 8, lr = 0.01, " + params + " }\n", method);
    const Ended ended = world_.run();
    ASSERT_EQ(ended.code, 0) << ended.err;
    recorded_ = world_.newest();
  }
  Ended evaluate(std::vector<std::string> more = {}) const {
    std::vector<std::string> words{"evaluate", recorded_.row.key.substr(0, 12), "--db", world_.database().string()};
    words.insert(words.end(), more.begin(), more.end());
    return world_.clbench(words);
  }
  Json answer(std::vector<std::string> more = {}) const {
    more.push_back("--json");
    const Ended ended = evaluate(more);
    EXPECT_EQ(ended.code, 0) << ended.err;
    return Json::parse(ended.out);
  }

  World world_;
  World::Recorded recorded_;
};

TEST_F(Evaluate, WithoutAChangeTheResultIsTheRecordedOne) {
  train("finetune", "train = \"all\"");
  const Json json = answer();
  EXPECT_EQ(json.at("changed_predictions"), 0);
  EXPECT_EQ(json.at("all").at("now"), json.at("all").at("recorded"));
  EXPECT_EQ(json.at("all").at("now").at("n"), 10 * World::kTest);
  EXPECT_EQ(json.at("groups").size(), 5u);
  const auto store = clb::store::Store::open(world_.database(), clb::store::Store::Mode::kRead);
  EXPECT_EQ(json.at("logit_hash"), store.logit_hashes(recorded_.row.attempt_id).at(4)) << "bit by bit";
  EXPECT_EQ(store.runs().size(), 1u) << "nothing is recorded";
}

TEST_F(Evaluate, WithTheTaskGivenAccuracyIsThatWithinTheTask) {
  train("finetune", "train = \"all\"");
  const Json json = answer({"--set", "protocol.kind=task"});
  const Json &now = json.at("all").at("now"), &before = json.at("all").at("recorded");
  EXPECT_EQ(now.at("correct"), before.at("correct_within"));
  EXPECT_GT(now.at("correct"), before.at("correct"));
  const Ended text = evaluate({"--set", "protocol.kind=task"});
  EXPECT_NE(text.out.find("nothing was recorded"), std::string::npos) << text.out;
}

TEST_F(Evaluate, TestBatchesAndParametersMayChange) {
  train("l2p", "prompt_length = 2, top_k = 2");
  EXPECT_EQ(answer({"--set", "protocol.test_batches=class_sorted", "--set", "protocol.test_batch_size=7"}).at("changed_predictions"), 0)
      << "predictions do not depend on the batch";
  EXPECT_EQ(evaluate({"--set", "method.params.batch_vote_test=true", "--set", "protocol.test_batches=class_sorted"}).code, 0);
}

// What the new values claim counts: an oracle is told the tasks where the protocol can tell them, and refused where it cannot.
TEST_F(Evaluate, AnOracleIsToldTheTask) {
  train("dap", "prompt_length = 2");
  const Ended untold = evaluate({"--set", "method.params.oracle=true"});
  EXPECT_EQ(untold.code, 2) << untold.err;
  EXPECT_NE(untold.err.find("add --set protocol.kind=task"), std::string::npos) << untold.err;
  EXPECT_EQ(evaluate({"--set", "method.params.oracle=true", "--set", "protocol.kind=task"}).code, 0);
}

TEST_F(Evaluate, RefusesWhatCannotBeEvaluated) {
  train("finetune", "train = \"all\"");
  const auto refused = [&](std::vector<std::string> more, const std::string& sentence) {
    const Ended ended = evaluate(more);
    EXPECT_EQ(ended.code, 2) << ended.err;
    EXPECT_NE(ended.err.find(sentence), std::string::npos) << ended.err;
  };
  refused({"--set", "protocol.split=B0-Inc5"}, "protocol.split cannot be changed");
  refused({"--set", "protocol.kind=domain"}, "only be changed from class to task");
  refused({"--set", "protocol.test_batches=random"}, "test_batches");
  refused({"--set", "protocol.test_batch_size=0"}, "test_batch_size");
  refused({"--set", "method.params.epoch=3"}, "did you mean 'epochs'?");
  refused({"--set", "epochs"}, "KEY=VALUE");
  const Ended unknown = world_.clbench({"evaluate", "zzz", "--db", world_.database().string()});
  EXPECT_EQ(unknown.code, 2);
  EXPECT_NE(unknown.err.find("no run whose key begins with 'zzz'"), std::string::npos) << unknown.err;
  std::filesystem::remove_all(world_.database().string() + ".runs");
  refused({}, "has no kept state");
}

}  // namespace
