// Weights by role and by name, through the real programs.
#include <clb/base/safetensors.hpp>
#include <clb/base/sha256.hpp>
#include <clb/base/vit_weights.hpp>
#include <cstring>

#include "e2e/cli.hpp"

namespace clb::testing {
namespace {

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

// A network of width 8 whose numbers are all 0.01.
std::string small_vit() {
  std::map<std::string, base::TensorEntry> entries;
  uint64_t count = 0;
  for (const base::NamedSizes& tensor :
       base::vit_tensors({.image = 32, .patch = 8, .channels = 3, .dim = 8, .depth = 2, .heads = 2, .mlp = 16})) {
    entries[tensor.name] = {.dtype = "F32", .shape = tensor.sizes};
    uint64_t numbers = 1;
    for (const int64_t side : tensor.sizes) numbers *= static_cast<uint64_t>(side);
    count += numbers;
  }
  const std::vector<float> numbers(count, 0.01F);
  std::string bytes(count * sizeof(float), '\0');
  std::memcpy(bytes.data(), numbers.data(), bytes.size());
  return base::safetensors_header(entries, {}) + bytes;
}

class Weights : public ::testing::Test {
 protected:
  void write(const std::string& name, const std::string& text) const {
    fs::create_directories((world_.path() / name).parent_path());
    base::write_file_atomic(world_.path() / name, text);
  }
  Ended run(const std::string& weights, const std::string& method = "simplecil", std::vector<std::string> more = {},
            const std::vector<std::string>& environment = {}) const {
    write("experiment.toml",
          "name = \"e2e\"\nmethod = \"" + method + "\"\ndataset = { id = \"fashion_mnist\", root = \"data\" }\n" + weights +
              "run = { seed = 0, threads = 1 }\n[protocol]\nsplit = \"B0-Inc2\"\norder = \"identity\"\neval_transform = \"micro-32\"\n");
    std::vector<std::string> words{std::string(CLB_BINARY_DIR) + "/bin/clbench",
                                   "run",
                                   world_.experiment().string(),
                                   "--db",
                                   world_.database().string(),
                                   "--plugin-path",
                                   std::string(CLB_BINARY_DIR) + "/tests/plugins"};
    words.insert(words.end(), more.begin(), more.end());
    std::vector<std::string> variables{"CLB_CACHE=" + world_.cache().string(), "HOME=" + world_.path().string()};
    variables.insert(variables.end(), environment.begin(), environment.end());
    return run_program(world_.path(), words, variables);
  }
  World world_;
};

const std::string kMain = "weights.main = { random = { image = 32, patch = 8, dim = 32, depth = 2, heads = 2 } }\n";

TEST_F(Weights, ARoleThatNoMethodOpensChangesNeitherKeyNorCacheNorTable) {
  const Ended first = run(kMain);
  ASSERT_EQ(first.code, 0) << first.err;
  const size_t cached = world_.cached("").size();
  for (const std::string& clip : {"weights.clip = { file = \"missing.safetensors\", sha256 = \"" + std::string(64, '1') + "\" }\n",
                                  std::string("weights.clip = { file = \"data\" }\n")}) {
    const Ended second = run(kMain + clip);
    EXPECT_EQ(second.code, 0) << second.err;
    EXPECT_TRUE(contains(second.err, "1 of 1 runs are finished and skipped")) << second.err;
  }
  EXPECT_EQ(world_.cached("").size(), cached);
}

TEST_F(Weights, AMissingRoleIsSaidBeforeAnythingStarts) {
  const Ended ended = run(kMain, "two_roles");
  EXPECT_EQ(ended.code, 2);
  EXPECT_TRUE(contains(ended.err, "method two_roles opens weights of the role clip, but the experiment has no [weights.clip]"))
      << ended.err;
  EXPECT_FALSE(fs::exists(world_.database()));
}

TEST_F(Weights, AMethodGetsTheRolesThatItNames) {
  const std::string clip = "weights.clip = { random = { image = 32, patch = 8, dim = 16, depth = 1, heads = 2 } }\n";
  const Ended ended = run(clip + kMain, "two_roles", {"--no-second-look"});
  ASSERT_EQ(ended.code, 0) << ended.err;
  const base::Json weights = world_.newest().row.spec.at("weights");
  ASSERT_EQ(weights.size(), 2u);
  EXPECT_EQ(weights[0].at("role"), "main");
  EXPECT_EQ(weights[1].at("role"), "clip");
}

class ZeroShot : public Weights {
 protected:
  // A method on two roles, of which one sees the images in a geometry of its own, with the data set of the runs as its reference.
  ZeroShot() {
    write("known/mine.toml",
          "sha256 = \"" + base::hex(base::sha256(small_vit())) +
              "\"\nheads = 2\nimage = 32\npatch = 8\ndim = 8\ndepth = 2\npretraining = \"none\"\nlicence = \"none\"\n" +
              "source = \"a test\"\n[preprocess]\nmean = [0.4, 0.4, 0.4]\nstd = [0.5, 0.5, 0.5]\ntransform = \"small-112\"\n");
    write("known/mine.safetensors", small_vit());
  }
  Ended run_with(const std::string& reference, std::vector<std::string> more = {}) const {
    more.insert(more.end(), {"--weights-path", (world_.path() / "known").string(), "--set", "protocol.eval_unseen=true"});
    return run(kMain + "weights.clip = \"mine\"\nassets.reference.dataset = " + reference + "\n", "reads_beside", more);
  }
  std::map<std::string, double> metrics() const {
    const auto store = store::Store::open(world_.database(), store::Store::Mode::kRead);
    std::map<std::string, double> values;
    for (const auto& metric : store.metrics(world_.newest().row.attempt_id)) values[metric.name] = metric.value;
    return values;
  }
};

TEST_F(ZeroShot, ReadsWhatLiesBesideTheStreamAndNamesClassesToCome) {
  const std::string whole = "{ id = \"fashion_mnist\", root = \"data\" }",
                    few = "{ id = \"fashion_mnist\", root = \"data\", train_per_class = 1 }";
  const Ended ended = run_with(whole);
  ASSERT_EQ(ended.code, 0) << ended.err;
  const auto row = world_.newest().row;
  EXPECT_EQ(row.spec.at("weights")[1].at("eval_transform").at("name"), "small-112");
  EXPECT_EQ(row.spec.at("weights")[1].at("train_transform").at("mean")[0], 0.4);
  EXPECT_FALSE(row.spec.at("weights")[0].contains("eval_transform"));
  EXPECT_EQ(metrics().at("clip_side"), 112);
  EXPECT_EQ(metrics().at("reference_images"), 20);
  EXPECT_TRUE(contains(ended.out, "text tower")) << "a section of the table: " << ended.out;
  EXPECT_FALSE(contains(ended.out, "not ranked")) << "the second look sees the same images: " << ended.out;
  const Ended table = world_.clbench({"table", "--db", world_.database().string(), "--metrics", "transfer", "--json"});
  EXPECT_TRUE(contains(table.out, "\"transfer\"")) << table.out << table.err;
  const Ended audit = world_.clbench({"audit", world_.database().string()});
  EXPECT_EQ(audit.code, 0) << audit.out << audit.err;

  EXPECT_TRUE(contains(run_with(whole).err, "1 of 1 runs are finished and skipped"));
  EXPECT_EQ(run_with(few).code, 0);
  EXPECT_NE(world_.newest().row.key, row.key) << "other reference data are another run";
  const std::string both = world_.clbench({"table", "--db", world_.database().string()}).out;
  for (const auto& run : {row, world_.newest().row})
    EXPECT_TRUE(contains(both, "assets.reference=" + run.spec.at("assets").at("reference").get<std::string>().substr(0, 8))) << both;
  EXPECT_TRUE(contains(run_with("{ id = \"fashion_mnist\", root = \"none\" }").err, "assets.reference.dataset.root: no such folder"));
}

// What the runner gets may name files that nobody asks for.
TEST_F(Weights, TheRunnerOpensAFileWhenSomebodyAsksForIt) {
  const Ended planned = run(kMain, "simplecil", {"--dry-run", "--json"});
  ASSERT_EQ(planned.code, 0) << planned.err;
  base::Json spec = base::parse_json(planned.out, "plan");
  base::Json clip = spec.at("weights")[0];
  clip["role"] = "clip";
  clip["file"] = (world_.path() / "missing.safetensors").string();
  clip["sha256"] = std::string(64, '1');
  spec["weights"].push_back(clip);
  write("run.json", base::canonical(spec));
  const Ended ended =
      run_program(world_.path(), {std::string(CLB_BINARY_DIR) + "/bin/clb-runner", "run", (world_.path() / "run.json").string()});
  EXPECT_EQ(ended.code, 0) << ended.err;
}

TEST_F(Weights, ANameIsFoundInEveryFolderOfThePath) {
  const std::string digest = base::hex(base::sha256(small_vit()));
  const std::string known = "sha256 = \"" + digest + "\"\nheads = 2\nimage = 32\npatch = 8\ndim = 8\ndepth = 2\npretraining = \"none\"\n" +
                            "licence = \"none\"\nsource = \"a test\"\n";
  const std::string weights = "weights = \"mine\"\n";
  EXPECT_TRUE(contains(run(weights).err, "no weights are called \"mine\"")) << "nowhere yet";
  const auto put = [&](const std::string& folder) {
    write(folder + "/mine.toml", known);
    write(folder + "/mine.safetensors", small_vit());
  };
  put("given");
  put("variable");
  put("xdg/clbench/weights");
  const std::string at = world_.path().string();
  const auto found = [&](const Ended& ended) {
    EXPECT_EQ(ended.code, 0) << ended.err;
    return ended.code != 0 ? "" : base::parse_json(ended.out, "plan").at("/weights/0/file"_json_pointer).get<std::string>();
  };
  const std::vector<std::string> dry{"--dry-run", "--json"}, with_path{"--dry-run", "--json", "--weights-path", at + "/given"};
  const std::vector<std::string> variables{"CLB_WEIGHTS_PATH=/nowhere:" + at + "/variable", "XDG_DATA_HOME=" + at + "/xdg"};
  EXPECT_EQ(found(run(weights, "simplecil", with_path, variables)), at + "/given/mine.safetensors");
  EXPECT_EQ(found(run(weights, "simplecil", dry, variables)), at + "/variable/mine.safetensors");
  EXPECT_EQ(found(run(weights, "simplecil", dry, {variables[1]})), at + "/xdg/clbench/weights/mine.safetensors");
  const Ended ended = run(weights, "simplecil", {"--weights-path", at + "/given"});
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_TRUE(contains(ended.out, "weights main = mine (sha256 ")) << "the table looks where it is told: " << ended.out;
}

}  // namespace
}  // namespace clb::testing
