// Whole trainings of two tiny towers: they learn, an interrupted one goes on exactly, the file is a CLIP like any other.
#include <gtest/gtest.h>

#include <clb/base/error.hpp>
#include <clb/base/file.hpp>
#include <clb/base/network_format.hpp>
#include <clb/nn/clip.hpp>
#include <clb/pretrain/evaluate.hpp>
#include <clb/pretrain/train.hpp>
#include <clb/pretrain/vocabulary.hpp>

#include "captioned.hpp"
#include "clip_network.hpp"
#include "errors.hpp"
#include "tiny_run.hpp"

namespace clb::pretrain {
namespace {

namespace fs = std::filesystem;
using testing::contains;
using testing::error_of;

const fs::path kVocabulary = fs::path(CLB_SOURCE_DIR) / "share/assets/micro_bpe/vocabulary.txt";
const std::string kTinyClip =
    "name = 'tiny'\n[network]\npatch = 8\ndim = 32\ndepth = 1\nheads = 2\n[network.text]\ndim = 32\ndepth = 1\nheads = 2\n"
    "features = 16\nvocabulary = '" +
    kVocabulary.string() + "'\n[training]\nimages = 640\nbatch_size = 32\nslice = 8\nwarmup = 0.1\n";

struct TinyClip : TinyRun {
  TinyClip(const testing::TempFolder& temp, const std::string& name, const std::string& more = "")
      : TinyRun(temp, name, kTinyClip + more) {}
};

TEST(ClipRun, LearnsWhichSentenceBelongsToWhichImage) {
  const testing::TempFolder temp;
  TinyClip run(temp, "run");
  run.recipe.training.images = 6400;
  run.recipe.training.dropped = 0;
  run.recipe.images = {.variation = 0, .pose = 0, .clutter = 0, .several = 0, .plain = 1, .noise = 0};
  ASSERT_TRUE(run.train());
  const auto curve = run.curve();
  EXPECT_LT(curve.back()["loss"].get<double>(), 0.85 * curve.front()["loss"].get<double>());
  EXPECT_GT(curve.back()["accuracy"].get<double>(), 2 * curve.front()["accuracy"].get<double>());
  const ClipReport report = evaluate(run.recipe, run.options.out, {.images = 1, .groups = 1, .threads = 1});
  EXPECT_EQ(report.seen.images, 150);
  EXPECT_EQ(report.unseen->images, 30);
  EXPECT_GT(report.seen.among_kind, 3.0 / 150) << "no better than by chance";
  EXPECT_LE(report.seen.among_all, report.seen.among_kind);
  EXPECT_FALSE(evaluate(run.recipe, run.options.out, {.images = 1, .groups = 1, .seen_only = true, .threads = 1}).unseen.has_value());
}

TEST(ClipRun, InterruptedAndResumedIsTheSameAndSoAreMoreThreads) {
  for (const char* more : {"", "precision = 'bf16'\n"}) {
    const testing::TempFolder temp;
    const TinyClip whole(temp, "whole", more);
    TinyClip parts(temp, "parts", more);
    ASSERT_TRUE(whole.train());
    int updates = 0;
    parts.options.stop = [&] { return ++updates == 7; };
    ASSERT_FALSE(parts.train());
    EXPECT_FALSE(fs::exists(parts.options.out));
    parts.options.resume = true;
    parts.options.threads = 3;
    updates = 100;
    ASSERT_TRUE(parts.train());
    EXPECT_EQ(parts.weights(), whole.weights()) << more;
  }
}

TEST(ClipRun, TheFileIsAClip) {
  const testing::TempFolder temp;
  const TinyClip run(temp, "run");
  ASSERT_TRUE(run.train());
  const base::MappedFile file(run.options.out);
  const auto header = base::parse_safetensors(file.bytes(), "weights");
  EXPECT_EQ(header.metadata.at("format"), "openclip");
  const base::NetworkShape shape = base::network_shape(header, {.heads = 2, .text_heads = 2}, "weights");
  EXPECT_EQ(shape.format, "openclip");
  EXPECT_EQ(shape.image.dim, 32);
  const nn::Clip clip = nn::read_clip(file.bytes(), R"({"heads": 2, "text_heads": 2, "image_size": 32, "pos_antialias": true})", "weights")
                            .to(torch::kCPU, torch::kFloat32);
  const text::ClipTokens tokens = tokens_of(*run.recipe.text);
  EXPECT_EQ(clip.text.vocabulary(), tokens.size());
  EXPECT_EQ(clip.text.context(), 77);
  const torch::NoGradGuard no_grad;
  const torch::Tensor ids = torch::tensor(tokens.row("a red star, ünknown 17 words")).unsqueeze(0);
  EXPECT_TRUE(clip.text(ids).isfinite().all().item<bool>());
  EXPECT_EQ(clip.image(torch::zeros({2, 3, 32, 32})).sizes(), (std::vector<int64_t>{2, 16}));
}

TEST(ClipRun, ACheckpointOfAnotherRecipeIsRefused) {
  const testing::TempFolder temp;
  TinyClip run(temp, "run");
  ASSERT_TRUE(run.train());
  run.options.resume = true;
  run.recipe.text->depth = 2;
  EXPECT_TRUE(contains(error_of<base::Error>([&] { run.train(); }), "another value of /network/text/depth"));
  run.recipe.text.reset();
  EXPECT_TRUE(contains(error_of<base::Error>([&] { run.train(); }), "another value of /network/text"));
  EXPECT_TRUE(contains(error_of<base::Error>([&] { evaluate(run.recipe, run.options.out, {}); }), "no table [network.text]"));
}

TEST(ClipRecipe, MistakesNamePlaceAndReason) {
  const auto said = [](const std::string& text) { return error_of<base::Error>([&] { parse_recipe(text, "r.toml"); }); };
  const std::string text = "[network.text]\nvocabulary = '" + kVocabulary.string() + "'\n";
  EXPECT_TRUE(contains(said("[network.text]\n"), "needs vocabulary"));
  EXPECT_TRUE(contains(said("[network.text]\nvocabulary = 'no.txt'\n"), "no.txt, which is not there"));
  EXPECT_TRUE(contains(said(text + "heads = 3\n"), "must divide dim = 128"));
  EXPECT_TRUE(contains(said(text + "[images]\nclasses = 9\n"), "images.classes has no meaning beside [network.text]"));
  EXPECT_TRUE(contains(said(text + "[loss]\nmask = 1\n"), "loss has no meaning beside [network.text]"));
  EXPECT_TRUE(contains(said(text + "[training]\nmix = 'mixup'\n"), "training.mix has no meaning"));
  EXPECT_EQ(read_recipe(fs::path(CLB_SOURCE_DIR) / "share/pretrain/clb-micro-clip.toml").name, "clb-micro-clip");
}

TEST(ClipVocabulary, IsWhatItsProgramMakesAndHasEveryNameAsFewTokens) {
  EXPECT_EQ(base::read_file(kVocabulary), learn_vocabulary(1000));
  TextRecipe recipe;
  recipe.vocabulary = kVocabulary;
  const text::ClipTokens tokens = tokens_of(recipe);
  for (int figure = 0; figure < formula::kThingFigures; ++figure)
    for (int colour = 0; colour < formula::kThingColours; ++colour)
      EXPECT_EQ(tokens.encode(formula::thing_colour_name(colour) + std::string(" ") + formula::figure_name(figure)).size(), 2U);
}

}  // namespace
}  // namespace clb::pretrain
