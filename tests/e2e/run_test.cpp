// One experiment end to end, and what must not change its predictions.
#include <array>
#include <chrono>
#include <thread>

#include "cli.hpp"

namespace {

using clb::testing::World;
namespace fs = std::filesystem;

void flip_byte(const fs::path& file, size_t from_end) {
  std::string bytes = clb::base::read_file(file);
  ASSERT_GT(bytes.size(), from_end);
  bytes[bytes.size() - 1 - from_end] = static_cast<char>(bytes[bytes.size() - 1 - from_end] ^ 0x10);
  std::ofstream(file, std::ios::binary) << bytes;
}

int count(const std::string& text, const std::string& part) {
  int n = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + part.size())) ++n;
  return n;
}

TEST(Run, RecordsAndSkipsWhatIsFinished) {
  const World world;
  const auto first = world.run();
  ASSERT_EQ(first.code, 0) << first.err;
  EXPECT_NE(first.out.find("simplecil"), std::string::npos) << first.out;
  const auto recorded = world.newest();
  EXPECT_EQ(recorded.row.status.status, "ok");
  EXPECT_EQ(recorded.row.tasks_done, 5);
  ASSERT_EQ(recorded.prediction.size(), 10u * World::kTest);
  EXPECT_EQ(recorded.resources.at("images_read"), 10 * (World::kTrain + World::kTest));
  int correct = 0;
  for (size_t i = 0; i < recorded.prediction.size(); ++i) correct += recorded.prediction[i] == static_cast<int64_t>(i % 10);
  EXPECT_GT(correct, 50) << "bars of ten kinds are easy even for an untrained network";

  const auto second = world.run();
  EXPECT_EQ(second.code, 0);
  EXPECT_NE(second.err.find("finished and skipped"), std::string::npos) << second.err;
  EXPECT_EQ(world.newest().row.attempt_id, recorded.row.attempt_id);
}

TEST(Run, AgainUsesTheCacheAndReadsNoPixels) {
  const World world;
  ASSERT_EQ(world.run().code, 0);
  const auto first = world.newest();
  ASSERT_EQ(world.run({"--again"}).code, 0);
  const auto again = world.newest();
  EXPECT_NE(again.row.attempt_id, first.row.attempt_id);
  EXPECT_EQ(again.prediction, first.prediction);
  EXPECT_EQ(again.resources.at("images_read"), 0);
  EXPECT_EQ(again.resources.at("forwards_saved"), 10 * (World::kTrain + World::kTest));
  EXPECT_GT(again.resources.at("cached_seconds_saved"), 0);
}

TEST(Run, PredictionsDependNeitherOnThreadsNorOnBatchesNorOnTheCache) {
  const World world;
  ASSERT_EQ(world.run().code, 0);
  const auto expected = world.newest().prediction;
  const std::vector<std::vector<std::string>> variants{
      {"--again", "--cache=off"},
      {"--again", "--cache=off", "--set", "run.loader_threads=2"},
      {"--again", "--set", "method.simplecil.params.batch_size=1"},
      {"--again", "--set", "method.simplecil.params.batch_size=64"},
      {"--again", "--set", "protocol.test_batch_size=7"},
      {"--again", "--set", "protocol.test_batches=class_sorted"},
  };
  for (const auto& variant : variants) {
    const auto ended = world.run(variant);
    ASSERT_EQ(ended.code, 0) << ended.err;
    EXPECT_EQ(world.newest().prediction, expected) << variant.back();
  }
}

TEST(Run, AnotherClassOrderChangesAtMostANearTie) {
  const World world;
  ASSERT_EQ(world.run().code, 0);
  const auto expected = world.newest().prediction;
  ASSERT_EQ(world.run({"--set", "protocol.order=seed", "--set", "protocol.order_seed=5", "--cache=off"}).code, 0);
  const auto other = world.newest().prediction;
  ASSERT_EQ(other.size(), expected.size());
  int differ = 0;
  for (size_t i = 0; i < other.size(); ++i) differ += other[i] != expected[i];
  EXPECT_LE(differ, 1);
}

TEST(Run, AboveTheStoreLimitTheIndexAloneIsKept) {
  const World world;
  ASSERT_EQ(world.run({"--cache=off"}).code, 0);
  const auto expected = world.newest().prediction;
  const auto ended = world.run({"--again", "--set", "run.store_limit=1000"});
  ASSERT_EQ(ended.code, 0) << ended.err;
  EXPECT_EQ(world.newest().prediction, expected);
  EXPECT_FALSE(world.cached("train.index").empty());
  EXPECT_TRUE(world.cached("train.decoded").empty());
}

TEST(Run, ValidationHoldsOutTrainingImagesAndNeverSharesATable) {
  const World world;
  ASSERT_EQ(world.run().code, 0);
  ASSERT_EQ(world.run({"--set", "protocol.evaluate_on=validation", "--set", "protocol.validation_fraction=0.25"}).code, 0);
  const auto recorded = world.newest();
  ASSERT_EQ(recorded.prediction.size(), 10u * World::kTrain);
  EXPECT_EQ(std::count(recorded.prediction.begin(), recorded.prediction.end(), -1), 10 * World::kTrain * 3 / 4);
  const auto table = world.clbench({"table", "--db", world.database().string()});
  EXPECT_EQ(count(table.out, "simplecil"), 2) << table.out;
}

TEST(Damage, AFeatureCacheIsReportedOnceAndComputedAgain) {
  const World world;
  ASSERT_EQ(world.run().code, 0);
  const auto expected = world.newest().prediction;
  const auto segments = world.cached("features/");
  size_t flipped = 0;
  for (const auto& file : segments)
    if (file.extension() == ".safetensors" && flipped++ == 0) flip_byte(file, 100);
  ASSERT_EQ(flipped, 2u);  // one segment for each split
  const auto ended = world.run({"--again"});
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_EQ(count(ended.err, "is damaged"), 1) << ended.err;
  EXPECT_EQ(world.newest().prediction, expected);
  EXPECT_GT(world.newest().resources.at("images_read"), 0);
}

// Files that were just written are described once more, which writes the store again: these have to rest before.
TEST(Damage, ADecodedStoreIsReportedOnceAndBuiltAgain) {
  const std::array<World, 4> worlds;
  std::this_thread::sleep_for(std::chrono::seconds(4));
  for (size_t k = 0; k < worlds.size(); ++k) {
    const World& world = worlds[k];
    const std::string part = k < 2 ? "train.index" : "train.decoded";
    ASSERT_EQ(world.run().code, 0);
    const auto expected = world.newest().prediction;
    fs::remove_all(world.cache() / "features");
    for (const auto& file : world.cached(part)) {
      if (!file.string().ends_with(part)) continue;
      if (k % 2 == 0) {
        fs::resize_file(file, fs::file_size(file) / 2);
      } else {
        flip_byte(file, 500);
      }
    }
    const auto ended = world.run({"--again"});
    EXPECT_EQ(ended.code, 0) << part << ": " << ended.err;
    EXPECT_EQ(count(ended.err, "is damaged"), 1) << part << ": " << ended.err;
    EXPECT_EQ(world.newest().prediction, expected) << part;
  }
}

TEST(Cache, AChangedConstantOfTheNetworkIsAMiss) {
  const World world;
  // A second installation whose runner differs in one number: LayerNorm's epsilon.
  const fs::path built = CLB_BINARY_DIR, other = world.path() / "other";
  for (const char* folder : {"bin", "lib/clbench"}) fs::create_directories(other / folder);
  for (const char* program : {"clbench", "clb-runner"}) fs::copy_file(built / "bin" / program, other / "bin" / program);
  for (const char* folder : {"", "lib", "lib/clbench"})
    for (const auto& entry : fs::directory_iterator(built / folder))
      if (entry.is_directory() && !fs::exists(other / folder / entry.path().filename()))
        fs::create_directory_symlink(entry.path(), other / folder / entry.path().filename());
  const fs::path library = other / "lib" / "clbench" / "libclb_runner.so";  // all of the runner
  std::string runner = clb::base::read_file(built / "lib" / "clbench" / "libclb_runner.so");
  std::ofstream(library, std::ios::binary) << runner;
  ASSERT_EQ(world.run().code, 0);
  ASSERT_EQ(world.run({"--again"}, other / "bin" / "clbench").code, 0);
  EXPECT_EQ(world.newest().resources.at("images_read"), 0) << "an equal runner in another folder finds the features";

  const double epsilon = 1e-6, changed = 1e-3;
  std::string_view wanted(reinterpret_cast<const char*>(&epsilon), sizeof epsilon);
  int patched = 0;
  for (size_t at = runner.find(wanted); at != std::string::npos; at = runner.find(wanted, at + 1), ++patched)
    runner.replace(at, sizeof changed, reinterpret_cast<const char*>(&changed), sizeof changed);
  ASSERT_GT(patched, 0) << "the constant 1e-6 is not in the runner";
  std::ofstream(library, std::ios::binary) << runner;
  const auto ended = world.run({"--again"}, other / "bin" / "clbench");
  ASSERT_EQ(ended.code, 0) << ended.err;
  EXPECT_EQ(world.newest().resources.at("images_read"), 10 * (World::kTrain + World::kTest));
  EXPECT_EQ(world.newest().resources.at("forwards_saved"), 0);
}

TEST(Mistakes, EndWithOneSentenceAndNothingStarted) {
  const World world;
  const auto expect_mistake = [&](const std::vector<std::string>& more, const std::string& part) {
    const auto ended = world.run(more);
    EXPECT_EQ(ended.code, 2) << ended.err;
    EXPECT_EQ(count(ended.err, "\n"), 1) << ended.err;
    EXPECT_NE(ended.err.find(part), std::string::npos) << ended.err;
  };
  expect_mistake({"--set", "run.sede=1"}, "sede");
  expect_mistake({"--set", "protocol.eval_transform=nothing"}, "nothing");
  expect_mistake({"--set", "method.simplecil.params.scale=1000"}, "100");
  expect_mistake({"--set", "dataset.root=/nowhere"}, "/nowhere");
  fs::resize_file(world.data() / "train-images-idx3-ubyte", 1000);
  expect_mistake({}, "train-images-idx3-ubyte");
}

TEST(Mistakes, WeightsThatAreNotThoseOfTheExperiment) {
  const World world;
  const auto weights = world.path() / "weights.safetensors";
  std::ofstream(weights) << "no safetensors";
  const std::string sha(64, '0');
  const auto ended = world.run({"--set", "weights.main={ file = \"" + weights.string() + "\", sha256 = \"" + sha + "\" }"});
  EXPECT_EQ(ended.code, 2) << ended.err;
  EXPECT_NE(ended.err.find("weights.safetensors"), std::string::npos) << ended.err;
}

TEST(Device, CudaWithoutACardIsOneSentence) {
  if (fs::exists("/dev/nvidia0")) GTEST_SKIP() << "this machine has a card";
  const World world;
  const auto ended = world.run({"--set", "run.device=cuda"});
  EXPECT_NE(ended.code, 0);
  EXPECT_NE(ended.err.find("cuda"), std::string::npos) << ended.err;
}

}  // namespace
