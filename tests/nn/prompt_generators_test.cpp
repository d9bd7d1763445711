// What must hold of networks that make prompts; plugins/dap and plugins/apg compare them with the reference implementations.
#include <clb/nn/prompt_generators.hpp>
#include <clb/nn/prompt_tokens.hpp>

#include "golden_modules.hpp"

namespace clb::nn {
namespace {

using golden::any_numbers;
using torch::Tensor;

constexpr VitShape kShape{.image = 16, .patch = 8, .dim = 24, .depth = 3, .heads = 3, .mlp = 48};

Tensor noise(torch::IntArrayRef sizes, uint64_t seed) { return at::randn(sizes, at::detail::createCPUGenerator(seed)); }

void set_all(Module& module, double deviation) {
  uint64_t seed = 100;
  module.parameters([&](const std::string&, Tensor& t) { t = (deviation * noise(t.sizes(), ++seed)).requires_grad_(); });
}

TEST(FilmPrompts, AtFirstAreTheUnitShiftOfTheirEmbedding) {
  const FilmPrompts made(kShape, 3, 4, any_numbers());
  const Tensor x = noise({5, kShape.tokens(), kShape.dim}, 1);
  for (int64_t block = 0; block < kShape.depth; ++block) {
    const FilmPrompts::Made of = made(block, x, noise({1, 4}, 2).expand({5, 4}));
    EXPECT_EQ(of.prompts.sizes(), torch::IntArrayRef({5, 3, kShape.dim}));
    EXPECT_LE((of.prompts - of.prompts[0][0]).abs().max().item<double>(), 1e-7) << "of any token and image";
    for (const Tensor& v : {of.gamma, of.beta, of.prompts}) EXPECT_LE((v.norm(2, -1) - 1).abs().max().item<double>(), 1e-6);
  }
}

TEST(FilmPrompts, HangInTheBlocksThatWereAskedFor) {
  FilmPrompts made(kShape, 2, 4, any_numbers());
  set_all(made, 0.5);
  const Vit vit(random_vit(kShape, 1), {.heads = kShape.heads});
  const Tensor images = noise({4, 3, 16, 16}, 3), embedding = noise({4, 4}, 4);
  for (const int64_t blocks : {0, 2, 3}) {
    MadePrompts hung(made, embedding, blocks);
    golden::Tap tap;
    Together both({&hung, &tap});
    const Tensor feature = vit.cls(images, both);
    for (int64_t i = 0; i < kShape.depth; ++i)
      EXPECT_EQ(tap.seen.at("block" + std::to_string(i) + ".in").size(1), kShape.tokens() + (i < blocks ? 2 : 0)) << i;
    EXPECT_EQ(torch::allclose(feature, vit.cls(images, Injection()), 1e-5, 1e-5), blocks == 0);
    for (int64_t k = 0; k < 4; ++k) {  // each image has its own
      const Tensor alone = vit.cls(images.narrow(0, k, 1), MadePrompts(made, embedding.narrow(0, k, 1), blocks));
      EXPECT_TRUE(torch::allclose(alone, feature.narrow(0, k, 1), 1e-4, 1e-5));
    }
  }
}

// The direction of scale and shift is trained, their length is not: doubling the FiLM's output changes nothing.
TEST(FilmPrompts, TheLengthOfScaleAndShiftDoesNotMatter) {
  FilmPrompts made(kShape, 2, 4, any_numbers());
  set_all(made, 0.5);
  const Tensor x = noise({3, kShape.tokens(), kShape.dim}, 1), embedding = noise({3, 4}, 2),
               before = made(1, x, embedding).prompts.detach();
  made.parameters([](const std::string& name, Tensor& t) {
    if (name.starts_with("film.")) t = (2 * t.detach()).requires_grad_();
  });
  EXPECT_TRUE(torch::allclose(made(1, x, embedding).prompts, before, 1e-4, 1e-5));
}

TEST(AttentionPrompt, WeighsItselfAndTheTokens) {
  for (const int64_t heads : {1, 4}) {
    AttentionPrompt made(kShape.dim, heads, 0.5, any_numbers());
    set_all(made, 0.3);
    const Tensor query = noise({5, kShape.dim}, 1), tokens = noise({7, kShape.dim}, 2);
    const AttentionPrompt::Made of = made(query, tokens);
    EXPECT_EQ(of.raw.sizes(), torch::IntArrayRef({5, heads, 1, 8}));
    EXPECT_EQ(of.prompt.sizes(), torch::IntArrayRef({5, 1, kShape.dim}));
    EXPECT_TRUE(torch::equal(made(query, tokens).prompt, of.prompt)) << "no dropout outside training";
    for (int64_t k = 0; k < 5; ++k)
      EXPECT_TRUE(torch::allclose(made(query.narrow(0, k, 1), tokens).prompt, of.prompt.narrow(0, k, 1), 1e-4, 1e-6));
    const Tensor order = torch::tensor({6, 5, 4, 3, 2, 1, 0});
    EXPECT_TRUE(torch::allclose(made(query, tokens.index_select(0, order)).prompt, of.prompt, 1e-4, 1e-5)) << "a set of tokens";
    made.train(true);
    EXPECT_FALSE(torch::equal(made(query, tokens).prompt, of.prompt));
    // Without any token there is the image itself alone.
    made.train(false);
    EXPECT_EQ(made(query, tokens.narrow(0, 0, 0)).raw.size(3), 1);
  }
}

}  // namespace
}  // namespace clb::nn
