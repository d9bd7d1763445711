// CLIP's towers out of named tensors, checked by base::clip_shape.
#include <clb/base/clip_weights.hpp>
#include <clb/base/json.hpp>
#include <clb/nn/rng.hpp>
#include <cmath>
#include <string_view>

#include "clb/nn/clip.hpp"
#include "header_entries.hpp"
#include "load.hpp"

namespace clb::nn {
namespace {

constexpr double kEps = 1e-5;

BlockStyle style_of(const ClipOptions& options, bool causal) {
  return {.eps = kEps, .activation = options.activation, .causal = causal, .bias = true};
}

base::ClipShape checked(const TensorMap& tensors, const ClipOptions& options, const std::string& name) {
  return base::clip_shape(header_entries(tensors), options.image_heads, options.text_heads, name);
}

ClipOptions options_of(const std::string& json, const std::string& name) {
  const VitOptions size = vit_options(json, name);
  const base::Json all = base::parse_json(json, name + ": options");
  const bool openai = all.value("format", "") == "openai_clip";
  return {.activation = openai ? Activation::kQuickGelu : Activation::kGelu,
          .image_heads = size.heads,
          .text_heads = all.value("text_heads", int64_t{0}),
          .image = size.image,
          .pos_antialias = size.pos_antialias,
          .grid = 0};
}

torch::Tensor draw(const std::string& name, torch::IntArrayRef sizes, int64_t seed) {
  const std::string_view view = name;
  if (view == "logit_scale") return torch::full(sizes, std::log(1 / 0.07));
  if (view.ends_with("bias")) return torch::zeros(sizes);
  if (view.find("ln_") != view.npos) return torch::ones(sizes);
  const bool wide = sizes.size() > 1 && view.find("embedding") == view.npos;
  const bool from_right = view.ends_with("proj") || view.ends_with("projection");  // [inputs, outputs]; other weights lie the other way
  const int64_t inputs = !wide ? 0 : from_right ? sizes[0] : c10::multiply_integers(sizes) / sizes[0];
  return normal(sizes, 0, wide ? 1 / std::sqrt(static_cast<double>(inputs)) : 0.02, generator_of(seed, name));
}

}  // namespace

ClipImage::ClipImage(const TensorMap& tensors, const ClipOptions& options, const std::string& name) {
  const base::ClipShape found = checked(tensors, options, name);
  const VitOptions size{.heads = 0, .image = options.image, .pos_antialias = options.pos_antialias, .grid = options.grid};
  const ImageSize grid = grid_of(found.image, size, name);
  shape_ = shape_of(found.image);
  embedding_ = PatchEmbedding(grid, shape_.channels, shape_.patch, shape_.dim, /*bias=*/false);
  norm_pre_ = LayerNorm(shape_.dim, kEps);
  blocks_ = Blocks(shape_, style_of(options, /*causal=*/false));
  norm_ = LayerNorm(shape_.dim, kEps);
  proj_ = torch::empty({shape_.dim, found.features});
  fill(*this, tensors, base::clip_image_name);
  shape_.image = options.image == ImageSize() ? ImageSize(grid.height * shape_.patch, grid.width * shape_.patch) : options.image;
  embedding_.fit_to(shape_.image, options.pos_antialias);
}

ClipImage ClipImage::to(torch::Device device, torch::ScalarType dtype) const { return moved(*this, device, dtype); }

ClipText::ClipText(const TensorMap& tensors, const ClipOptions& options, const std::string& name) {
  const base::ClipShape found = checked(tensors, options, name);
  shape_ = {.dim = found.text_dim, .depth = found.text_depth, .heads = found.text_heads, .mlp = found.text_mlp};
  token_embedding_ = torch::empty({found.vocabulary, shape_.dim});
  pos_embed_ = torch::empty({1, found.context, shape_.dim});
  blocks_ = Blocks(shape_, style_of(options, /*causal=*/true));
  norm_ = LayerNorm(shape_.dim, kEps);
  proj_ = torch::empty({shape_.dim, found.features});
  fill(*this, tensors, base::clip_text_name);
}

ClipText ClipText::to(torch::Device device, torch::ScalarType dtype) const { return moved(*this, device, dtype); }

Clip::Clip(const TensorMap& tensors, const ClipOptions& options, const std::string& name)
    : image(tensors, options, name), text(tensors, options, name), logit_scale(tensors.at("logit_scale").detach().clone().reshape({})) {}

Clip Clip::to(torch::Device device, torch::ScalarType dtype) const { return moved(*this, device, dtype); }

TensorMap random_clip(const ClipShape& s, int64_t seed) {
  const base::ClipShape in_file{.image = shape_in_file(s.image),
                                .text_dim = s.text_dim,
                                .text_depth = s.text_depth,
                                .text_heads = s.text_heads,
                                .text_mlp = s.text_mlp,
                                .context = s.context,
                                .vocabulary = s.vocabulary,
                                .features = s.features};
  TensorMap tensors;
  for (const base::NamedSizes& tensor : base::clip_tensors(in_file)) tensors[tensor.name] = draw(tensor.name, tensor.sizes, seed);
  return tensors;
}

Clip read_clip(std::span<const uint8_t> file, const std::string& options, const std::string& name) {
  return Clip(read_safetensors(file, name), options_of(options, name), name);
}

}  // namespace clb::nn
