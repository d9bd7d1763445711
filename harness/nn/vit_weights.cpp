// A ViT out of named tensors, checked by base::vit_shape; a fresh one drawn.
#include <clb/nn/rng.hpp>
#include <cmath>
#include <string_view>

#include "clb/nn/vit.hpp"
#include "header_entries.hpp"
#include "load.hpp"

namespace clb::nn {
namespace {

torch::Tensor draw(const std::string& name, torch::IntArrayRef sizes, int64_t seed) {
  const std::string_view view = name;
  if (view.ends_with("bias")) return torch::zeros(sizes);
  if (view.find("norm") != view.npos) return torch::ones(sizes);
  at::Generator generator = generator_of(seed, name);
  if (name == "cls_token" || name == "pos_embed") return normal(sizes, 0, 0.02, generator);
  if (name == "patch_embed.proj.weight")
    return normal(sizes, 0, 1 / std::sqrt(static_cast<double>(sizes[1] * sizes[2] * sizes[3])), generator);
  const double bound = std::sqrt(6.0 / static_cast<double>(sizes[0] + sizes[1]));
  return uniform(sizes, -bound, bound, generator);
}

}  // namespace

Vit::Vit(const TensorMap& tensors, const VitOptions& options, const std::string& name) {
  const base::VitShape found = base::vit_shape(header_entries(tensors), options.heads, name);
  const ImageSize grid = grid_of(found, options, name);
  shape_ = shape_of(found);
  embedding_ = PatchEmbedding(grid, shape_.channels, shape_.patch, shape_.dim, /*bias=*/true);
  blocks_ = Blocks(shape_, {});
  norm_ = LayerNorm(shape_.dim, BlockStyle().eps);
  fill(*this, tensors);
  shape_.image = options.image == ImageSize() ? ImageSize(grid.height * shape_.patch, grid.width * shape_.patch) : options.image;
  embedding_.fit_to(shape_.image, options.pos_antialias);
}

Vit Vit::to(torch::Device device, torch::ScalarType dtype) const { return moved(*this, device, dtype); }

Vit read_vit(std::span<const uint8_t> file, const std::string& options, const std::string& name) {
  return Vit(read_safetensors(file, name), vit_options(options, name), name);
}

TensorMap random_vit(const VitShape& shape, int64_t seed) {
  TensorMap tensors;
  for (const base::NamedSizes& tensor : base::vit_tensors(shape_in_file(shape)))
    tensors[tensor.name] = draw(tensor.name, tensor.sizes, seed);
  return tensors;
}

}  // namespace clb::nn
