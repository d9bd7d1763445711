// Prefixes for several blocks and each image, and the layout of DualPrompt's PyTorch ports.
#include <clb/nn/error.hpp>
#include <clb/nn/layer_prefixes.hpp>
#include <clb/nn/vit.hpp>

#include "golden_modules.hpp"

namespace clb::nn {
namespace {

using golden::generator;
using torch::Tensor;

// A pool of one block, two prompts, one row of one number: keys 10, 11, values 20, 21.
Tensor numbered(int64_t prompts) {
  const Tensor ids = torch::arange(prompts).to(torch::kFloat32);
  return at::stack({10 + ids, 20 + ids}).reshape({1, 2, prompts, 1, 1});
}

TEST(ChosenPairs, EachImageGetsItsOwnKeysAndValues) {
  const Tensor chosen = chosen_pairs(numbered(4), torch::tensor({2, 0, 3}));
  EXPECT_TRUE(torch::equal(chosen.flatten(), torch::tensor({12, 22, 10, 20, 13, 23}).to(torch::kFloat32)));
  EXPECT_EQ(chosen.sizes(), torch::IntArrayRef({1, 3, 2, 1, 1}));

  const Tensor pool = at::randn({3, 2, 5, 2, 6}, generator(1)), ids = torch::tensor({{4, 1}, {0, 2}, {2, 2}});
  const Tensor two = chosen_pairs(pool, ids);
  ASSERT_EQ(two.sizes(), torch::IntArrayRef({3, 3, 2, 4, 6}));
  for (int64_t block = 0; block < 3; ++block)
    for (int64_t n = 0; n < 3; ++n)
      for (int64_t side = 0; side < 2; ++side)
        EXPECT_TRUE(torch::equal(two[block][n][side], pool[block][side].index_select(0, ids[n]).flatten(0, 1)));
}

// Methods, prompt_based 5.8: slot (b, s) reads part (2 b + s) / n of image (2 b + s) mod n.
TEST(ChosenPairs, TheLegacyLayoutMixesABatch) {
  const int64_t tables[][4][2][2] = {{{{0, 0}, {0, 1}}, {{1, 0}, {1, 1}}},
                                     {{{0, 0}, {0, 1}}, {{0, 2}, {1, 0}}, {{1, 1}, {1, 2}}},
                                     {{{0, 0}, {0, 1}}, {{0, 2}, {0, 3}}, {{1, 0}, {1, 1}}, {{1, 2}, {1, 3}}}};
  for (int64_t n = 2; n <= 4; ++n) {
    const Tensor mixed = chosen_pairs(numbered(n), torch::arange(n), true);
    for (int64_t b = 0; b < n; ++b)
      for (int64_t s = 0; s < 2; ++s) {
        const auto& [part, image] = tables[n - 2][b][s];
        EXPECT_EQ(mixed[0][b][s].item<float>(), static_cast<float>(10 * (part + 1) + image)) << n << ": " << b << ", " << s;
      }
  }
  const Tensor pool = at::randn({2, 2, 3, 2, 4}, generator(2));
  EXPECT_TRUE(torch::equal(chosen_pairs(pool, torch::tensor({1}), true), chosen_pairs(pool, torch::tensor({1}))));
}

TEST(LayerPrefixes, HalvesAndPairsOfTheSameRowsAreTheSamePrefixes) {
  const Vit vit(random_vit({.image = 16, .patch = 8, .dim = 24, .depth = 3, .heads = 3, .mlp = 48}, 1), {.heads = 3});
  const std::vector<int64_t> blocks{2, 0};
  const Tensor images = at::rand({3, 3, 16, 16}, generator(3)), prompts = at::randn({2, 3, 6, 24}, generator(4));
  const Tensor by_halves = vit.cls(images, prefix_of_halves(blocks, prompts));
  EXPECT_TRUE(torch::equal(by_halves, vit.cls(images, prefix_of_pairs(blocks, prompts.unflatten(2, {2, 3})))));
  // The order of the blocks is that of the prompts.
  EXPECT_FALSE(torch::allclose(by_halves, vit.cls(images, prefix_of_halves({0, 2}, prompts))));
  EXPECT_TRUE(torch::allclose(by_halves, vit.cls(images, prefix_of_halves({0, 2}, prompts.flip(0)))));
  EXPECT_TRUE(torch::allclose(vit.cls(images), vit.cls(images, prefix_of_halves(blocks, prompts.narrow(2, 0, 0))), 1e-5, 1e-6));
  EXPECT_THROW(prefix_of_halves(blocks, prompts.narrow(2, 0, 5)), Error);
}

TEST(LayerPrefixes, BlocksThatCannotBeAreNamed) {
  require_blocks("blocks", {0, 4, 2}, 5);
  require_blocks("blocks", {}, 5);
  for (const auto& [blocks, words] : std::vector<std::pair<std::vector<int64_t>, std::string>>{
           {{0, 5}, "blocks holds block 5, but the network has 5; name some of 0 to 4"},
           {{-1}, "blocks holds block -1"},
           {{3, 1, 3}, "blocks holds block 3 twice"}}) {
    try {
      require_blocks("blocks", blocks, 5);
      ADD_FAILURE() << words;
    } catch (const Error& e) {
      EXPECT_EQ(e.kind(), ErrorKind::kInvalid);
      EXPECT_NE(std::string(e.what()).find(words), std::string::npos) << e.what();
    }
  }
}

}  // namespace
}  // namespace clb::nn
