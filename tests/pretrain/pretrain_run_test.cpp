// Whole trainings of a tiny network: it learns, an interrupted one goes on exactly, the weights load like any others.
#include <gtest/gtest.h>

#include <clb/base/error.hpp>
#include <clb/base/file.hpp>
#include <clb/nn/vit.hpp>
#include <clb/pretrain/train.hpp>
#include <fstream>

#include "checkpoint.hpp"
#include "network.hpp"
#include "tiny_run.hpp"

namespace clb::pretrain {
namespace {

namespace fs = std::filesystem;

const std::string kTiny =
    "name = 'tiny'\n[images]\nclasses = 4\n[network]\npatch = 8\ndim = 32\ndepth = 2\nheads = 2\n"
    "[training]\nimages = 640\nbatch_size = 32\nslice = 8\nwarmup = 0.1\n";

struct TinyVit : TinyRun {
  TinyVit(const testing::TempFolder& temp, const std::string& name, const std::string& more = "") : TinyRun(temp, name, kTiny + more) {}
};

TEST(PretrainRun, LearnsTheClasses) {
  const testing::TempFolder temp;
  TinyVit run(temp, "run");
  run.recipe.training.images = 4800;
  run.recipe.training.dropped = 0;
  run.recipe.images = {
      .classes = 4, .variation = 0.3, .pose = 0.3, .grey = 1, .dark = 1, .clutter = 0, .several = 0, .plain = 1, .noise = 0};
  ASSERT_TRUE(run.train());
  const auto curve = run.curve();
  ASSERT_EQ(curve.size(), 30U);
  EXPECT_LT(curve.back()["loss"].get<double>(), 0.9 * curve.front()["loss"].get<double>());
  EXPECT_LT(curve.back()["mask"].get<double>(), curve.front()["mask"].get<double>());
  EXPECT_GT(curve.back()["accuracy"].get<double>(), 0.4) << "of four classes";
  EXPECT_EQ(curve.back()["images"], 4800);
}

TEST(PretrainRun, InterruptedAndResumedIsTheSame) {
  for (const char* more : {"", "precision = 'bf16'\nmix = 'cutmix'\n", "optimizer = 'adamw'\nmix = 'mixup'\n"}) {
    const testing::TempFolder temp;
    const TinyVit whole(temp, "whole", more);
    TinyVit parts(temp, "parts", more);
    ASSERT_TRUE(whole.train());
    int updates = 0;
    parts.options.stop = [&] { return ++updates == 7; };
    ASSERT_FALSE(parts.train());
    EXPECT_FALSE(fs::exists(parts.options.out));
    parts.options.resume = true;
    updates = 100;
    ASSERT_TRUE(parts.train());
    EXPECT_EQ(parts.weights(), whole.weights()) << more;
    EXPECT_EQ(parts.curve(), whole.curve()) << more;
  }
}

TEST(PretrainRun, DoesNotDependOnThreads) {
  const testing::TempFolder temp;
  const TinyVit one(temp, "one");
  TinyVit three(temp, "three");
  three.options.threads = 3;
  ASSERT_TRUE(one.train());
  ASSERT_TRUE(three.train());
  EXPECT_EQ(one.weights(), three.weights());
}

TEST(PretrainRun, ACheckpointOfAnotherRecipeIsRefused) {
  const testing::TempFolder temp;
  TinyVit run(temp, "run");
  ASSERT_TRUE(run.train());
  run.options.resume = true;
  run.recipe.training.lr = 0.5;
  try {
    run.train();
    FAIL() << "it was taken";
  } catch (const base::Error& e) {
    EXPECT_NE(std::string(e.what()).find("another value of /training/lr"), std::string::npos) << e.what();
    EXPECT_EQ(e.exit(), base::Exit::kUserMistake);
  }
}

TEST(PretrainRun, ToResumeWithoutACheckpointIsRefused) {
  const testing::TempFolder temp;
  TinyVit run(temp, "run");
  run.options.resume = true;
  EXPECT_THROW(run.train(), base::Error);
}

TEST(PretrainRun, ADamagedCheckpointOrCurveIsMadeAgain) {
  const testing::TempFolder temp;
  const TinyVit whole(temp, "whole");
  ASSERT_TRUE(whole.train());
  for (const char* damage : {"a byte", "no tensors", "a curve cut off"}) {
    TinyVit run(temp, damage);
    int updates = 0;
    std::string warning;
    run.options.stop = [&] { return ++updates == 7; };
    run.options.warn = [&](const std::string& text) { warning = text; };
    ASSERT_FALSE(run.train());
    const fs::path checkpoint = run.options.folder / "checkpoint.safetensors";
    std::string bytes = base::read_file(checkpoint);
    bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
    if (damage == std::string("a byte")) base::write_file_atomic(checkpoint, bytes);
    if (damage == std::string("no tensors")) base::write_file_atomic(checkpoint, "no tensors");
    if (damage == std::string("a curve cut off")) std::ofstream(run.options.folder / "curve.jsonl", std::ios::app) << "{\"upd";
    run.options.resume = true;
    ASSERT_TRUE(run.train()) << damage;
    EXPECT_EQ(warning.find("the training starts over") != std::string::npos, damage != std::string("a curve cut off")) << warning;
    EXPECT_EQ(run.weights(), whole.weights()) << damage;
    EXPECT_EQ(run.curve(), whole.curve()) << damage;
  }
}

TEST(PretrainRun, TheWeightsLoadLikeAnyOthers) {
  for (const char* type : {"f16", "bf16"}) {
    const testing::TempFolder temp;
    const TinyVit run(temp, "run", std::string("[output]\ntype = '") + type + "'\n");
    ASSERT_TRUE(run.train());
    const base::MappedFile file(run.options.out);
    const nn::Vit vit =
        nn::read_vit(file.bytes(), R"({"heads": 2, "image_size": 32, "pos_antialias": true})", "weights").to(torch::kCPU, torch::kFloat32);
    EXPECT_EQ(vit.shape(), (nn::VitShape{.image = 32, .patch = 8, .dim = 32, .depth = 2, .heads = 2, .mlp = 128}));
    EXPECT_TRUE(vit.query(torch::zeros({2, 3, 32, 32})).isfinite().all().item<bool>());
    const nn::Metadata metadata = nn::read_safetensors_metadata(file.bytes(), "weights");
    EXPECT_EQ(metadata.at("images_seen"), "640");
    EXPECT_EQ(metadata.at("seed"), "0");
    EXPECT_EQ(base::parse_json(metadata.at("recipe"), "metadata").at("output").at("type"), type);
  }
}

TEST(PretrainNetwork, PositionsAreSinesOfRowsAndColumns) {
  const torch::Tensor p = sine_cosine_positions(3, 8, 0.5).squeeze(0);  // [10, 8]
  ASSERT_EQ(p.sizes(), (std::vector<int64_t>{10, 8}));
  EXPECT_EQ(p[0].abs().max().item<float>(), 0);
  // Row 1, column 2: columns' sines and cosines first, at frequencies 1 and 1/100.
  const std::vector<double> expected{std::sin(2.0), std::sin(0.02), std::cos(2.0), std::cos(0.02),
                                     std::sin(1.0), std::sin(0.01), std::cos(1.0), std::cos(0.01)};
  for (int64_t k = 0; k < 8; ++k) EXPECT_NEAR(p[1 + 3 + 2][k].item<double>(), 0.5 * expected[static_cast<size_t>(k)], 1e-6);
}

// All patches kept, in order, is the plain pass; the class token sees what is kept.
TEST(PretrainNetwork, KeptPatchesAreThosePatches) {
  at::set_num_threads(1);  // so that products of one image and of two are summed alike
  const Recipe recipe = parse_recipe(kTiny, "tiny.toml");
  const Network network(recipe);
  const torch::NoGradGuard no_grad;
  const torch::Tensor images = torch::rand({2, 3, 32, 32});
  const nn::Vit& vit = network.vit();
  EXPECT_TRUE(torch::equal(vit.cls_of_embedded(vit.embed(images)), vit.cls(images)));
  torch::Tensor changed = images.clone();
  changed.narrow(2, 0, 8).narrow(3, 0, 8).zero_();  // patch 0, token 1
  const auto without = [&](const torch::Tensor& x) {
    return vit.cls_of_embedded(at::cat({vit.embed(x).narrow(1, 0, 1), vit.embed(x).narrow(1, 2, 15)}, 1));
  };
  EXPECT_TRUE(torch::equal(without(images), without(changed)));
  EXPECT_FALSE(torch::equal(vit.cls(images), vit.cls(changed)));
}

}  // namespace
}  // namespace clb::pretrain
