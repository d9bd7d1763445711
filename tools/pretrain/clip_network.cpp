#include "clip_network.hpp"

#include <clb/base/clip_weights.hpp>
#include <clb/nn/rng.hpp>
#include <clb/nn/tensors.hpp>
#include <cmath>

#include "network.hpp"

namespace clb::pretrain {
namespace {

using torch::Tensor;

// Blocks of a ViT of these sizes, by Xavier's rule, under the names of a tower.
void add_blocks(nn::TensorMap& to, const nn::VitShape& shape, int64_t seed, std::string (*name)(const std::string&)) {
  for (const auto& [own, tensor] : nn::random_vit(shape, seed))
    if (own.starts_with("blocks.") || own.starts_with("norm.")) to[name(own)] = tensor;
}

}  // namespace

nn::Clip initial_clip(const Recipe& recipe, int64_t vocabulary) {
  const NetworkRecipe& n = recipe.network;
  const TextRecipe& t = *recipe.text;
  const nn::VitShape image{.image = formula::kSide, .patch = n.patch, .dim = n.dim, .depth = n.depth, .heads = n.heads, .mlp = 4 * n.dim};
  const nn::VitShape text{.image = 1, .patch = 1, .dim = t.dim, .depth = t.depth, .heads = t.heads, .mlp = 4 * t.dim};
  nn::TensorMap tensors;
  const auto drawn = [&](const std::string& name, torch::IntArrayRef sizes, double deviation) {
    tensors[name] = nn::normal(sizes, 0, deviation, generator_of(recipe.seed, "clip." + name));
  };
  const double inputs = 3.0 * static_cast<double>(n.patch * n.patch);  // of a patch
  const double wide = 1 / std::sqrt(static_cast<double>(n.dim)), narrow = 1 / std::sqrt(static_cast<double>(t.dim));
  drawn("visual.conv1.weight", {n.dim, 3, n.patch, n.patch}, 1 / std::sqrt(inputs));
  drawn("visual.class_embedding", {n.dim}, wide);
  tensors["visual.positional_embedding"] = sine_cosine_positions(image.grid().height, n.dim, n.position_scale).squeeze(0);
  tensors["visual.ln_pre.weight"] = torch::ones({n.dim});
  tensors["visual.ln_pre.bias"] = torch::zeros({n.dim});
  add_blocks(tensors, image, recipe.seed, base::clip_image_name);
  drawn("visual.proj", {n.dim, t.features}, wide);
  drawn("token_embedding.weight", {vocabulary, t.dim}, 0.02);
  drawn("positional_embedding", {t.context, t.dim}, 0.01);
  add_blocks(tensors, text, recipe.seed + 1, base::clip_text_name);
  drawn("text_projection", {t.dim, t.features}, narrow);
  tensors["logit_scale"] = torch::tensor(static_cast<float>(-std::log(t.temperature)));
  return nn::Clip(tensors, {.image_heads = n.heads, .text_heads = t.heads}, "initial weights");
}

nn::Clip leaves_of(const nn::Clip& clip, torch::ScalarType type) {
  nn::Clip copy = clip;
  copy.parameters(
      [&](const std::string& name, Tensor& t) { t = (name == "logit_scale" ? t.detach() : t.detach().to(type)).requires_grad_(); });
  return copy;
}

Tensor image_features(const nn::ClipImage& tower, const Tensor& images, const Tensor& kept) {
  Tensor tokens = tower.embed(images.to(tower.blocks()[0].norm1.weight.scalar_type()));
  if (kept.defined()) tokens = tokens.gather(1, kept.unsqueeze(2).expand({-1, -1, tokens.size(2)}));
  return nn::unit_rows(tower.project(tower.norm(tower.blocks().first_row(tokens))).to(torch::kFloat32));
}

Tensor text_features(const nn::ClipText& tower, const Tensor& ids) {
  return nn::unit_rows(tower.of_embedded(tower.embed(ids), nn::ClipText::ends(ids)).to(torch::kFloat32));
}

nn::TensorMap in_file(nn::Clip& clip) {
  nn::TensorMap tensors;
  clip.parameters([&](const std::string& name, Tensor& t) {
    if (name == "logit_scale") {
      tensors[name] = t.detach();
    } else if (name.starts_with("image.")) {
      tensors[base::clip_image_name(name.substr(6))] = t.detach();
    } else {
      tensors[base::clip_text_name(name.substr(5))] = t.detach();
    }
  });
  for (const char* name : {"visual.class_embedding", "visual.positional_embedding", "positional_embedding"}) {
    Tensor& t = tensors.at(name);  // ours have leading dimensions of 1
    t = name == std::string("visual.class_embedding") ? t.flatten() : t.flatten(0, 1);
  }
  return tensors;
}

}  // namespace clb::pretrain
