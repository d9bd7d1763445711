// A ViT out of named tensors, checked by base::vit_shape; positions adapted to other images; a fresh one drawn.
#include <clb/base/json.hpp>
#include <clb/base/sha256.hpp>
#include <clb/nn/rng.hpp>
#include <cmath>
#include <string_view>

#include "clb/nn/vit.hpp"
#include "header_entries.hpp"
#include "vit_parameters.hpp"

namespace clb::nn {
namespace {

// The first 8 bytes of SHA-256(seed, name).
uint64_t seed_of(int64_t seed, const std::string& name) {
  const base::Digest digest = base::Sha256().update_u64(static_cast<uint64_t>(seed)).update(name).finish();
  uint64_t value = 0;
  for (int i = 0; i < 8; ++i) value |= uint64_t{digest[i]} << (8 * i);
  return value;
}

torch::Tensor draw(const std::string& name, torch::IntArrayRef sizes, int64_t seed) {
  const std::string_view view = name;
  if (view.ends_with("bias")) return torch::zeros(sizes);
  if (view.find("norm") != view.npos) return torch::ones(sizes);
  at::Generator generator = at::detail::createCPUGenerator(seed_of(seed, name));
  if (name == "cls_token" || name == "pos_embed") return normal(sizes, 0, 0.02, generator);
  if (name == "patch_embed.proj.weight")
    return normal(sizes, 0, 1 / std::sqrt(static_cast<double>(sizes[1] * sizes[2] * sizes[3])), generator);
  const double bound = std::sqrt(6.0 / static_cast<double>(sizes[0] + sizes[1]));
  return uniform(sizes, -bound, bound, generator);
}

}  // namespace

torch::Tensor interpolate_positions(const torch::Tensor& pos_embed, int64_t grid, bool antialias) {
  const int64_t d = pos_embed.size(2), old = std::lround(std::sqrt(static_cast<double>(pos_embed.size(1) - 1)));
  torch::Tensor cls = pos_embed.narrow(1, 0, 1);
  torch::Tensor rows = pos_embed.narrow(1, 1, old * old).to(torch::kFloat32).reshape({1, old, old, d}).permute({0, 3, 1, 2});
  rows = antialias ? at::_upsample_bicubic2d_aa(rows, {grid, grid}, /*align_corners=*/false)
                   : at::upsample_bicubic2d(rows, {grid, grid}, /*align_corners=*/false);
  rows = rows.permute({0, 2, 3, 1}).reshape({1, grid * grid, d}).to(pos_embed.scalar_type());
  return torch::cat({cls, rows}, 1);
}

Vit::Vit(const TensorMap& tensors, const VitOptions& options, const std::string& name) {
  const base::VitShape found = base::vit_shape(header_entries(tensors), options.heads, name);
  shape_ = {.image = found.image,
            .patch = found.patch,
            .channels = found.channels,
            .dim = found.dim,
            .depth = found.depth,
            .heads = found.heads,
            .mlp = found.mlp};
  p_.blocks.resize(static_cast<size_t>(shape_.depth));
  visit_parameters(p_, shape_, [&](const std::string& key, torch::Tensor& slot, torch::IntArrayRef) {
    // A copy: the source may be a read-only mapping that goes away, and training writes in place.
    slot = tensors.at(key).detach().clone(torch::MemoryFormat::Contiguous);
  });
  if (options.image > 0 && options.image != shape_.image) {
    base::check_image_side(found, options.image, name);
    shape_.image = options.image;
    p_.pos_embed = interpolate_positions(p_.pos_embed, shape_.grid(), options.pos_antialias);
  }
}

Vit Vit::to(torch::Device device, torch::ScalarType dtype) const {
  Vit moved = *this;
  moved.parameters([&](const std::string&, torch::Tensor& t) { t = t.to(device, dtype); });
  return moved;
}

void Vit::parameters(const ParameterVisitor& visit) {
  visit_parameters(p_, shape_, [&](const std::string& name, torch::Tensor& t, torch::IntArrayRef) { visit(name, t); });
}

Vit read_vit(std::span<const uint8_t> file, const std::string& options, const std::string& name) {
  const base::Json json = base::parse_json(options, name + ": options");
  return Vit(read_safetensors(file, name),
             {.heads = json.at("heads"), .image = json.at("image_size"), .pos_antialias = json.at("pos_antialias")}, name);
}

TensorMap random_vit(const VitShape& shape, int64_t seed) {
  TensorMap tensors;
  VitParameters names;
  names.blocks.resize(shape.depth);
  visit_parameters(names, shape,
                   [&](const std::string& name, torch::Tensor&, torch::IntArrayRef sizes) { tensors[name] = draw(name, sizes, seed); });
  return tensors;
}

}  // namespace clb::nn
