// Methods on a CLIP, end to end: names of classes, features of sentences from the cache, classes to come, and the columns of their table.
#include <clb/base/clip_weights.hpp>
#include <clb/base/safetensors.hpp>
#include <clb/base/sha256.hpp>
#include <cstring>

#include "e2e/cli.hpp"
#include "support/noise.hpp"

namespace clb::testing {
namespace {

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

// A tiny CLIP of noise, whose norms do nothing.
std::string small_clip() {
  base::ClipShape shape;
  shape.image = {.image = 32, .patch = 8, .channels = 3, .dim = 16, .depth = 1, .heads = 2, .mlp = 32};
  shape.text_dim = 8;
  shape.text_depth = 1;
  shape.text_heads = 2;
  shape.text_mlp = 16;
  shape.context = 16;
  shape.features = 12;
  std::map<std::string, base::TensorEntry> entries;
  for (const base::NamedSizes& tensor : base::clip_tensors(shape)) entries[tensor.name] = {.dtype = "F32", .shape = tensor.sizes};
  std::string bytes;
  Noise noise(5);
  for (const auto& [name, entry] : entries) {  // tensors lie in the order of their names
    int64_t count = 1;
    for (const int64_t side : entry.shape) count *= side;
    std::vector<float> numbers(static_cast<size_t>(count), contains(name, "ln_") && name.ends_with("weight") ? 1.0F : 0.0F);
    if (!contains(name, "ln_"))
      for (float& number : numbers) number = noise.next() - 0.5F;
    if (name == "logit_scale") numbers = {3.0F};
    bytes.append(reinterpret_cast<const char*>(numbers.data()), numbers.size() * sizeof(float));
  }
  return base::safetensors_header(entries, {}) + bytes;
}

class Clips : public ::testing::Test {
 protected:
  Clips() {
    const std::string clip = small_clip();
    base::write_file_atomic(world_.path() / "clip.safetensors", clip);
    weights_ = "[weights.main]\nfile = \"clip.safetensors\"\nformat = \"openai_clip\"\nheads = 2\ntext_heads = 2\nsha256 = \"" +
               base::hex(base::sha256(std::string_view(clip))) + "\"\n";
  }
  Ended run(const std::string& method, const std::string& protocol = "", std::vector<std::string> more = {}) const {
    base::write_file_atomic(world_.experiment(),
                            "name = \"e2e\"\ndataset = { id = \"fashion_mnist\", root = \"data\" }\n" + weights_ +
                                "[protocol]\nsplit = \"B0-Inc4\"\norder = \"identity\"\neval_transform = \"micro-32\"\n" + protocol +
                                "[run]\nseed = 0\nthreads = 1\n" + method);
    return world_.run(std::move(more));
  }
  std::string table(std::vector<std::string> more = {}) const {
    more.insert(more.begin(), {"table", "--db", world_.database().string()});
    return world_.clbench(more).out;
  }
  double metric(const std::string& id) const {
    const Ended ended = world_.clbench({"table", "--db", world_.database().string(), "--metrics", id, "--json"});
    const base::Json table = base::parse_json(ended.out, "table").at("tables").at(0);
    return table.at("sections").at(0).at("rows").at(0).at("cells").at(id).at("mean").get<double>();
  }

  // The newest run's state, with other values.
  base::Json evaluated(const std::vector<std::string>& changes) const {
    std::vector<std::string> words{"evaluate", world_.newest().row.key.substr(0, 12), "--db", world_.database().string(), "--json"};
    for (const std::string& change : changes) words.insert(words.end(), {"--set", change});
    const Ended answer = world_.clbench(words);
    EXPECT_EQ(answer.code, 0) << answer.err;
    return base::parse_json(answer.out, "evaluate");
  }

  World world_;
  std::string weights_;
};

TEST_F(Clips, AsTheyAreNameClassesToComeAndComputeNothingTwice) {
  const Ended first = run("[[method]]\nid = \"zero_shot\"\n", "eval_unseen = true\n");
  ASSERT_EQ(first.code, 0) << first.err;
  EXPECT_TRUE(contains(first.out, "text tower")) << first.out;
  EXPECT_FALSE(contains(first.out, "not ranked")) << "the second look: " << first.out;
  for (const char* column : {"transfer", "acc.mean.all", "acc.last.task"}) EXPECT_TRUE(contains(first.out, column)) << first.out;
  const auto before = world_.cached("/features/").size();
  const auto prediction = world_.newest().prediction;
  const Ended again = run("[[method]]\nid = \"zero_shot\"\n", "eval_unseen = true\n", {"--again", "--set", "run.seed=1"});
  ASSERT_EQ(again.code, 0) << again.err;
  EXPECT_EQ(world_.cached("/features/").size(), before) << "features of images and sentences were there";
  EXPECT_EQ(world_.newest().prediction, prediction) << "nothing is drawn";
  EXPECT_GT(world_.newest().resources.at("cached_seconds_saved"), 0);
  EXPECT_GE(metric("acc.unseen"), 0);
  const Ended audit = world_.clbench({"audit", world_.database().string()});
  EXPECT_EQ(audit.code, 0) << audit.out << audit.err;
}

TEST_F(Clips, WhatCannotBeIsASentence) {
  const Ended ended = run("[[method]]\nid = \"zero_shot\"\nparams = { template = 99 }\n");
  EXPECT_EQ(ended.code, 2) << ended.err;
  EXPECT_TRUE(contains(ended.err, "template is 99, but the data set has 1")) << ended.err;
  weights_ = "[weights.main]\nrandom = { image = 32, patch = 8, dim = 32, depth = 2, heads = 2 }\n";
  const Ended vit = run("[[method]]\nid = \"zero_shot\"\n");
  EXPECT_EQ(vit.code, 2) << vit.err;
  EXPECT_TRUE(contains(vit.err, "expected a CLIP") || contains(vit.err, "main:image")) << vit.err;
}

TEST_F(Clips, ProofLearnsOnCachedFeatures) {
  const Ended ended = run("[[method]]\nid = \"proof\"\nparams = { epochs = 1, memory_size = 20 }\n");
  ASSERT_EQ(ended.code, 0) << ended.err;
  EXPECT_FALSE(contains(ended.out, "not ranked")) << ended.out;
  EXPECT_TRUE(contains(ended.out, "-- text tower, replay of training samples")) << ended.out;
  EXPECT_GT(world_.newest().resources.at("exemplars"), 0);
}

TEST_F(Clips, ZsclReadsItsReferences) {
  base::write_file_atomic(world_.path() / "captions.txt", "a red thing\nthe sea at night\n" + std::string(200, 'x') + "\n");
  const std::string assets =
      "[assets.reference]\ndataset = { id = \"fashion_mnist\", root = \"data\", train_per_class = 2 }\n"
      "[assets.captions]\nfile = \"captions.txt\"\nsha256 = \"" +
      base::hex(base::sha256_file(world_.path() / "captions.txt")) + "\"\n";
  const std::string method = "[[method]]\nid = \"zscl\"\nparams = { iterations = 6, warmup_iterations = 2, average_every = 2 }\n";
  const Ended ended = run(method + assets, "eval_unseen = true\n");
  ASSERT_EQ(ended.code, 0) << ended.err;
  EXPECT_FALSE(contains(ended.out, "not ranked")) << ended.out;
  EXPECT_TRUE(contains(ended.out, "transfer")) << ended.out;
  EXPECT_TRUE(contains(ended.out, "-- text tower, data beside the stream")) << ended.out;
  const auto prediction = world_.newest().prediction;
  EXPECT_EQ(evaluated({}).at("changed_predictions"), 0) << "captions and vocabulary are found again";
  ASSERT_EQ(run(method + assets, "eval_unseen = true\n", {"--again"}).code, 0);
  EXPECT_EQ(world_.newest().prediction, prediction) << "bit for bit";
  const Ended without = run(method, "eval_unseen = true\n");
  EXPECT_EQ(without.code, 2) << without.err;
  EXPECT_TRUE(contains(without.err, "captions")) << without.err;
}

// A kept state of S-liPrompts answers whose prompts predict, and what learned prompts are worth.
TEST_F(Clips, SPromptsReadsNamesInItsFormOnTexts) {
  const Ended ended =
      run("[[method]]\nid = \"sprompts\"\ntrain_transform = \"micro-32\"\n"
          "params = { classifier = \"text\", context_length = 2, epochs = 1, first_epochs = 1, batch_size = 8 }\n");
  ASSERT_EQ(ended.code, 0) << ended.err;
  EXPECT_TRUE(contains(ended.out, "text tower")) << ended.out;
  EXPECT_FALSE(contains(ended.out, "not ranked")) << "the second look: " << ended.out;
  EXPECT_EQ(evaluated({}).at("changed_predictions"), 0);
  EXPECT_GT(evaluated({"method.params.test_prompts=initial"}).at("changed_predictions"), 0);
  EXPECT_GT(evaluated({"method.params.route=random"}).at("changed_predictions"), 0);
  evaluated({"method.params.route=oracle", "protocol.kind=task"});
}

// A ViT and a CLIP in one run, of which a kept state has either predict alone.
TEST_F(Clips, PromptFusionHasAnExpertInEachRole) {
  const std::string clip = weights_;
  weights_ = "[weights.main]\nrandom = { image = 32, patch = 8, dim = 16, depth = 1, heads = 2 }\n" +
             std::string(clip).replace(0, std::string("[weights.main]").size(), "[weights.clip]");
  const std::string params =
      "booster_prompts = 2, image_prompts = 2, context_length = 2, filler_length = 1, epochs = 1, batch_size = 8, memory_size = 20";
  for (const std::string form : {"full", "lite"}) {
    const Ended ended =
        run("[[method]]\nid = \"promptfusion\"\ntrain_transform = \"micro-32\"\nparams = { form = \"" + form + "\", " + params + " }\n");
    ASSERT_EQ(ended.code, 0) << ended.err;
    EXPECT_TRUE(contains(ended.out, "text tower")) << ended.out;
    EXPECT_FALSE(contains(ended.out, "not ranked")) << "the second look: " << ended.out;
    EXPECT_GT(world_.newest().resources.at("exemplars"), 0);
    int64_t changed = 0;
    for (const char* other : {"predict_by=stabilizer", "predict_by=booster", "test_prompts=initial"})
      changed += evaluated({std::string("method.params.") + other}).at("changed_predictions").get<int64_t>();
    EXPECT_GT(changed, 0) << form << ": the experts do not say the same";
  }
  weights_ = clip;
  const Ended without = run("[[method]]\nid = \"promptfusion\"\n");
  EXPECT_EQ(without.code, 2) << without.err;
  EXPECT_TRUE(contains(without.err, "opens weights of the role clip")) << without.err;
}

}  // namespace
}  // namespace clb::testing
