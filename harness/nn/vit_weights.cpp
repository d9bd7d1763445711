// A ViT out of named tensors: deduce the shape, check every tensor, adapt the positions, draw a fresh one.
#include <algorithm>
#include <clb/base/error.hpp>
#include <clb/base/json.hpp>
#include <clb/base/sha256.hpp>
#include <clb/nn/rng.hpp>
#include <cmath>
#include <set>
#include <string_view>

#include "clb/nn/vit.hpp"
#include "vit_parameters.hpp"

namespace clb::nn {
namespace {

std::string text(torch::IntArrayRef sizes) {
  std::string s = "[";
  for (size_t i = 0; i < sizes.size(); ++i) s += (i ? ", " : "") + std::to_string(sizes[i]);
  return s + "]";
}

const torch::Tensor& find(const TensorMap& tensors, const std::string& key, const std::string& name) {
  const auto it = tensors.find(key);
  if (it == tensors.end()) throw base::Error(name + ": tensor '" + key + "' is missing; a ViT with timm's names was expected");
  if (!it->second.is_floating_point()) throw base::Error(name + ": tensor '" + key + "' holds no floating-point numbers");
  return it->second;
}

const torch::Tensor& find_with_dims(const TensorMap& tensors, const std::string& key, int64_t dims, const std::string& name) {
  const torch::Tensor& t = find(tensors, key, name);
  if (t.dim() != dims || t.numel() == 0) {
    throw base::Error(name + ": tensor '" + key + "' has shape " + text(t.sizes()) + ", expected " + std::to_string(dims) +
                      " non-empty dimensions");
  }
  return t;
}

int64_t depth_of(const TensorMap& tensors) {
  int64_t depth = 0;
  while (tensors.contains("blocks." + std::to_string(depth) + ".norm1.weight")) ++depth;
  return depth;
}

VitShape deduce(const TensorMap& tensors, int64_t heads, const std::string& name) {
  const torch::Tensor& patch = find_with_dims(tensors, "patch_embed.proj.weight", 4, name);
  const torch::Tensor& pos = find_with_dims(tensors, "pos_embed", 3, name);
  VitShape shape;
  shape.dim = patch.size(0);
  shape.channels = patch.size(1);
  shape.patch = patch.size(2);
  const auto grid = static_cast<int64_t>(std::lround(std::sqrt(static_cast<double>(pos.size(1) - 1))));
  if (grid < 1 || grid * grid != pos.size(1) - 1) {
    throw base::Error(name + ": tensor 'pos_embed' has shape " + text(pos.sizes()) + ", expected [1, 1 + g*g, " +
                      std::to_string(shape.dim) + "] for a square grid of g patches a side");
  }
  shape.image = grid * shape.patch;
  shape.depth = depth_of(tensors);
  if (shape.depth == 0) throw base::Error(name + ": tensor 'blocks.0.norm1.weight' is missing; a ViT with timm's names was expected");
  shape.mlp = find_with_dims(tensors, "blocks.0.mlp.fc1.weight", 2, name).size(0);
  shape.heads = heads > 0 ? heads : std::max<int64_t>(1, shape.dim / 64);
  if (shape.dim % shape.heads != 0) {
    throw base::Error(name + ": the width " + std::to_string(shape.dim) + " cannot be divided among " + std::to_string(shape.heads) +
                      " attention heads; say how many there are");
  }
  return shape;
}

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

Vit::Vit(const TensorMap& tensors, const VitOptions& options, const std::string& name) : shape_(deduce(tensors, options.heads, name)) {
  p_.blocks.resize(shape_.depth);
  std::set<std::string> known;
  visit_parameters(p_, shape_, [&](const std::string& key, torch::Tensor& slot, torch::IntArrayRef sizes) {
    const torch::Tensor& t = find(tensors, key, name);
    if (t.sizes() != sizes) {
      throw base::Error(name + ": tensor '" + key + "' has shape " + text(t.sizes()) + ", expected " + text(sizes));
    }
    // A copy: the source may be a read-only mapping that goes away, and training writes in place.
    slot = t.detach().clone(torch::MemoryFormat::Contiguous);
    known.insert(key);
  });
  for (const auto& [key, t] : tensors) {
    if (!known.contains(key) && !key.starts_with("head.")) {
      throw base::Error(name + ": tensor '" + key + "' has no place in a plain ViT; leaving it out would compute another network");
    }
  }
  if (options.image > 0 && options.image != shape_.image) {
    if (options.image % shape_.patch != 0) {
      throw base::Error(name + ": images of side " + std::to_string(options.image) + " cannot be cut into patches of side " +
                        std::to_string(shape_.patch) + "; choose a multiple");
    }
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
