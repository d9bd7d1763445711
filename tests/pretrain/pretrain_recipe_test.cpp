// Recipes: what is read, and what a mistake in one says.
#include <gtest/gtest.h>

#include <clb/base/error.hpp>
#include <clb/pretrain/recipe.hpp>
#include <filesystem>

namespace clb::pretrain {
namespace {

std::string mistake(const std::string& text) {
  try {
    parse_recipe(text, "r.toml");
  } catch (const base::Error& e) {
    EXPECT_EQ(e.exit(), base::Exit::kUserMistake);
    return e.what();
  }
  return "no error";
}

void expect_mistake(const std::string& text, const std::vector<std::string>& parts) {
  const std::string found = mistake(text);
  for (const std::string& part : parts) EXPECT_NE(found.find(part), std::string::npos) << "'" << part << "' is not in: " << found;
}

TEST(PretrainRecipe, ReadsEveryTable) {
  const Recipe recipe = parse_recipe(
      "name = 'x'\nseed = 7\n[images]\nclasses = 12\ngrey = 0.5\n[network]\ndim = 64\nheads = 2\n[training]\nimages = 640\nlr = 0.002\n"
      "[loss]\nmask = 2\n[output]\ntype = 'bf16'\n",
      "r.toml");
  EXPECT_EQ(recipe.name, "x");
  EXPECT_EQ(recipe.images.seed, 7);
  EXPECT_EQ(recipe.images.classes, 12);
  EXPECT_EQ(recipe.images.grey, 0.5);
  EXPECT_EQ(recipe.network.dim, 64);
  EXPECT_EQ(recipe.updates(), 10);
  EXPECT_EQ(recipe.training.lr, 0.002);
  EXPECT_EQ(recipe.loss.mask, 2);
  EXPECT_EQ(recipe.output_type, "bf16");
}

TEST(PretrainRecipe, MistakesNamePlaceAndRemedy) {
  expect_mistake("seed = 0\n[training]\nimgaes = 5\n", {"r.toml:3:1", "imgaes", "did you mean", "images"});
  expect_mistake("[training]\noptimizer = 'sgd'\n", {"r.toml:2:13", "training.optimizer", "muon", "adamw", "sgd"});
  expect_mistake("[training]\nlr = 5.0\n", {"r.toml:2:6", "training.lr", "between 0", "and 1"});
  expect_mistake("[training]\nlr = 'fast'\n", {"r.toml:2:6", "training.lr", "fast"});
  expect_mistake("[training]\nbatch_size = 48\nslice = 32\n", {"r.toml:3:9", "training.slice", "must divide batch_size = 48"});
  expect_mistake("[training]\nimages = 10\n", {"r.toml:2:10", "training.images", "one batch, 64"});
  expect_mistake("[network]\npatch = 5\n", {"r.toml:2:9", "network.patch", "must divide 32"});
  expect_mistake("[network]\ndim = 90\nheads = 4\n", {"r.toml:3:9", "network.heads", "must divide dim = 90"});
  expect_mistake("[images]\ngrey = 1.5\n", {"r.toml:2:8", "images.grey", "between 0"});
  expect_mistake("images = 5\n", {"r.toml:1:10", "images"});
  expect_mistake("[images\n", {"r.toml:1", "not valid TOML"});
}

TEST(PretrainRecipe, ThePublishedOneIsRead) {
  const Recipe recipe = read_recipe(std::filesystem::path(CLB_SOURCE_DIR) / "share/pretrain/clb-micro.toml");
  EXPECT_EQ(recipe.name, "clb-micro");
  EXPECT_EQ(recipe.network.dim, 192);
}

}  // namespace
}  // namespace clb::pretrain
