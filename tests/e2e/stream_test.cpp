// Streams of every shape, end to end: sizes of one's own, some of the domains, sequences of data sets with a kill in the middle.
#include <algorithm>
#include <array>
#include <clb/base/json.hpp>
#include <clb/base/safetensors.hpp>
#include <numeric>

#include "cli.hpp"
#include "support/noise.hpp"
#include "support/png.hpp"

namespace {

using clb::base::Json;
using clb::testing::Ended;
using clb::testing::Noise;
using clb::testing::World;
using clb::testing::write_file;
namespace fs = std::filesystem;
using Names = std::vector<std::string>;

std::string bytes_of(const auto& numbers) { return {reinterpret_cast<const char*>(numbers.data()), numbers.size() * sizeof(numbers[0])}; }

// `per_class` vectors of each class in each domain, around a point of the class's own.
std::string vectors(int64_t classes, const Names& domains, int64_t per_class, uint32_t seed) {
  constexpr int64_t kDim = 16;
  std::vector<float> features;
  std::vector<int64_t> labels, of_domain;
  Noise noise(seed);
  const auto count = std::max<int64_t>(1, static_cast<int64_t>(domains.size()));
  for (int64_t d = 0; d < count; ++d)
    for (int64_t i = 0; i < classes * per_class; ++i) {
      Noise centre(static_cast<uint32_t>(77 + 1000 * (i % classes)));
      for (int64_t j = 0; j < kDim; ++j) features.push_back((centre.next() > 0.5F ? 1.0F : -1.0F) + noise.next() / 2);
      labels.push_back(i % classes);
      of_domain.push_back(d);
    }
  const auto n = static_cast<int64_t>(labels.size());
  std::map<std::string, clb::base::TensorEntry> entries{{"features", {"F32", {n, kDim}, 0, 0}}, {"labels", {"I64", {n}, 0, 0}}};
  if (!domains.empty()) entries["domains"] = {"I64", {n}, 0, 0};
  const std::string order = domains.empty() ? "" : bytes_of(of_domain);  // tensors lie in the order of their names
  std::map<std::string, std::string> names;
  if (!domains.empty()) names["domain_names"] = Json(domains).dump();
  return clb::base::safetensors_header(entries, names) + order + bytes_of(features) + bytes_of(labels);
}

void write_vectors(const fs::path& folder, int64_t classes, uint32_t seed, const Names& domains = {}) {
  write_file(folder / "train.safetensors", vectors(classes, domains, 6, seed));
  write_file(folder / "test.safetensors", vectors(classes, domains, 3, seed + 1));
}

class Streams : public ::testing::Test {
 protected:
  void write_experiment(const std::string& dataset, const std::string& protocol, const std::string& method = "simplecil\"") const {
    write_file(world_.experiment(),
               "[dataset]\n" + dataset + "\n[protocol]\n" + protocol + "\n[run]\nthreads = 1\n[[method]]\nid = \"" + method + "\n");
  }
  Json tasks() const {
    const Ended ended = world_.clbench({"tasks", world_.experiment().string(), "--json"});
    EXPECT_EQ(ended.code, 0) << ended.err;
    return ended.code == 0 ? clb::base::parse_json(ended.out, "tasks").at(0) : Json::object();
  }
  std::string table() const { return world_.clbench({"table", "--db", world_.database().string()}).out; }
  void expect_sound() const {
    const Ended audit = world_.clbench({"audit", world_.database().string()});
    EXPECT_EQ(audit.code, 0) << audit.out << audit.err;
    EXPECT_EQ(audit.out.find("not compared with the data"), std::string::npos) << audit.out;
  }
  std::vector<clb::store::EvalRow> evals() const {
    const auto store = clb::store::Store::open(world_.database(), clb::store::Store::Mode::kRead);
    return store.evals(world_.newest().row.attempt_id);
  }

  World world_;
};

TEST_F(Streams, TaskSizesAreAList) {
  write_vectors(world_.path() / "f", 6, 1);
  write_experiment("id = \"features\"\nroot = \"f\"", "split = [3, 1, 2]\norder = \"pilot\"");
  const Ended ended = world_.run();
  ASSERT_EQ(ended.code, 0) << ended.err;
  std::vector<int64_t> n;
  for (const auto& row : evals())
    if (row.after_task == 2) n.push_back(row.count.n);
  EXPECT_EQ(n, (std::vector<int64_t>{9, 3, 6}));
  EXPECT_NE(table().find("class-incremental [3, 1, 2], 3 tasks"), std::string::npos) << table();
  EXPECT_EQ(tasks().at("tasks").at(2).at("classes").size(), 2u);
  expect_sound();
}

TEST_F(Streams, SomeDomainsInAnOrder) {
  write_vectors(world_.path() / "f", 4, 1, {"photo", "sketch", "cartoon"});
  write_experiment("id = \"features\"\nroot = \"f\"", "kind = \"domain\"\ndomains = [\"cartoon\", \"photo\"]");
  const Ended ended = world_.run();
  ASSERT_EQ(ended.code, 0) << ended.err;
  EXPECT_EQ(tasks().at("tasks").at(0).at("domain_name"), "cartoon");
  const auto prediction = world_.newest().prediction;
  ASSERT_EQ(prediction.size(), 36u);
  EXPECT_EQ(std::count(prediction.begin() + 12, prediction.begin() + 24, -1), 12) << "sketches are not evaluated";
  EXPECT_EQ(std::count(prediction.begin(), prediction.end(), -1), 12);
  EXPECT_NE(table().find("of the domains only 0, 2"), std::string::npos) << table();
  expect_sound();
}

TEST_F(Streams, OrdersThatADataSetStates) {
  const std::string plugins = std::string(CLB_BINARY_DIR) + "/tests/plugins";
  const auto run_with = [&](const std::string& protocol) {
    write_experiment("id = \"stated\"\nroot = \".\"", protocol);
    const Ended ended = world_.run({"--plugin-path", plugins});
    EXPECT_EQ(ended.code, 0) << ended.err;
    return ended.code == 0 ? world_.newest().row.spec.at("protocol") : Json::object();
  };
  EXPECT_EQ(run_with("split = \"B0-Inc2\"\norder = \"official\"").at("class_order"), (Json{2, 0, 3, 1}));
  EXPECT_NE(table().find("class order official"), std::string::npos) << table();
  const Json domains = run_with("kind = \"domain\"\norder = \"official:reverse\"");
  EXPECT_EQ(domains.at("domain_order"), (Json{2, 1, 0}));
  EXPECT_EQ(domains.at("order"), "official:reverse");
  const Ended audit = world_.clbench({"audit", world_.database().string(), "--plugin-path", plugins});
  EXPECT_EQ(audit.code, 0) << audit.out << audit.err;
  write_experiment("id = \"stated\"\nroot = \".\"", "kind = \"domain\"\norder = \"official\"");
  const Ended several = world_.run({"--plugin-path", plugins});
  EXPECT_EQ(several.code, 2);
  EXPECT_NE(several.err.find("paper"), std::string::npos) << "which of two: " << several.err;
}

std::string png(uint32_t seed, Noise& noise) {
  Noise colour(seed * 97);
  const std::array<int, 3> value{static_cast<int>(220 * colour.next()), static_cast<int>(220 * colour.next()),
                                 static_cast<int>(220 * colour.next())};
  std::string rows;
  for (int y = 0; y < 20; ++y) {
    rows.push_back('\0');
    for (int x = 0; x < 20; ++x)
      for (const int v : value) rows.push_back(static_cast<char>(v + static_cast<int>(30 * noise.next())));
  }
  return clb::testing::png(20, 20, 8, 2, rows);
}

void write_images(const fs::path& root, const Names& classes, uint32_t seed) {
  Noise noise(seed);
  for (const auto& [split, count] : {std::pair("train", 5), std::pair("test", 3)})
    for (size_t c = 0; c < classes.size(); ++c)
      for (int i = 0; i < count; ++i)
        write_file(root / split / classes[c] / (std::to_string(i) + ".png"), png(seed * 10 + static_cast<uint32_t>(c), noise));
}

class Sequences : public Streams {
 protected:
  Sequences() {
    write_images(world_.path() / "birds", {"crow", "owl"}, 1);
    write_images(world_.path() / "cars", {"audi", "fiat", "owl"}, 2);
    write_images(world_.path() / "food", {"cake"}, 3);
  }
  void write_sequence(const std::string& method) const {
    std::string parts;
    for (const char* root : {"birds", "cars", "food"}) parts += std::string("{ id = \"image_folder\", root = \"") + root + "\" }, ";
    write_experiment("sequence = [" + parts + "]",
                     "order = \"seed\"\neval_transform = \"micro-32\"\n[weights.main]\nrandom = { image = 32, patch = 8, dim = 32, depth = "
                     "2, heads = 2, seed = 0 }",
                     method);
  }
};

TEST_F(Sequences, AreOneStreamOfSeveralDataSets) {
  write_sequence("simplecil\"");
  const Json stream = tasks();
  ASSERT_EQ(stream.at("tasks").size(), 3u);
  EXPECT_EQ(stream.at("tasks").at(1).at("domain_name"), "cars");
  Names names = stream.at("tasks").at(1).at("names");
  std::sort(names.begin(), names.end());
  EXPECT_EQ(names, (Names{"audi", "cars: owl", "fiat"})) << "a name that two have is told apart";
  const Ended ended = world_.run();
  ASSERT_EQ(ended.code, 0) << ended.err;
  EXPECT_NE(table().find("class-incremental datasets, 3 tasks"), std::string::npos) << table();
  EXPECT_NE(table().find("image_folder + image_folder + image_folder"), std::string::npos) << table();
  expect_sound();
  EXPECT_EQ(world_.run({"--set", "dataset.sequence=[]"}).code, 2);

  const auto prediction = world_.newest().prediction;
  ASSERT_EQ(prediction.size(), 18u);
  int64_t correct = 0;  // samples lie as in the data sets, whose classes follow one another
  for (int64_t i = 0; i < 18; ++i) correct += prediction[static_cast<size_t>(i)] == i / 3;
  EXPECT_GT(correct, 9) << "colours are easy even for an untrained network";
  ASSERT_EQ(world_.run({"--again", "--cache=off"}).code, 0);
  EXPECT_EQ(world_.newest().prediction, prediction);
}

TEST_F(Sequences, GoOnAfterAKill) {
  const fs::path trap = world_.path() / "trap";
  write_sequence("faulty\"\nparams = { fault = \"kill\", where = \"train_task\", task = 1, once = \"" + trap.string() + "\", epochs = 1 }");
  const std::string plugins = std::string(CLB_BINARY_DIR) + "/tests/plugins";
  ASSERT_EQ(world_.run({"--plugin-path", plugins}).code, 0);
  const auto whole = world_.newest().prediction;
  fs::remove(world_.database());
  write_file(trap, "x");
  EXPECT_EQ(world_.run({"--plugin-path", plugins}).code, 1);
  EXPECT_EQ(world_.newest().row.tasks_done, 1);
  const Ended resumed = world_.clbench({"resume", "--db", world_.database().string(), "--plugin-path", plugins});
  EXPECT_EQ(resumed.code, 0) << resumed.err;
  EXPECT_NE(resumed.err.find("1 of them after a checkpoint"), std::string::npos) << resumed.err;
  EXPECT_EQ(world_.newest().prediction, whole);
}

TEST_F(Sequences, ADataSetThatChangedIsAnotherSequence) {
  write_sequence("simplecil\"");
  ASSERT_EQ(world_.run().code, 0);
  Noise noise(9);
  write_file(world_.path() / "cars" / "test" / "fiat" / "0.png", png(99, noise));
  const Ended audit = world_.clbench({"audit", world_.database().string()});
  EXPECT_EQ(audit.code, 1) << audit.out;
  EXPECT_NE((audit.out + audit.err).find("/cars is "), std::string::npos) << audit.out << audit.err;
  const Ended again = world_.run();
  EXPECT_EQ(again.code, 0) << again.err;
  const auto store = clb::store::Store::open(world_.database(), clb::store::Store::Mode::kRead);
  EXPECT_EQ(store.runs().size(), 2u);
}

}  // namespace
