// Both towers of CLIP against the reference, which is openai/CLIP: every intermediate of the fixture, features, logits, gradients.
#include <clb/base/clip_weights.hpp>
#include <clb/base/error.hpp>
#include <clb/nn/clip.hpp>
#include <clb/nn/prompt_tokens.hpp>
#include <clb/nn/tower.hpp>

#include "golden_modules.hpp"

namespace clb::nn {
namespace {

using golden::Golden;
using torch::Tensor;

ClipOptions options_of(const Golden& g, Activation activation) {
  const int64_t height = g["images"].size(2), width = g["images"].size(3), patch = g["param.visual.conv1.weight"].size(2);
  return {.activation = activation,
          .image_heads = g.config()["vheads"],
          .text_heads = g.config()["theads"],
          .image = {height, width},
          .pos_antialias = true,
          .grid = {height / patch, width / patch}};
}

Clip golden_clip(const Golden& g, Activation activation) {
  return Clip(g.with_prefix("param."), options_of(g, activation), g.path().string());
}

void compare_towers(Golden& g, const std::string& act, const Clip& clip) {
  const Tensor images = g["images"], ids = g["tokens"];
  Tensor x = clip.image.embed(images);
  g.close(act + ".visual.ln_pre", x, 2e-5);
  for (int64_t i = 0; i < clip.image.blocks().depth(); ++i)
    g.close(act + ".visual.block" + std::to_string(i), x = clip.image.blocks()[i](x), 2e-5);
  g.close(act + ".visual.ln_post", clip.image.norm(x.select(1, 0)), 7e-6);
  x = clip.text.with_positions(clip.text.embed(ids));
  for (int64_t i = 0; i < clip.text.blocks().depth(); ++i)
    g.close(act + ".text.block" + std::to_string(i), x = clip.text.blocks()[i](x), 2e-5);
  g.close(act + ".text.ln_final", clip.text.norm(x), 8e-6);
}

Tensor compare_features(Golden& g, const std::string& act, const Clip& clip, const Tensor& images) {
  const Tensor image = clip.image(images), text = clip.text(g["tokens"]), logits = clip.logits(image, text);
  g.close(act + ".image_features", image, 8e-6);
  g.close(act + ".text_features", text, 7e-6);
  g.close(act + ".logits_per_image", logits, 3e-5);
  g.close_to(act + ".image_features, hooks", g[act + ".image_features"], clip.image(images, Injection()), 8e-6);
  g.close_to(act + ".text_features, hooks", g[act + ".text_features"], clip.text(g["tokens"], Injection()), 7e-6);
  return logits;
}

TEST(ClipGolden, TowersLogitsAndGradients) {
  CLB_GOLDEN(g, "clip");
  for (const auto& [act, activation] : {std::pair("quick", Activation::kQuickGelu), std::pair("gelu", Activation::kGelu)}) {
    Clip clip = golden_clip(g, activation);
    compare_towers(g, act, clip);
    unfreeze(clip);
    const Tensor images = g["images"].requires_grad_(), logits = compare_features(g, act, clip, images);
    if (!g.has(std::string(act) + ".loss")) continue;
    g.close_to("quick.text_features_changed", g["quick.text_features_changed"], clip.text(g["tokens_changed"]), 7e-6);
    g.close("quick.text_features_changed", clip.text(g["tokens_changed"]), 7e-6);
    const Tensor loss = at::cross_entropy_loss(logits, g["labels"]);
    g.close("quick.loss", loss.reshape({1}), 6e-6);
    loss.backward();
    std::map<std::string, Tensor> gradients{{"images", images.grad()}, {"logit_scale", clip.logit_scale.grad()}};
    clip.image.parameters([&](const std::string& name, Tensor& t) { gradients[base::clip_image_name(name)] = t.grad(); });
    clip.text.parameters([&](const std::string& name, Tensor& t) { gradients[base::clip_text_name(name)] = t.grad(); });
    for (const auto& [name, want] : g.with_prefix("quick.grad."))
      g.close("quick.grad." + name, gradients.at(name).reshape(want.sizes()), 8e-6);
  }
  g.equal("causal_mask", causal_mask(g["causal_mask"].size(0), g["causal_mask"].size(1)));
  g.close("quickgelu.y", activate(Activation::kQuickGelu, g["quickgelu.x"]), 2e-5);
  g.close("gelu.x_y", activate(Activation::kGelu, g["quickgelu.x"]), 2e-5);
  g.expect_all_compared({"images", "tokens", "labels", "param.", "quickgelu.x"});
}

TEST(ClipGolden, ATowerGivesTheImageFeatures) {
  CLB_GOLDEN(g, "clip");
  const c10::InferenceMode inference;
  for (const char* format : {"openclip", "openai_clip"}) {
    const ClipOptions o = options_of(g, Activation::kGelu);
    const auto tower =
        make_tower(g.with_prefix("param."),
                   {.format = format, .heads = o.image_heads, .text_heads = o.text_heads, .image = o.image, .pos_antialias = true},
                   g.path().string(), torch::kCPU, torch::kFloat32);
    const std::string act = std::string(format) == "openclip" ? "gelu" : "quick";
    g.close(act + ".image_features", tower->compute("image", g["images"]), 8e-6);
    g.close(act + ".visual.ln_post", tower->compute("cls", g["images"]), 7e-6);
    const int64_t last = tower->shape().depth - 1;
    const Tensor rows = tower->cls_of_blocks(g["images"], last);
    g.close_to(act + " cls@last", g[act + ".visual.block" + std::to_string(last)].select(1, 0), rows.select(1, 0), 2e-5);
    EXPECT_THROW(tower->compute("text", g["images"]), base::Error);
  }
}

TEST(Clip, LearnedWordsGoThroughTheSameSteps) {
  CLB_GOLDEN(g, "clip");
  const Clip clip = golden_clip(g, Activation::kGelu);
  const Tensor ids = g["tokens"];
  EXPECT_TRUE(torch::allclose(clip.text.of_embedded(clip.text.embed(ids), ClipText::ends(ids)), clip.text(ids), 1e-5, 1e-6));
}

// The norm sees each token by itself, so prompts before it are normed prompts behind it. A ViT has none: both are the same.
TEST(Clip, EmbeddedPromptsPassTheNormBeforeTheFirstBlock) {
  CLB_GOLDEN(g, "clip");
  const Clip clip = golden_clip(g, Activation::kGelu);
  const auto drawn = [](int64_t dim) { return at::randn({3, 2, dim}, golden::generator(1)); };  // of each image its own
  const Tensor prompts = drawn(clip.image.dim()), weight = g["param.visual.ln_pre.weight"];
  const Tensor normed = at::layer_norm(prompts, weight.sizes(), weight, g["param.visual.ln_pre.bias"], 1e-5);
  const Tensor features = clip.image(g["images"], EmbeddedPrompts(prompts));
  EXPECT_TRUE(torch::allclose(features, clip.image(g["images"], PrependedPrompts(normed)), 1e-5, 1e-6));
  EXPECT_FALSE(torch::allclose(features, clip.image(g["images"]), 1e-2, 1e-2));
  EXPECT_TRUE(torch::equal(clip.image(g["images"], EmbeddedPrompts(prompts.narrow(1, 0, 0))), clip.image(g["images"], Injection())));

  const VitShape shape{.image = 16, .patch = 8, .dim = 24, .depth = 2, .heads = 3, .mlp = 48};
  const Vit vit(random_vit(shape, 1), {.heads = shape.heads});
  EXPECT_TRUE(torch::equal(vit.cls(g["images"], EmbeddedPrompts(drawn(24))), vit.cls(g["images"], PrependedPrompts(drawn(24)))));
}

TEST(Clip, RefusesWhatItCannotRead) {
  CLB_GOLDEN(g, "clip");
  const Clip clip = golden_clip(g, Activation::kGelu);
  EXPECT_THROW(clip.text(torch::full({1, 2}, clip.text.vocabulary())), base::Error);
  EXPECT_THROW(clip.text(torch::zeros({1, clip.text.context() + 1}, torch::kInt64)), base::Error);
  EXPECT_THROW(clip.image(torch::zeros({1, 3, 8, 8})), base::Error);
  TensorMap tensors = g.with_prefix("param.");
  tensors.erase("ln_final.bias");
  EXPECT_THROW((Clip(tensors, options_of(g, Activation::kGelu))), base::Error);
  tensors = g.with_prefix("param.");
  tensors["visual.ln_mid.weight"] = torch::ones(3);
  EXPECT_THROW((Clip(tensors, options_of(g, Activation::kGelu))), base::Error);
}

}  // namespace
}  // namespace clb::nn
