// Methods that train, end to end: the task loop gives them augmented batches, a run repeats bit for bit, and what they record arrives.
#include <set>

#include "cli.hpp"

namespace {

using clb::testing::World;
namespace fs = std::filesystem;

std::string training(const std::string& params) {
  return "train_transform = \"micro-32\"\nparams = { epochs = 2, batch_size = 8, lr = 0.01, " + params + " }\n";
}

struct Case {
  const char *method, *params;
};
constexpr Case kCases[] = {{"finetune", "train = \"all\""},
                           {"finetune", "train = \"head\", loss_over = \"seen\""},
                           {"finetune", "train = \"parts\", parts = \"blocks.1.\""},
                           {"l2p", "prompt_length = 2, top_k = 2"},
                           {"ease", "bottleneck = 4"},
                           {"slca", "ca_epochs = 1, ca_samples = 16"}};

TEST(Train, ARunRepeatsBitForBitAndLearns) {
  for (const Case& c : kCases) {
    const World world;
    world.write_experiment(training(c.params), c.method);
    const auto first = world.run();
    ASSERT_EQ(first.code, 0) << c.method << ": " << first.err;
    const auto once = world.newest();
    EXPECT_EQ(once.row.status.status, "ok");
    std::map<std::string, std::vector<double>> series;  // of the five tasks
    for (const auto& metric : once.metrics) series[metric.name].push_back(metric.value);
    EXPECT_EQ(series["updates"], std::vector<double>(5, 2 * 2 * World::kTrain / 8)) << c.method;
    EXPECT_EQ(series["images_x_epochs"], std::vector<double>(5, 2 * 2 * World::kTrain)) << c.method;
    EXPECT_EQ(series["loss"].size(), 5u * 2);
    EXPECT_EQ(series["trainable_parameters"].size(), 5u);
    EXPECT_GT(series["trainable_parameters"].at(4), 0);
    EXPECT_EQ(series["state_parameter_bytes"].size(), 5u);
    EXPECT_GT(series["state_parameter_bytes"].at(4), 0);
    for (const char* phase : {"train_task", "evaluate"}) {
      const double peak = once.resources.at(std::string("peak_rss_bytes.") + phase);
      EXPECT_GT(peak, 50e6) << phase;
      EXPECT_LE(peak, once.resources.at("peak_rss_bytes")) << phase;
    }
    EXPECT_GT(series["relative_change"].at(0), 0);
    ASSERT_EQ(world.run({"--again", "--set", "run.loader_threads=2"}).code, 0);
    EXPECT_EQ(world.newest().prediction, once.prediction) << c.method << " " << c.params;
    double first_epochs = 0, second_epochs = 0;  // of the five tasks
    for (size_t k = 0; k < series["loss"].size(); ++k) (k % 2 == 0 ? first_epochs : second_epochs) += series["loss"][k];
    EXPECT_LT(second_epochs, first_epochs) << c.method << " " << c.params << ": the loss does not fall";
  }
}

TEST(Train, RunsInBf16) {
  for (const Case& c : kCases) {
    const World world;
    world.write_experiment(training(c.params), c.method);
    const auto ended = world.run({"--set", "run.precision=bf16"});
    EXPECT_EQ(ended.code, 0) << c.method << " " << c.params << ": " << ended.err;
  }
}

// After task t every image asks for t + 1 passes; those of adapters that an image has passed before are spared.
TEST(Train, EaseIsChargedAPassForEachOfItsSubspaces) {
  const World world;
  world.write_experiment(training("bottleneck = 4"), "ease");
  const auto ended = world.run();
  ASSERT_EQ(ended.code, 0) << ended.err;
  double charged = 0, computed = 0;
  for (int t = 0; t < 5; ++t) {  // two classes a task
    charged += (t + 1) * (2 * World::kTrain + 2 * (t + 1) * World::kTest);
    computed += (5 - t) * 2 * World::kTrain + 10 * World::kTest;  // of adapter t: images of its task and all later ones
  }
  const auto resources = world.newest().resources;
  EXPECT_EQ(resources.at("forwards_charged"), charged);
  EXPECT_EQ(resources.at("forwards_saved"), charged - computed);
}

// A run without nn's kernels for the processor is none of the usual ones: its features are kept apart.
TEST(Train, KernelsOfTheProcessorHaveASwitch) {
  const World world;
  world.write_experiment(training("top_k = 2"), "l2p");
  const std::vector<std::string> once{"--again", "--set", "run.precision=bf16", "--set", "protocol.stop_after=1"};
  const auto keys = [&] {
    std::set<fs::path> folders;
    for (const auto& file : world.cached("/features/")) folders.insert(file.parent_path());
    return folders.size();
  };
  ASSERT_EQ(world.run(once).code, 0);
  const size_t with = keys();
  ASSERT_EQ(world.run(once).code, 0);
  EXPECT_EQ(keys(), with);
  setenv("CLB_CPU_KERNELS", "off", 1);
  const auto without = world.run(once);
  unsetenv("CLB_CPU_KERNELS");
  EXPECT_EQ(without.code, 0) << without.err;
  EXPECT_EQ(keys(), 2 * with);
}

TEST(Train, AMistakeInAParameterIsOneSentence) {
  const World world;
  world.write_experiment(training("top_k = 20"), "l2p");
  const auto ended = world.run();
  EXPECT_EQ(ended.code, 2);
  EXPECT_NE((ended.err + ended.out).find("top_k is 20, but pool_size is only 10"), std::string::npos) << ended.err << ended.out;
}

// The training view is cut larger than the network is wide: nn finds that inside the method, in the middle of a run.
TEST(Train, AMistakeThatNnFindsInsideAMethodIsTheUsers) {
  const World world;
  world.write_experiment(training("top_k = 2"), "l2p");
  const auto ended = world.run({"--set", "method.l2p.train_transform=small-112"});
  EXPECT_EQ(ended.code, 2) << ended.err;
  const std::string reason = world.newest().row.status.reason;
  EXPECT_NE(reason.find("invalid: this network takes batches of 3 x 32 x 32"), std::string::npos) << reason;
  EXPECT_NE(reason.find("in train_task, task 1"), std::string::npos) << reason;
  EXPECT_NE(ended.err.find(reason), std::string::npos) << ended.err;
  // Beside a run that fails for another reason, the exit code is that of a failed run.
  world.write_experiment(
      "train_transform = \"small-112\"\n[[method]]\nid = \"finetune\"\n"
      "train_transform = \"micro-32\"\nparams = { epochs = 3, batch_size = 8, momentum = 1.0, lr = 100 }\n",
      "l2p");
  const auto both = world.run();
  EXPECT_EQ(both.code, 1) << both.err;
  EXPECT_NE(both.err.find("numeric: "), std::string::npos) << both.err;
}

}  // namespace
