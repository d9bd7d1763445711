// Weights that no runner can load were accepted by the plan and failed run by run; files of other formats were told as headers of
// 2336927755350992246 bytes.
#include <gtest/gtest.h>

#include <clb/base/error.hpp>
#include <clb/base/safetensors.hpp>
#include <clb/base/vit_weights.hpp>
#include <functional>

#include "e2e/cli.hpp"
#include "errors.hpp"
#include "unit/plan_fixture.hpp"

namespace clb {
namespace {

using base::TensorEntry;
using testing::contains;
using Tensors = std::map<std::string, TensorEntry>;

Tensors plain(const base::VitShape& shape = {.image = 32, .patch = 16, .dim = 64, .depth = 4, .heads = 1, .mlp = 128}) {
  Tensors tensors;
  for (const auto& [name, sizes] : base::vit_tensors(shape)) tensors[name] = {.dtype = "F32", .shape = sizes};
  return tensors;
}

// What is said of the plain network after a change; "" when it is accepted.
std::string said(const std::function<void(Tensors&)>& change, int64_t heads = 0) {
  Tensors tensors = plain();
  change(tensors);
  try {
    base::vit_shape(tensors, heads, "w");
  } catch (const base::Error& error) {
    return error.what();
  }
  return "";
}

Tensors renamed(const Tensors& tensors, const std::string& prefix) {
  Tensors result;
  for (const auto& [name, entry] : tensors) result[prefix + name] = entry;
  return result;
}

TEST(WeightsFoundLate, APlainNetworkHasItsShape) {
  EXPECT_EQ(base::vit_shape(plain(), 2, "w"), (base::VitShape{.image = 32, .patch = 16, .dim = 64, .depth = 4, .heads = 2, .mlp = 128}));
  EXPECT_EQ(said([](Tensors& t) { t["head.weight"] = {.dtype = "F16", .shape = {10, 64}}; }), "");
}

TEST(WeightsFoundLate, PrefixesAreNamedWithTheRemedy) {
  const std::string all = said([](Tensors& t) { t = renamed(t, "module."); });
  EXPECT_TRUE(contains(all, "w: every name begins with \"module.\"; save the tensors without it")) << all;
  const std::string some = said([](Tensors& t) {
    t = renamed(t, "model.backbone.");
    t["epoch"] = {.dtype = "I64", .shape = {1}};
  });
  EXPECT_TRUE(contains(some, "(54 of 55) begin with \"model.backbone.\"")) << some;
}

TEST(WeightsFoundLate, OtherNetworksAreNamedAsSuch) {
  const auto with = [](const std::string& name) { return said([&](Tensors& t) { t[name] = {.dtype = "F32", .shape = {64}}; }); };
  for (const auto& [name, meaning] : std::map<std::string, std::string>{{"dist_token", "a distilled DeiT"},
                                                                        {"reg_token", "register tokens"},
                                                                        {"fc_norm.weight", "averages its patches"},
                                                                        {"norm_pre.bias", "a norm before the blocks"},
                                                                        {"blocks.2.ls1.gamma", "layer scale"},
                                                                        {"blocks.0.attn.q_norm.weight", "normalised queries and keys"},
                                                                        {"something", "has no place in a plain ViT"}}) {
    EXPECT_TRUE(contains(with(name), "w: tensor '" + name + "' has no place in a plain ViT")) << with(name);
    EXPECT_TRUE(contains(with(name), meaning)) << with(name);
  }
  const std::string another = said([](Tensors& t) { t = {{"conv1.weight", {.dtype = "F32", .shape = {64, 3, 7, 7}}}}; });
  EXPECT_TRUE(contains(another, "holds no tensor of a ViT with timm's names")) << another;
  const std::string clip = said([](Tensors& t) {
    for (const char* theirs : {"visual.class_embedding", "text_projection"}) t[theirs] = {.dtype = "F32", .shape = {64}};
  });
  EXPECT_TRUE(contains(clip, "w: holds a CLIP, and a plain ViT was expected")) << clip;
}

TEST(WeightsFoundLate, WhatIsMissingIsNamed) {
  const std::string gap =
      said([](Tensors& t) { std::erase_if(t, [](const auto& tensor) { return tensor.first.starts_with("blocks.1."); }); });
  EXPECT_TRUE(contains(gap, "block 1 is missing (blocks.1.*), though the file goes up to block 3")) << gap;
  const std::string bias =
      said([](Tensors& t) { std::erase_if(t, [](const auto& tensor) { return tensor.first.ends_with("qkv.bias"); }); });
  EXPECT_TRUE(contains(bias, "'blocks.2.attn.qkv.bias' and 1 more are missing")) << bias;
  for (const auto& [name, entry] : plain()) {
    const std::string one = said([&, missing = name](Tensors& t) { t.erase(missing); });
    EXPECT_TRUE(contains(one, "'" + name + "' is missing")) << one;
    EXPECT_NE(said([&, odd = name](Tensors& t) { t[odd].shape = {5, 7}; }), "") << name;
    EXPECT_TRUE(contains(said([&, odd = name](Tensors& t) { t[odd].dtype = "F8_E4M3"; }), "F8_E4M3")) << name;
  }
}

TEST(WeightsFoundLate, ShapesThatDoNotGoTogetherAreNamed) {
  EXPECT_TRUE(contains(said([](Tensors& t) { t["pos_embed"].shape = {1, 1, 64}; }), "and the class token"));
  EXPECT_TRUE(contains(said([](Tensors& t) { t["patch_embed.proj.weight"].shape = {64, 3, 16, 8}; }), "expected [64, 3, 16, 16]"));
  EXPECT_TRUE(contains(said([](Tensors&) {}, 3), "the width 64 cannot be divided among 3 attention heads"));
}

std::string read(const std::string& bytes) {
  return testing::error_of<base::Error>([&] {
    base::parse_safetensors({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()}, "w");
  });
}

TEST(WeightsFoundLate, FilesOfOtherFormatsAreRecognised) {
  const std::map<std::string, std::string> all{
      {"version https://git-lfs.github.com/spec/v1\noid sha256:aa\nsize 12\n", "w: is a Git-LFS pointer"},
      {std::string("PK\x03\x04\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 30) + "archive/data.pkl", "w: is a PyTorch file"},
      {std::string("PK\x03\x04\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 30) + "cls.npy", "w: is a NumPy archive"},
      {"\x80\x02}q\x01.", "w: is a Python pickle"},
      {"\x89HDF\r\n\x1a\n", "w: is an HDF5 file"},
      {"\n<!DOCTYPE html><html>", "w: is a web page"},
      {"\x1f\x8b\x08 ...", "w: is packed with gzip"},
      {"{\"metadata\": {}}", "w: is JSON text"},
      {"", "w: is empty"}};
  for (const auto& [bytes, sentence] : all) EXPECT_TRUE(contains(read(bytes), sentence)) << read(bytes);
}

class WeightsInThePlan : public plan::testing::PlanTest {};

TEST_F(WeightsInThePlan, AFileThatDoesNotFitIsRefusedWithItsPlace) {
  write("vit.safetensors", "version https://git-lfs.github.com/spec/v1\n");
  EXPECT_TRUE(contains(mistake(plan::testing::kGood), "good.toml:8:8: vit.safetensors: is a Git-LFS pointer"))
      << mistake(plan::testing::kGood);
}

TEST_F(WeightsInThePlan, ImagesThatCannotBeCutIntoPatchesAreRefused) {
  write("share/recipes/plain.toml", "[train]\nresize = 36\n[eval]\nresize = 36\n");
  EXPECT_TRUE(contains(mistake(plan::testing::kGood), "good.toml:19:18: the evaluation transform \"plain\" gives images of side 36"))
      << mistake(plan::testing::kGood);
}

// One sentence for the whole experiment, before anything starts.
TEST(WeightsFoundLate, MoreBlocksThanThereAreStartNoRun) {
  const testing::World world;
  world.write_experiment("", "layup", "params = { blocks = [2, 3] }\n");
  const testing::Ended ended = world.run({"--set", "run.seed=[0,1,2]"});
  EXPECT_EQ(ended.code, 2) << ended.err;
  EXPECT_TRUE(contains(ended.err, "method layup: blocks = 3, but the network of [weights.main] has 2 blocks")) << ended.err;
  EXPECT_FALSE(std::filesystem::exists(world.database()));
}

}  // namespace
}  // namespace clb
