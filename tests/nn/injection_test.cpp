// What holds for every injection: nothing hung in changes nothing, several compose, types and gradients are those that training expects.
#include <clb/nn/adapter.hpp>
#include <clb/nn/lora.hpp>
#include <clb/nn/prefix.hpp>
#include <clb/nn/prompt_tokens.hpp>
#include <clb/nn/ssf.hpp>

#include "golden_modules.hpp"

namespace clb::nn {
namespace {

using torch::Tensor;

const VitShape kShape{.image = 16, .patch = 8, .dim = 24, .depth = 3, .heads = 3, .mlp = 48};

Vit small_vit() { return Vit(random_vit(kShape, 1), {.heads = 3}); }
Tensor images() { return at::rand({2, 3, 16, 16}, at::detail::createCPUGenerator(5)); }
double distance(const Tensor& a, const Tensor& b) { return (a - b).abs().max().item<double>(); }

// Gives parameters that start at zero something to do.
void disturb(Module& module) {
  module.parameters([](const std::string& name, Tensor& t) {
    t = (t.detach() + normal(t.sizes(), 0, 0.1, golden::any_numbers()(name))).requires_grad_();
  });
}

std::vector<std::unique_ptr<Injection>> one_of_each() {
  std::vector<std::unique_ptr<Injection>> all;
  const Rng rng = golden::any_numbers();
  all.push_back(std::make_unique<Adapter>(kShape, AdapterOptions{.bottleneck = 4}, rng));
  all.push_back(std::make_unique<Adapter>(kShape, AdapterOptions{.kind = AdapterKind::kLae, .blocks = {1}, .bottleneck = 4}, rng));
  all.push_back(std::make_unique<Lora>(kShape, LoraOptions{.blocks = {0, 2}, .sites = {"q", "k", "v"}, .rank = 2, .scales = true}, rng));
  all.push_back(std::make_unique<Ssf>(kShape, rng));
  all.push_back(std::make_unique<PromptTokens>(kShape, PromptTokensOptions{.length = 2, .deep = true}, rng));
  all.push_back(std::make_unique<PromptTokens>(kShape, PromptTokensOptions{.length = 2, .at_end = true}, rng));
  all.push_back(std::make_unique<Prefix>(
      kShape, PrefixOptions{.blocks = {1, 2}, .length = 3, .position = 1, .scales = true, .compensate = true}, rng));
  for (auto& injection : all) disturb(*injection);
  return all;
}

TEST(Injection, NothingHungInChangesNoBit) {
  const Vit vit = small_vit();
  EXPECT_TRUE(torch::equal(vit.tokens(images(), Injection()), vit.tokens(images())));
  EXPECT_LE(distance(vit.cls(images(), Injection()), vit.cls(images())), 1e-6);  // vit.cls() computes one token of the last block
  EXPECT_TRUE(torch::equal(vit.tokens(images(), PrependedPrompts(torch::zeros({2, 0, 24}))), vit.tokens(images())));
}

TEST(Injection, FreshAdaptersAndDeltasChangeNothing) {
  const Vit vit = small_vit();
  const Rng rng = golden::any_numbers();
  EXPECT_LE(distance(vit.cls(images(), Adapter(kShape, {}, rng)), vit.cls(images())), 1e-6);
  EXPECT_LE(distance(vit.cls(images(), Adapter(kShape, {.kind = AdapterKind::kLae}, rng)), vit.cls(images())), 1e-6);
  EXPECT_LE(distance(vit.cls(images(), Lora(kShape, {.blocks = {0, 1, 2}}, rng)), vit.cls(images())), 1e-6);
}

TEST(Injection, LoraIsALowRankChangeOfTheWeights) {
  Vit vit = small_vit();
  Lora lora(kShape, {.blocks = {1}, .sites = {"q", "v"}, .rank = 2}, golden::any_numbers());
  disturb(lora);
  const Tensor beside = vit.cls(images(), lora);
  auto deltas = golden::parameters_of(lora);
  const torch::NoGradGuard no_grad;
  golden::parameters_of(vit).at("blocks.1.attn.qkv.weight").narrow(0, 0, 24) += deltas["1.q.b"].matmul(deltas["1.q.a"]);
  golden::parameters_of(vit).at("blocks.1.attn.qkv.weight").narrow(0, 48, 24) += deltas["1.v.b"].matmul(deltas["1.v.a"]);
  EXPECT_LE(distance(beside, vit.cls(images())), 1e-5);
}

TEST(Injection, TogetherTakesPartsInOrder) {
  const Vit vit = small_vit();
  auto parts = one_of_each();
  Together both({parts[4].get(), parts[5].get()});  // prompts behind the class token and at the end
  EXPECT_EQ(vit.tokens(images(), both).size(1), kShape.tokens());
  Together adapter_alone({parts[0].get()});
  EXPECT_TRUE(torch::equal(vit.cls(images(), adapter_alone), vit.cls(images(), *parts[0])));
  Together adapters({parts[0].get(), parts[1].get()});
  EXPECT_GT(distance(vit.cls(images(), adapters), vit.cls(images(), *parts[0])), 1e-4);
  EXPECT_EQ(trained_numbers(adapters), trained_numbers(*parts[0]) + trained_numbers(*parts[1]));
}

TEST(Injection, PrependedPromptsStandBehindTheClassToken) {
  const Vit vit = small_vit();
  const Tensor prompts = at::rand({2, 4, 24});
  EXPECT_EQ(vit.tokens(images(), PrependedPrompts(prompts)).size(1), kShape.tokens() + 4);
  EXPECT_LE(distance(vit.cls(images(), PrependedPrompts(prompts, vit.cls_position())),
                     vit.cls(images(), PrependedPrompts(prompts + vit.cls_position()))),
            1e-6);
  // Each sample has its own: the first sample's output does not depend on the second's prompts.
  Tensor other = prompts.clone();
  other[1] += 1;
  EXPECT_LE(distance(vit.cls(images(), PrependedPrompts(prompts))[0], vit.cls(images(), PrependedPrompts(other))[0]), 1e-6);
}

TEST(Injection, ClassTokensOfBlocksComeBeforeTheFinalNorm) {
  const Vit vit = small_vit();
  const Tensor cls = vit.cls_of_blocks(images(), 1);  // [2, 2, 24]
  Tensor x = vit.embed(images());
  for (int64_t i = 0; i < 3; ++i) {
    x = vit.block(i, x);
    if (i >= 1) {
      EXPECT_TRUE(torch::equal(cls.select(1, i - 1), x.select(1, 0))) << i;
    }
  }
  EXPECT_EQ(cls.sizes(), torch::IntArrayRef({2, 2, 24}));
}

TEST(Injection, OnlyItsOwnParametersGetGradients) {
  for (const auto& injection : one_of_each()) {
    Vit vit = small_vit();
    vit.tokens(images(), *injection).square().sum().backward();
    injection->parameters([](const std::string& name, Tensor& t) {
      ASSERT_TRUE(t.grad().defined()) << name;
      EXPECT_GT(t.grad().abs().max().item<double>(), 0) << name;
    });
    vit.parameters([](const std::string& name, Tensor& t) { EXPECT_FALSE(t.requires_grad()) << name; });
  }
}

TEST(Injection, BlocksBeforeTheFirstRecordNoGradient) {
  Adapter last(kShape, {.blocks = {2}, .bottleneck = 4}, golden::any_numbers());
  golden::Tap tap;
  Together both({&last, &tap});
  small_vit().cls(images(), both);
  EXPECT_FALSE(tap.seen.at("block2.in").requires_grad());
  EXPECT_TRUE(tap.seen.at("block2.out").requires_grad());
}

TEST(Injection, InBf16TheNetworkStaysBf16AndTrainedTensorsFloat32) {
  for (const auto& injection : one_of_each()) {
    const Vit vit = small_vit(), half = vit.to(torch::kCPU, torch::kBFloat16);
    const Tensor feature = half.cls(images().to(torch::kBFloat16), *injection);
    EXPECT_EQ(feature.scalar_type(), torch::kBFloat16);
    EXPECT_LT(distance(feature.to(torch::kFloat32), vit.cls(images(), *injection)), 0.15);
    feature.to(torch::kFloat32).sum().backward();
    for (const Tensor& t : trained_tensors(*injection)) {
      EXPECT_EQ(t.scalar_type(), torch::kFloat32);
      EXPECT_EQ(t.grad().scalar_type(), torch::kFloat32);
    }
  }
}

TEST(Injection, ATrainedVitInBf16KeepsFloat32Parameters) {
  Vit half = small_vit().to(torch::kCPU, torch::kBFloat16);
  Part part(half, {"blocks.2.mlp.", "norm."});
  unfreeze(part);
  const Tensor feature = half.cls(images().to(torch::kBFloat16));
  EXPECT_EQ(feature.scalar_type(), torch::kBFloat16);
  feature.to(torch::kFloat32).square().sum().backward();
  EXPECT_EQ(trained_numbers(half), 2 * 24 * 48 + 24 + 48 + 2 * 24);
  for (const Tensor& t : trained_tensors(half)) EXPECT_EQ(t.grad().scalar_type(), torch::kFloat32);
}

TEST(Injection, DropoutActsInTrainingOnly) {
  const Vit vit = small_vit();
  Adapter adapter(kShape, {.bottleneck = 16, .dropout = 0.5}, golden::any_numbers());
  disturb(adapter);
  const Tensor still = vit.cls(images(), adapter);
  EXPECT_TRUE(torch::equal(vit.cls(images(), adapter), still));
  adapter.train(true);
  EXPECT_FALSE(torch::equal(vit.cls(images(), adapter), still));
  adapter.train(false);
  EXPECT_TRUE(torch::equal(vit.cls(images(), adapter), still));
}

// The formulas of the methods' chapters, at the widths of DeiT-Tiny and ViT-B.
TEST(Injection, ParameterCounts) {
  const Rng rng = golden::any_numbers();
  for (const int64_t d : {192, 768}) {
    const VitShape vit{.dim = d, .heads = d / 64, .mlp = 4 * d};
    const auto count = [](Injection&& injection) { return trained_numbers(injection); };
    const std::vector<int64_t> five{0, 1, 2, 3, 4};
    EXPECT_EQ(count(Adapter(vit, {}, rng)), 12 * (d * 64 + 64 + 64 * d + d));
    EXPECT_EQ(count(Ssf(vit, rng)), 2 * (d + 12 * (d + 3 * d + d + d + 4 * d + d) + d));
    EXPECT_EQ(count(PromptTokens(vit, {.deep = true}, rng)), 12 * 5 * d);
    EXPECT_EQ(count(PromptTokens(vit, {}, rng)), 5 * d);
    EXPECT_EQ(count(Adapter(vit, {.kind = AdapterKind::kLae, .blocks = five, .bottleneck = 5}, rng)), 5 * (d * 5 + 5 + 5 * d + d + 1));
    EXPECT_EQ(count(Lora(vit, {.blocks = five, .scales = true}, rng)), 5 * (2 * 10 * d + 2));
    EXPECT_EQ(count(Prefix(vit, {.blocks = five, .scales = true}, rng)), 5 * (2 * 10 * d + 2));
  }
  const VitShape base{.dim = 768, .heads = 12, .mlp = 3072};
  Adapter adapter(base, {}, rng);
  Ssf ssf(base, rng);
  EXPECT_EQ(trained_numbers(adapter), 1'189'632);
  EXPECT_EQ(trained_numbers(ssf), 205'824);
}

}  // namespace
}  // namespace clb::nn
