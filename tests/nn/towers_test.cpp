// Every injection works on every tower: it changes the features, alone gets gradients, and does nothing where it is fresh and meant to.
#include <clb/base/clip_weights.hpp>
#include <clb/nn/adapter.hpp>
#include <clb/nn/clip.hpp>
#include <clb/nn/lora.hpp>
#include <clb/nn/prefix.hpp>
#include <clb/nn/prompt_tokens.hpp>
#include <clb/nn/ssf.hpp>

#include "golden_modules.hpp"

namespace clb::nn {
namespace {

using torch::Tensor;

TensorMap random_clip() {
  const base::ClipShape shape{.image = {.image = {16, 24}, .patch = 8, .channels = 3, .dim = 24, .depth = 3, .heads = 3, .mlp = 48},
                              .text_dim = 16,
                              .text_depth = 2,
                              .text_heads = 2,
                              .text_mlp = 32,
                              .context = 9,
                              .vocabulary = 30,
                              .features = 10};
  TensorMap tensors;
  for (const auto& [name, sizes] : base::clip_tensors(shape)) {
    const bool norm = name.find("ln_") != name.npos && name.ends_with("weight");
    tensors[name] = normal(sizes, norm ? 1 : 0, norm ? 0.1 : 0.3, golden::any_numbers()(name));
  }
  return tensors;
}

Clip small_clip() { return Clip(random_clip(), {.image_heads = 3, .text_heads = 2, .image = {16, 24}}); }
Tensor wide_images() { return at::rand({2, 3, 16, 24}, at::detail::createCPUGenerator(5)); }
Tensor texts() { return torch::tensor({{28, 3, 7, 29, 0, 0}, {28, 11, 29, 0, 0, 0}}); }

void disturb_strongly(Module& module) {
  module.parameters([](const std::string& name, Tensor& t) {
    t = (t.detach() + normal(t.sizes(), 0, 0.3, golden::any_numbers()(name))).requires_grad_();
  });
}

std::map<std::string, std::unique_ptr<Injection>> one_of_each(const BlocksShape& shape) {
  const Rng rng = golden::any_numbers();
  std::map<std::string, std::unique_ptr<Injection>> all;
  all["adapter"] = std::make_unique<Adapter>(shape, AdapterOptions{.bottleneck = 4}, rng);
  all["adapter of LAE"] = std::make_unique<Adapter>(shape, AdapterOptions{.kind = AdapterKind::kLae, .blocks = {1}, .bottleneck = 4}, rng);
  all["lora"] = std::make_unique<Lora>(
      shape, LoraOptions{.blocks = {0, 1}, .sites = {"q", "k", "v", "qkv", "proj", "fc1", "fc2"}, .rank = 2, .scales = true}, rng);
  all["ssf"] = std::make_unique<Ssf>(shape, rng);
  all["prompts"] = std::make_unique<PromptTokens>(shape, PromptTokensOptions{.length = 2}, rng);
  all["deep prompts"] = std::make_unique<PromptTokens>(shape, PromptTokensOptions{.length = 2, .deep = true}, rng);
  all["prefix"] = std::make_unique<Prefix>(shape, PrefixOptions{.blocks = {0, 1}, .length = 3}, rng);
  all["prefix of LAE"] =
      std::make_unique<Prefix>(shape, PrefixOptions{.blocks = {1}, .length = 3, .position = 1, .scales = true, .compensate = true}, rng);
  return all;
}

template <class Tower>
void expect_all_work(Tower tower, const BlocksShape& shape, const Tensor& inputs) {
  const Tensor plain = tower(inputs);
  for (auto& [name, injection] : one_of_each(shape)) {
    SCOPED_TRACE(name);
    if (name == "adapter" || name == "lora") {
      EXPECT_TRUE(torch::allclose(tower(inputs, *injection), plain, 1e-4, 1e-5));
    }
    disturb_strongly(*injection);
    const Tensor features = tower(inputs, *injection);
    EXPECT_EQ(features.sizes(), plain.sizes());
    for (int64_t i = 0; i < inputs.size(0); ++i) {
      EXPECT_FALSE(torch::allclose(features[i], plain[i], 1e-3, 1e-3)) << i;
      // A sample's features are its own.
      EXPECT_TRUE(torch::allclose(tower(inputs.narrow(0, i, 1), *injection)[0], features[i], 1e-4, 1e-5)) << i;
    }
    features.square().sum().backward();
    injection->parameters([](const std::string& parameter, Tensor& t) {
      ASSERT_TRUE(t.grad().defined()) << parameter;
      EXPECT_GT(t.grad().abs().max().item<double>(), 0) << parameter;
    });
    tower.parameters([](const std::string& parameter, Tensor& t) { EXPECT_FALSE(t.requires_grad()) << parameter; });
  }
}

TEST(Towers, EveryInjectionWorksOnImages) {
  const Clip clip = small_clip();
  expect_all_work(clip.image, clip.image.blocks_shape(), wide_images());
}

TEST(Towers, EveryInjectionWorksOnTexts) {
  const Clip clip = small_clip();
  expect_all_work(clip.text, clip.text.blocks_shape(), texts());
}

TEST(Towers, WhatStandsBehindTheEndIsNotSeen) {
  const Clip clip = small_clip();
  Tensor other = texts();
  other[0][5] = 17;  // no end token: smaller
  other[1][3] = 5;
  EXPECT_TRUE(torch::allclose(clip.text(texts()), clip.text(other), 1e-5, 1e-6));
  for (const auto& [name, injection] : one_of_each(clip.text.blocks_shape())) {
    disturb_strongly(*injection);
    EXPECT_TRUE(torch::allclose(clip.text(texts(), *injection), clip.text(other, *injection), 1e-5, 1e-5)) << name;
  }
}

TEST(Towers, PromptsThatStayMoveTheEndToken) {
  const Clip clip = small_clip();
  const Tensor prompts = at::rand({2, 3, 16}, at::detail::createCPUGenerator(2));
  const Tensor features = clip.text(texts(), PrependedPrompts(prompts));
  Tensor longer = texts().clone();  // more room behind the end token: the same text
  longer = at::cat({longer, torch::zeros({2, 2}, torch::kInt64)}, 1);
  EXPECT_TRUE(torch::allclose(clip.text(longer, PrependedPrompts(prompts)), features, 1e-5, 1e-6));
  EXPECT_FALSE(torch::allclose(features, clip.text(texts()), 1e-3, 1e-3));
  EXPECT_TRUE(torch::allclose(clip.text(texts(), PrependedPrompts(torch::zeros({2, 0, 16}))), clip.text(texts()), 1e-5, 1e-6));
}

TEST(Towers, InBfloat16Too) {
  const Clip clip = small_clip(), half = clip.to(torch::kCPU, torch::kBFloat16);
  const c10::InferenceMode inference;
  const auto near = [](const Tensor& a, const Tensor& b) { return at::cosine_similarity(a.to(torch::kFloat32), b).min().item<double>(); };
  EXPECT_GT(near(half.image(wide_images().to(torch::kBFloat16)), clip.image(wide_images())), 0.999);
  EXPECT_GT(near(half.text(texts()), clip.text(texts())), 0.999);
}

}  // namespace
}  // namespace clb::nn
