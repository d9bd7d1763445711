// The five tuners in one class: how many numbers are trained, what the features are, what stays as it is.
#include <clb/base/error.hpp>
#include <clb/nn/tuned_vit.hpp>

#include "golden_modules.hpp"

namespace clb::nn {
namespace {

using golden::any_numbers;
using golden::parameters_of;
using torch::Tensor;

constexpr VitShape kSmall{.image = 16, .patch = 8, .dim = 24, .depth = 3, .heads = 3, .mlp = 96};

Vit small() { return Vit(random_vit(kSmall, 1), {.heads = kSmall.heads}); }

// APER's table: at ViT-B/16 and 224 pixels 1,189,632 / 205,824 / 46,080 / 3,840 / 85,798,656.
TEST(TunedVit, NumbersOfTrainedParameters) {
  for (const int64_t d : {int64_t{192}, int64_t{768}}) {
    const VitShape shape{.dim = d, .heads = d / 64, .mlp = 4 * d};
    const Vit vit(random_vit(shape, 0));
    const auto trained = [&](const std::string& tuner) {
      TunedVit tuned(vit, {.tuner = tuner}, any_numbers());
      EXPECT_EQ(tuned.plain(), tuner == "none");
      return trained_numbers(tuned);
    };
    const int64_t depth = 12, r = 64, prompts = 5;
    EXPECT_EQ(trained("none"), 0);
    EXPECT_EQ(trained("adapter"), depth * (2 * d * r + r + d));
    EXPECT_EQ(trained("ssf"), 2 * d * (2 + 11 * depth));
    EXPECT_EQ(trained("vpt_deep"), depth * prompts * d);
    EXPECT_EQ(trained("vpt_shallow"), prompts * d);
    const int64_t patch = 3 * 16 * 16, tokens = 1 + 14 * 14;
    EXPECT_EQ(trained("finetune"), depth * (12 * d * d + 13 * d) + d * (patch + 1) + d * tokens + d + 2 * d);
    if (d != 768) continue;
    EXPECT_EQ(trained("adapter"), 1'189'632);
    EXPECT_EQ(trained("ssf"), 205'824);
    EXPECT_EQ(trained("vpt_deep"), 46'080);
    EXPECT_EQ(trained("vpt_shallow"), 3'840);
    EXPECT_EQ(trained("finetune"), 85'798'656);
  }
}

// Adapter and finetune begin as the network itself, scale-and-shift and prompts do not.
TEST(TunedVit, StartsAsTheChapterSays) {
  const Vit vit = small();
  const Tensor images = at::rand({2, 3, 16, 16}), feature = vit.cls(images), blocks = vit.cls_of_blocks(images, 1);
  for (const std::string tuner : {"none", "finetune", "adapter", "ssf", "vpt_deep", "vpt_shallow"}) {
    const TunedVit tuned(vit, {.tuner = tuner}, any_numbers());
    const bool same = tuner == "none" || tuner == "finetune" || tuner == "adapter";
    EXPECT_EQ(torch::allclose(tuned.cls(images), feature, 1e-4, 1e-5), same) << tuner;
    EXPECT_EQ(torch::allclose(tuned.cls_of_blocks(images, 1), blocks, 1e-4, 1e-5), same) << tuner;
  }
}

TEST(TunedVit, LearnsAloneAndIsFrozenThenAndCopied) {
  Vit vit = small();
  const Tensor images = at::rand({2, 3, 16, 16});
  for (const std::string tuner : {"finetune", "adapter", "ssf", "vpt_deep", "vpt_shallow"}) {
    TunedVit tuned(vit, {.tuner = tuner, .prompt_zero_init = false}, any_numbers());
    tuned.cls(images).square().sum().backward();
    for (const auto& [name, t] : parameters_of(tuned)) EXPECT_TRUE(t.grad().defined()) << tuner << " " << name;
    for (const auto& [name, t] : parameters_of(vit)) EXPECT_FALSE(t.requires_grad() || t.grad().defined()) << tuner << " " << name;
    TunedVit copy = copy_of(tuned);
    const Tensor before = tuned.cls(images).detach();
    {
      const torch::NoGradGuard no_grad;
      for (auto& [name, t] : parameters_of(copy)) t.add_(at::randn_like(t));
    }
    EXPECT_TRUE(torch::equal(tuned.cls(images), before)) << tuner;
    EXPECT_FALSE(torch::allclose(copy.cls(images), before)) << tuner;
    freeze(tuned);
    EXPECT_EQ(trained_numbers(tuned), 0) << tuner;
    EXPECT_TRUE(torch::allclose(tuned.cls(images), before, 1e-5, 1e-6)) << tuner;
  }
}

TEST(TunedVit, DropoutIsTheAdaptersAndInTrainingOnly) {
  const Vit vit = small();
  const Tensor images = at::rand({2, 3, 16, 16});
  TunedVit tuned(vit, {.tuner = "adapter", .bottleneck = 5, .adapter_dropout = 0.5}, any_numbers());
  tuned.parameters([](const std::string&, Tensor& t) { t = torch::ones_like(t); });
  const Tensor still = tuned.cls(images);
  EXPECT_TRUE(torch::equal(tuned.cls(images), still));
  tuned.train(true);
  EXPECT_FALSE(torch::allclose(tuned.cls(images), still));
  tuned.train(false);
  EXPECT_TRUE(torch::equal(tuned.cls(images), still));
}

TEST(TunedVit, NamesATunerThatItDoesNotKnow) {
  try {
    TunedVit(small(), {.tuner = "lora"}, any_numbers());
    ADD_FAILURE();
  } catch (const base::Error& e) {
    EXPECT_NE(std::string(e.what()).find("unknown tuner 'lora'"), std::string::npos) << e.what();
  }
}

}  // namespace
}  // namespace clb::nn
