// Datasets whose classes only their files know, end to end: feature vectors, and folders of images in both layouts.
#include <algorithm>
#include <array>
#include <clb/base/json.hpp>
#include <clb/base/safetensors.hpp>

#include "cli.hpp"
#include "support/noise.hpp"
#include "support/png.hpp"

namespace {

using clb::base::Json;
using clb::testing::Noise;
using clb::testing::World;
using clb::testing::write_file;
namespace fs = std::filesystem;

constexpr int64_t kClasses = 6, kDim = 8;

// `per_class` vectors of each class, around an axis of its own; classes in turn.
std::string vectors(int64_t per_class, uint32_t seed) {
  const int64_t n = kClasses * per_class;
  std::vector<float> features;
  std::vector<int64_t> labels;
  Noise noise(seed);
  for (int64_t i = 0; i < n; ++i) {
    labels.push_back(i % kClasses);
    for (int64_t j = 0; j < kDim; ++j) features.push_back((j == i % kClasses ? 1.0F : 0.0F) + noise.next() / 2);
  }
  std::string file = clb::base::safetensors_header({{"features", {"F32", {n, kDim}, 0, 0}}, {"labels", {"I64", {n}, 0, 0}}},
                                                   {{"class_names", R"(["ant", "bee", "cat", "dog", "eel", "fox"])"}});
  file.append(reinterpret_cast<const char*>(features.data()), features.size() * sizeof(float));
  return file.append(reinterpret_cast<const char*>(labels.data()), labels.size() * sizeof(int64_t));
}

// A PNG of `width` x 20 pixels of one colour, with noise.
std::string png(std::array<int, 3> colour, uint32_t width, Noise& noise) {
  std::string rows;
  for (int y = 0; y < 20; ++y) {
    rows.push_back('\0');
    for (uint32_t x = 0; x < width; ++x)
      for (const int value : colour) rows.push_back(static_cast<char>(value + static_cast<int>(30 * noise.next())));
  }
  return clb::testing::png(width, 20, 8, 2, rows);
}

const std::map<std::string, std::array<int, 3>> kColours{
    {"black", {0, 0, 0}}, {"blue", {0, 0, 220}}, {"green", {0, 220, 0}}, {"red", {220, 0, 0}}};

// train and test of every colour below `parent`: 5 and 3 images, of several widths.
void write_colours(const fs::path& parent, uint32_t seed) {
  Noise noise(seed);
  for (const auto& [split, count] : {std::pair("train", 5), std::pair("test", 3)})
    for (const auto& [name, colour] : kColours)
      for (int i = 0; i < count; ++i)
        write_file(parent / split / name / (std::to_string(i) + ".png"), png(colour, static_cast<uint32_t>(20 + i), noise));
}

class DatasetWorld : public ::testing::Test {
 protected:
  void write_experiment(const std::string& dataset, const std::string& weights, const std::string& protocol) const {
    write_file(world_.experiment(), "[dataset]\nid = \"" + dataset + "\"\nroot = \"" + dataset + "\"\n" + weights +
                                        "[protocol]\nsplit = \"B0-Inc2\"\norder = \"identity\"\n" + protocol +
                                        "[run]\nthreads = 1\n[[method]]\nid = \"simplecil\"\n");
  }
  fs::path root(const std::string& dataset) const { return world_.path() / dataset; }
  Json info(const std::string& dataset) const {
    const auto ended = world_.clbench({"info", dataset, "--root", root(dataset).string(), "--json"});
    EXPECT_EQ(ended.code, 0) << ended.err;
    return ended.code == 0 ? clb::base::parse_json(ended.out, "info") : Json::object();
  }
  // One sentence on stderr that holds `part`.
  void expect_mistake(const clb::testing::Ended& ended, const std::string& part) const {
    EXPECT_EQ(ended.code, 2) << ended.err;
    EXPECT_EQ(std::count(ended.err.begin(), ended.err.end(), '\n'), 1) << ended.err;
    EXPECT_NE(ended.err.find(part), std::string::npos) << ended.err;
  }
  // Share of the evaluated samples that the newest run got right after its last task.
  double accuracy(const std::vector<int64_t>& targets) const {
    const auto prediction = world_.newest().prediction;
    EXPECT_EQ(prediction.size(), targets.size());
    double correct = 0;
    for (size_t i = 0; i < std::min(prediction.size(), targets.size()); ++i) correct += prediction[i] == targets[i];
    return correct / static_cast<double>(targets.size());
  }

  World world_;
};

class FeatureVectors : public DatasetWorld {
 protected:
  FeatureVectors() {
    write_file(root("features") / "train.safetensors", vectors(10, 1));
    write_file(root("features") / "test.safetensors", vectors(5, 2));
    write_experiment("features", "", "");
    for (int64_t i = 0; i < 5 * kClasses; ++i) targets_.push_back(i % kClasses);
  }
  std::vector<int64_t> targets_;
};

TEST_F(FeatureVectors, RunWithoutWeightsAndWithoutForwards) {
  const auto first = world_.run();
  ASSERT_EQ(first.code, 0) << first.err;
  EXPECT_EQ(world_.newest().row.status.status, "ok");
  EXPECT_GT(accuracy(targets_), 0.9);
  const auto recorded = world_.newest();
  EXPECT_EQ(recorded.row.tasks_done, 3);
  for (const char* none : {"images_read", "forwards_charged", "forwards_saved"}) EXPECT_EQ(recorded.resources.at(none), 0) << none;
  const auto table = world_.clbench({"table", "--db", world_.database().string()});
  EXPECT_NE(table.out.find("no weights"), std::string::npos) << table.out;
  EXPECT_NE(table.out.find("no eval transform"), std::string::npos) << table.out;

  for (const char* variant : {"--cache=off", "run.store_limit=10"}) {
    std::vector<std::string> words{"--again"};
    if (variant[0] != '-') words.push_back("--set");
    words.push_back(variant);
    const auto again = world_.run(words);
    ASSERT_EQ(again.code, 0) << again.err;
    EXPECT_EQ(world_.newest().prediction, recorded.prediction) << variant;
  }
}

TEST_F(FeatureVectors, ServeEveryMethodOnFrozenFeatures) {
  for (const char* method : {R"({id="ranpac",params={tuner="none",projection=64}})", R"({id="layup",params={tuner="none",blocks=0}})",
                             R"({id="fecam"})", R"({id="simplecil",params={distance="euclidean"}})"}) {
    const auto ended = world_.run({"--set", std::string("method=[") + method + "]"});
    ASSERT_EQ(ended.code, 0) << method << ": " << ended.err;
    EXPECT_GT(accuracy(targets_), 0.9) << method;
  }
  expect_mistake(world_.run({"--set", R"(method=[{id="ranpac"}])"}), "choose a method on frozen features or set tuner = \"none\"");
}

TEST_F(FeatureVectors, InfoAndTasksKnowTheClasses) {
  const Json described = info("features");
  EXPECT_EQ(described.at("modality"), "features");
  EXPECT_EQ(described.at("feature_dim"), kDim);
  EXPECT_EQ(described.at("class_names").at(5), "fox");
  EXPECT_EQ(described.at("test_counts"), Json(std::vector<int64_t>(kClasses, 5)));
  const auto text = world_.clbench({"info", "features", "--root", root("features").string()});
  EXPECT_NE(text.out.find("feature vectors of 8"), std::string::npos) << text.out;
  const auto tasks = world_.clbench({"tasks", world_.experiment().string()});
  EXPECT_NE(tasks.out.find("2 cat, 3 dog"), std::string::npos) << tasks.out;
}

TEST_F(FeatureVectors, MistakesAreOneSentence) {
  expect_mistake(world_.run({"--set", "weights.main.random={}"}), "which need no weights");
  expect_mistake(world_.run({"--set", "protocol.eval_transform=micro-32"}), "which are not transformed");
  fs::resize_file(root("features") / "test.safetensors", 300);
  expect_mistake(world_.run(), "test.safetensors: ");
}

class ImageFolders : public DatasetWorld {
 protected:
  void write_images_experiment() const {
    write_experiment("image_folder", "[weights.main]\nrandom = { image = 32, patch = 8, dim = 32, depth = 2, heads = 2, seed = 0 }\n",
                     "eval_transform = \"micro-32\"\n");
  }
};

TEST_F(ImageFolders, PlainLayoutRuns) {
  write_colours(root("image_folder"), 1);
  write_images_experiment();
  const Json described = info("image_folder");
  EXPECT_EQ(described.at("class_names"), Json({"black", "blue", "green", "red"}));
  EXPECT_EQ(described.at("domain_names"), Json::array());
  const auto ended = world_.run();
  ASSERT_EQ(ended.code, 0) << ended.err;
  std::vector<int64_t> targets;
  for (int64_t c = 0; c < 4; ++c) targets.insert(targets.end(), 3, c);
  EXPECT_GT(accuracy(targets), 0.8) << "colours are easy even for an untrained network";
  const auto prediction = world_.newest().prediction;
  ASSERT_EQ(world_.run({"--again", "--cache=off"}).code, 0);
  EXPECT_EQ(world_.newest().prediction, prediction);
}

TEST_F(ImageFolders, DomainLayoutRuns) {
  write_colours(root("image_folder") / "night", 1);
  write_colours(root("image_folder") / "day", 2);
  write_images_experiment();
  const Json described = info("image_folder");
  EXPECT_EQ(described.at("domain_names"), Json({"day", "night"}));
  EXPECT_EQ(described.at("train_counts"), Json(std::vector<int64_t>(4, 10)));
  const auto ended = world_.run();
  ASSERT_EQ(ended.code, 0) << ended.err;
  EXPECT_EQ(world_.newest().prediction.size(), 2u * 4 * 3);
}

TEST_F(ImageFolders, InfoWithoutARootSaysWhatIsMissing) {
  const auto ended = world_.clbench({"info", "image_folder"});
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_NE(ended.out.find("classes       unknown"), std::string::npos) << ended.out;
  EXPECT_NE(ended.out.find("not opened: "), std::string::npos) << ended.out;
}

TEST_F(ImageFolders, AboveTheStoreLimitRunAsBelowIt) {
  write_colours(root("image_folder"), 1);
  write_images_experiment();
  ASSERT_EQ(world_.run().code, 0);
  const auto expected = world_.newest().prediction;
  fs::remove_all(world_.cache());
  const auto ended = world_.run({"--again", "--set", "run.store_limit=100"});
  ASSERT_EQ(ended.code, 0) << ended.err;
  EXPECT_EQ(world_.newest().prediction, expected);
  EXPECT_TRUE(world_.cached("train.decoded").empty());
  EXPECT_FALSE(world_.cached("train.index").empty());
}

// Above the limit nothing is decoded before it is needed; the run then says which file it is.
TEST_F(ImageFolders, ADamagedImageAboveTheStoreLimitIsNamedByItsPath) {
  write_colours(root("image_folder"), 1);
  write_images_experiment();
  const fs::path file = root("image_folder") / "train" / "blue" / "3.png";
  fs::resize_file(file, fs::file_size(file) / 2);
  const auto ended = world_.run({"--set", "run.store_limit=100"});
  EXPECT_NE(ended.code, 0);
  EXPECT_NE(ended.err.find("train/blue/3.png: the PNG cannot be decoded"), std::string::npos) << ended.err;
}

TEST_F(ImageFolders, ADamagedImageIsNamedByItsPath) {
  write_colours(root("image_folder"), 1);
  write_images_experiment();
  const fs::path file = root("image_folder") / "test" / "green" / "1.png";
  fs::resize_file(file, fs::file_size(file) / 2);
  expect_mistake(world_.run(), "test/green/1.png: the PNG cannot be decoded at offset");
  write_file(file, "no image");
  expect_mistake(world_.run(), "test/green/1.png: begins neither like a JPEG nor like a PNG file");
  fs::remove_all(file.parent_path());
  expect_mistake(world_.run(), "test: the class \"green\" of ");
}

}  // namespace
