// A second look of a warm run cost ten times the run: it computed all features of the host afresh. Now the first look of a command does,
// and holds the cache against them; later ones take the rows that were proven so.
#include <clb/base/safetensors.hpp>
#include <clb/base/sha256.hpp>

#include "e2e/cli.hpp"
#include "support/errors.hpp"

namespace {

using namespace clb;
using clb::testing::contains;
namespace fs = std::filesystem;

const std::string kTaken = " rows taken from ", kComputed = "features main:cls: computed, ";

struct SecondLookCost : clb::testing::World {
  // What came of each look, in the order of the attempts that this call added, and what its process wrote.
  struct Looked {
    base::SecondLook look;
    std::string said;
  };
  std::vector<Looked> looks(std::vector<std::string> words) {
    words.insert(words.end(), {"--again", "--jobs", "1", "--plugin-path", std::string(CLB_BINARY_DIR) + "/tests/plugins"});
    const auto ended = run(words);
    EXPECT_EQ(ended.code, 0) << ended.err;
    err_ = ended.err;
    std::map<int64_t, Looked> found;
    for (const store::RunRow& row : store::Store::open(database(), store::Store::Mode::kRead).runs())
      if (row.attempt_id > last_ && row.look)
        found[row.attempt_id] = {*row.look, base::read_file(database().string() + ".runs/" + row.uuid + "/look.txt")};
    std::vector<Looked> list;
    for (auto& [attempt, looked] : found) {
      list.push_back(looked);
      last_ = attempt;
    }
    return list;
  }

  int64_t last_ = 0;
  std::string err_;
};

void expect_same(const std::vector<SecondLookCost::Looked>& looks, size_t count) {
  EXPECT_EQ(looks.size(), count);
  for (const auto& [look, said] : looks) {
    EXPECT_EQ(look.outcome, "same") << look.reason << said;
    EXPECT_GT(look.samples, 0);
    EXPECT_TRUE(look.confined);
  }
}

// Every value of a segment times 1.01, under a checksum that holds.
void falsify(const fs::path& file) {
  std::string bytes = base::read_file(file);
  const auto header = base::parse_safetensors({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()}, file.string());
  const auto& values = header.tensors.at("values");
  const auto& ids = header.tensors.at("ids");
  for (size_t at = values.begin; at < values.end; at += sizeof(float)) {
    float value = 0;
    std::memcpy(&value, bytes.data() + at, sizeof value);
    value *= 1.01F;
    std::memcpy(bytes.data() + at, &value, sizeof value);
  }
  const std::string& old = header.metadata.at("sha256");
  const auto part = [&](const auto& tensor) { return std::string_view(bytes).substr(tensor.begin, tensor.end - tensor.begin); };
  const std::string sum = base::hex(base::Sha256().update(part(ids)).update(part(values)).update(header.metadata.at("seconds")).finish());
  bytes.replace(bytes.find(old), old.size(), sum);
  base::write_file_atomic(file, bytes);
}

TEST(SecondLookCost, TheFirstLookOfACommandComputesAndTheLaterOnesTake) {
  SecondLookCost world;
  for (const char* command : {"cold", "warm"}) {
    SCOPED_TRACE(command);
    const auto looks = world.looks({"--set", "run.seed=[0,1,2]"});
    ASSERT_EQ(looks.size(), 3u);
    expect_same(looks, 3);
    EXPECT_TRUE(contains(looks[0].said, kComputed + "0 of 100 other than in " + (world.cache() / "features").string())) << looks[0].said;
    for (const size_t later : {1, 2}) {
      EXPECT_TRUE(contains(looks[later].said, kTaken)) << looks[later].said;
      EXPECT_FALSE(contains(looks[later].said, kComputed)) << looks[later].said;
    }
  }
}

TEST(SecondLookCost, AFalseRowIsFoundThoughItsClassIsThePredictedOne) {
  SecondLookCost world;
  world.looks({"--no-second-look"});
  size_t falsified = 0;
  for (const fs::path& file : world.cached("/features/"))
    if (file.extension() == ".safetensors" && contains(base::read_file(file), "\\\"split\\\":\\\"test\\\"")) {
      falsify(file);
      ++falsified;
    }
  ASSERT_EQ(falsified, 1u);
  const auto looks = world.looks({"--set", "run.seed=[0,1]"});
  ASSERT_EQ(looks.size(), 2u);
  for (const auto& [look, said] : looks) {
    EXPECT_EQ(look.outcome, "differs");
    EXPECT_EQ(look.differing, 100);
    EXPECT_TRUE(contains(look.reason, "the features in the cache " + (world.cache() / "features").string())) << look.reason;
    EXPECT_TRUE(contains(look.reason, "for 100 of 100 test samples; remove that folder and repeat the run with `clbench run --again`"))
        << look.reason;
    EXPECT_TRUE(contains(said, kComputed)) << "nothing false is taken: " << said;
  }
  EXPECT_TRUE(contains(world.err_, "warning: the features in the cache ")) << world.err_;
  const std::string& reason = looks[0].look.reason;
  const size_t from = reason.find('/'), to = reason.find(" are others");
  fs::remove_all(reason.substr(from, to - from));
  expect_same(world.looks({}), 1);
}

TEST(SecondLookCost, WithoutACacheEverythingIsComputed) {
  SecondLookCost world;
  const auto looks = world.looks({"--set", "run.seed=[0,1]", "--cache", "off"});
  expect_same(looks, 2);
  for (const auto& [look, said] : looks) EXPECT_FALSE(contains(said, "features main:cls")) << said;
}

// Which kinds it used is known from its checkpoint: the process that ends it may have asked for none of them before.
TEST(SecondLookCost, ARunThatGoesOnAfterItsCheckpointIsLookedAtLikeTheOthers) {
  SecondLookCost world;
  const std::string program = std::string(CLB_BINARY_DIR) + "/bin/clbench", db = world.database().string();
  const auto killed =
      clb::testing::run_program(world.path(), {program, "run", world.experiment().string(), "--db", db},
                                {"CLB_CACHE=" + world.cache().string(), "CLB_TEST_KILL_AT_SYNC=11", "ASAN_OPTIONS=verify_asan_link_order=0",
                                 std::string("LD_PRELOAD=") + CLB_BINARY_DIR + "/tests/plugins/preload/kill_at_sync.so"});
  ASSERT_EQ(killed.code, 128 + 9);
  const auto resumed = world.clbench({"resume", "--db", db});
  EXPECT_EQ(resumed.code, 0) << resumed.err;
  EXPECT_TRUE(contains(resumed.err, "1 of them after a checkpoint")) << resumed.err;
  const store::RunRow row = world.newest().row;
  ASSERT_TRUE(row.look);
  EXPECT_EQ(row.look->outcome, "same") << row.look->reason;
  const std::string said = base::read_file(db + ".runs/" + row.uuid + "/look.txt");
  EXPECT_TRUE(contains(said, kComputed + "0 of 100 other than in ")) << said;
}

TEST(SecondLookCost, ImagesBesideFeaturesAndFeaturesThatAMethodDerives) {
  for (const auto& [method, params] : std::vector<std::pair<std::string, std::string>>{
           {"l2p", "params = { epochs = 1, pool_size = 4, top_k = 2, prompt_length = 2 }\n"}, {"aper", "params = { epochs = 1 }\n"}}) {
    SCOPED_TRACE(method);
    SecondLookCost world;
    world.write_experiment("", method, params);
    const auto looks = world.looks({"--set", "run.seed=[0,1]", "--set", "protocol.stop_after=1"});
    ASSERT_EQ(looks.size(), 2u);
    expect_same(looks, 2);
    EXPECT_TRUE(contains(looks[0].said, kComputed)) << looks[0].said;
    EXPECT_TRUE(contains(looks[1].said, kTaken)) << looks[1].said;
  }
}

TEST(SecondLookCost, WhatAMethodDerivesIsNeverTaken) {
  SecondLookCost world;
  world.write_experiment("", "derived", "params = { hash = \"renewed\" }\n");
  const auto looks = world.looks({"--set", "run.seed=[0,1]", "--set", "protocol.stop_after=2"});
  expect_same(looks, 2);
  for (const auto& [look, said] : looks) EXPECT_FALSE(contains(said, "features m")) << said;
}

}  // namespace
