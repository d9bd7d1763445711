// Blocks before the first that an injection changes, computed once: what goes on from there gives what the whole pass gives.
#include <torch/csrc/autograd/autograd.h>

#include <clb/nn/adapter.hpp>
#include <clb/nn/error.hpp>
#include <clb/nn/lora.hpp>
#include <clb/nn/prefix.hpp>
#include <clb/nn/prompt_tokens.hpp>
#include <clb/nn/ssf.hpp>

#include "golden_modules.hpp"

namespace clb::nn {
namespace {

using torch::Tensor;

const VitShape kNetwork{.image = 64, .patch = 8, .dim = 48, .depth = 4, .heads = 3, .mlp = 192};

class BegunTest : public testing::TestWithParam<int64_t> {  // images: passed whole, and in slices
 protected:
  void expect_same(Injection& in, int64_t block) {
    ASSERT_EQ(in.begins_at(), block);
    in.parameters([&](const std::string& name, Tensor& t) { t = (t.detach() + normal(t.sizes(), 0, 0.1, rng_(name))).requires_grad_(); });
    const auto trained = trained_tensors(in);
    for (int64_t first = 0; first <= block; ++first) {
      SCOPED_TRACE(first);
      const Begun begun = vit_.begin(images_, first);
      EXPECT_EQ(begun.block, first);
      EXPECT_FALSE(begun.x.requires_grad());
      const Tensor whole = vit_.cls(images_, in), shared = vit_.cls(begun, in);
      EXPECT_TRUE(torch::allclose(shared, whole, 1e-5, 1e-5));
      const auto a = torch::autograd::grad({whole.square().sum()}, trained), b = torch::autograd::grad({shared.square().sum()}, trained);
      for (size_t k = 0; k < a.size(); ++k) EXPECT_TRUE(torch::allclose(b[k], a[k], 1e-4, 1e-4 * a[k].abs().max().item<double>())) << k;
    }
    EXPECT_THROW(vit_.cls(vit_.begin(images_, block + 1), in), Error);
  }

  Rng rng_ = golden::any_numbers();
  Vit vit_{random_vit(kNetwork, 1), {.heads = 3}};
  Tensor images_ = at::rand({GetParam(), 3, 64, 64}, golden::generator(5));
};

TEST_P(BegunTest, WhatIsHungInLaterGivesTheSame) {
  Prefix prefix(kNetwork, {.blocks = {3, 1}, .length = 2}, rng_);
  expect_same(prefix, 1);
  Lora lora(kNetwork, {.blocks = {2, 3}, .sites = {"k", "v"}, .rank = 2}, rng_);
  expect_same(lora, 2);
  Adapter adapter(kNetwork, {.blocks = {3}, .bottleneck = 4, .dropout = 0}, rng_);
  expect_same(adapter, 3);
  Together both({&lora, &prefix});
  expect_same(both, 1);
  PromptTokens prompts(kNetwork, {.length = 2}, rng_);
  expect_same(prompts, 0);
}

TEST_P(BegunTest, QueriesGoOnFromAnyBlock) {
  for (int64_t block = 0; block < kNetwork.depth; ++block)
    EXPECT_TRUE(torch::allclose(vit_.query(vit_.begin(images_, block)), vit_.query(images_), 1e-5, 1e-5)) << block;
}

TEST_P(BegunTest, WhatChangesPatchesCannotComeLater) {
  const Ssf ssf(kNetwork, rng_);
  EXPECT_THROW(vit_.cls(vit_.begin(images_, 0), ssf), Error);
  EXPECT_NO_THROW(vit_.cls(images_, ssf));
}

TEST_P(BegunTest, FirstTokensAreThoseOfAll) {
  const EmbeddedPrompts embedded(at::randn({3, 48}, golden::generator(1)));
  const PrependedPrompts prepended(at::randn({GetParam(), 5, 48}, golden::generator(2)));
  for (const Injection* in : {static_cast<const Injection*>(&embedded), static_cast<const Injection*>(&prepended)})
    for (const int64_t count : {1, 2, 6, 9}) {
      const Tensor wanted = vit_.tokens(images_, *in).narrow(1, 0, count);
      EXPECT_TRUE(torch::allclose(vit_.first_tokens(images_, count, *in), wanted, 1e-5, 1e-5)) << count;
      EXPECT_TRUE(torch::allclose(vit_.first_tokens(vit_.begin(images_, 0), count, *in), wanted, 1e-5, 1e-5)) << count;
    }
}

INSTANTIATE_TEST_SUITE_P(Images, BegunTest, testing::Values(1, 13));

}  // namespace
}  // namespace clb::nn
