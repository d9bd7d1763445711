#include <algorithm>
#include <array>
#include <clb/base/clip_weights.hpp>
#include <clb/base/error.hpp>
#include <clb/base/vit_weights.hpp>
#include <optional>
#include <set>
#include <string_view>

#include "tensor_names.hpp"

namespace clb::base {

namespace {

using Tensors = std::map<std::string, TensorEntry>;
using Names = std::vector<std::string>;

bool is_head(std::string_view name) { return name.starts_with("head."); }

const std::set<std::string, std::less<>>& outer_members() {
  static const std::set<std::string, std::less<>> names{"cls_token",   "pos_embed", "patch_embed.proj.weight", "patch_embed.proj.bias",
                                                        "norm.weight", "norm.bias"};
  return names;
}

const std::set<std::string, std::less<>>& block_members() {
  static const std::set<std::string, std::less<>> names = [] {
    std::set<std::string, std::less<>> members;
    for (const NamedSizes& tensor : vit_tensors({.depth = 1}))
      if (tensor.name.starts_with("blocks.0.")) members.insert(tensor.name.substr(9));
    return members;
  }();
  return names;
}

// 3 of "blocks.3.norm1.weight"; nothing for another name.
std::optional<int64_t> block_of(std::string_view name) {
  constexpr std::string_view kBlocks = "blocks.";
  if (!name.starts_with(kBlocks)) return std::nullopt;
  name.remove_prefix(kBlocks.size());
  const size_t dot = name.find('.');
  if (dot == name.npos || dot == 0 || dot > 4 || !block_members().contains(name.substr(dot + 1))) return std::nullopt;
  const std::string digits(name.substr(0, dot));
  if (digits.find_first_not_of("0123456789") != digits.npos || (digits.size() > 1 && digits[0] == '0')) return std::nullopt;
  return std::stoll(digits);
}

bool in_network(std::string_view name) { return outer_members().contains(name) || block_of(name); }

// What stands before every name of the network: "module." of DataParallel, "backbone." or "model." of a whole that it is a part of.
void refuse_prefix(const Tensors& tensors, const std::string& name) {
  constexpr std::string_view kPatch = "patch_embed.proj.weight";
  if (tensors.contains(std::string(kPatch))) return;
  for (const auto& [key, entry] : tensors) {
    if (!key.ends_with("." + std::string(kPatch))) continue;
    const std::string prefix = key.substr(0, key.size() - kPatch.size());
    const auto with = static_cast<size_t>(
        std::count_if(tensors.begin(), tensors.end(), [&](const auto& tensor) { return tensor.first.starts_with(prefix); }));
    const bool all = with == tensors.size();
    throw Error(name + ": " +
                (all ? "every name" : "the names of the network (" + std::to_string(with) + " of " + std::to_string(tensors.size()) + ")") +
                (all ? " begins" : " begin") + " with \"" + prefix + "\"; save " + (all ? "the tensors" : "those tensors alone") +
                " without it: {k.removeprefix(\"" + prefix + "\"): v for k, v in tensors.items()" +
                (all ? "" : " if k.startswith(\"" + prefix + "\")") + "}");
  }
}

struct Hint {
  std::string_view part;  // of a name
  const char* meaning;
};

constexpr std::array kHints{
    Hint{"dist_token", "a distilled DeiT has a second token"},
    Hint{"reg_token", "register tokens"},
    Hint{"register_tokens", "register tokens"},
    Hint{"fc_norm.", "a network that averages its patches (global_pool = \"avg\") in place of a class token"},
    Hint{"norm_pre.", "a norm before the blocks"},
    Hint{".ls1.", "layer scale"},
    Hint{".gamma_1", "layer scale"},
    Hint{".q_norm.", "normalised queries and keys"},
    Hint{".q_bias", "a BEiT"},
    Hint{"relative_position", "relative positions"},
    Hint{"mask_token", "a token of pre-training, which may be left out of the file"},
    Hint{"decoder_", "a decoder of pre-training, which may be left out of the file"},
    Hint{"head_dist.", "a head, which may be left out of the file"},
};

std::string meaning_of(const Names& names) {
  std::string meanings;
  for (const Hint& hint : kHints) {
    const auto has = [&](const std::string& name) { return ("." + name).find(hint.part) != std::string::npos; };
    if (std::none_of(names.begin(), names.end(), has) || meanings.find(hint.meaning) != std::string::npos) continue;
    meanings += (meanings.empty() ? " (" : "; ") + std::string(hint.meaning);
  }
  return meanings.empty() ? "" : meanings + ")";
}

void refuse_unknown(const Tensors& tensors, const std::string& name) {
  Names unknown;
  size_t known = 0;
  for (const auto& [key, entry] : tensors) {
    if (in_network(key)) {
      ++known;
    } else if (!is_head(key)) {
      unknown.push_back(key);
    }
  }
  if (tensors.empty()) throw Error(name + ": holds no tensors; a ViT with timm's names was expected");
  if (known == 0 && !unknown.empty())
    throw Error(name + ": holds no tensor of a ViT with timm's names (cls_token, pos_embed, blocks.0.norm1.weight, ...), but " +
                listed(unknown, "", "") + "; tools/convert_weights.py knows the names of Hugging Face, Google and others");
  if (!unknown.empty())
    throw Error(name + ": " + listed(unknown, "has", "have") + " no place in a plain ViT" + meaning_of(unknown) +
                (unknown.size() == 1 ? "; leaving it out" : "; leaving them out") +
                " would compute another network; choose weights of a plain ViT");
}

// How many blocks there are; a block that is not there at all is named as such.
int64_t depth_of(const Tensors& tensors, const std::string& name) {
  std::set<int64_t> blocks;
  for (const auto& [key, entry] : tensors)
    if (const auto block = block_of(key)) blocks.insert(*block);
  if (blocks.empty()) throw Error(name + ": tensor 'blocks.0.norm1.weight' is missing; a ViT with timm's names was expected");
  const int64_t last = *blocks.rbegin();
  for (int64_t i = 0; i < last; ++i)
    if (!blocks.contains(i))
      throw Error(name + ": block " + std::to_string(i) + " is missing (blocks." + std::to_string(i) +
                  ".*), though the file goes up to block " + std::to_string(last) + "; get the whole file");
  return last + 1;
}

void require_all(const Tensors& tensors, int64_t depth, const std::string& name) {
  Names missing, of_another_type;
  bool only_qkv_bias = true;
  for (const NamedSizes& wanted : vit_tensors({.depth = depth})) {
    if (tensors.contains(wanted.name)) continue;
    missing.push_back(wanted.name);
    only_qkv_bias = only_qkv_bias && wanted.name.ends_with(".attn.qkv.bias");
  }
  if (!missing.empty())
    throw Error(name + ": " + listed(missing, "is", "are") + " missing; a ViT with timm's names was expected" +
                (only_qkv_bias ? ", with a bias at qkv" : ""));
  for (const auto& [key, entry] : tensors)
    if (!is_floating(entry.dtype)) of_another_type.push_back(key);
  if (!of_another_type.empty())
    throw Error(name + ": " + listed(of_another_type, "holds", "hold") + " no floating-point numbers that are read here (" +
                tensors.at(of_another_type[0]).dtype + "); store them as F32, F16 or BF16");
}

const std::vector<int64_t>& sizes_of(const Tensors& tensors, const std::string& key, size_t dims, const std::string& name) {
  const std::vector<int64_t>& sizes = tensors.at(key).shape;
  if (sizes.size() != dims || std::find(sizes.begin(), sizes.end(), 0) != sizes.end())
    throw Error(name + ": tensor '" + key + "' has shape " + sizes_text(sizes) + ", expected " + std::to_string(dims) +
                " non-empty dimensions");
  return sizes;
}

// The grid of patches, see vit_shape.
ImageSize grid_of(const std::vector<int64_t>& positions, int64_t dim, const std::string& name) {
  const ImageSize grid = grid_of_positions(positions[1]);
  if (grid.area() > 0) return grid;
  throw Error(name + ": tensor 'pos_embed' has shape " + sizes_text(positions) + ", expected [1, 1 + h*w, " + std::to_string(dim) +
              "] for a grid of h x w patches and the class token");
}

}  // namespace

std::vector<NamedSizes> vit_tensors(const VitShape& shape) {
  const int64_t d = shape.dim, m = shape.mlp;
  std::vector<NamedSizes> tensors{{"cls_token", {1, 1, d}},
                                  {"pos_embed", {1, shape.tokens(), d}},
                                  {"patch_embed.proj.weight", {d, shape.channels, shape.patch, shape.patch}},
                                  {"patch_embed.proj.bias", {d}}};
  for (int64_t i = 0; i < shape.depth; ++i) {
    const std::string at = "blocks." + std::to_string(i) + ".";
    for (const NamedSizes& member : std::initializer_list<NamedSizes>{{"norm1.weight", {d}},
                                                                      {"norm1.bias", {d}},
                                                                      {"attn.qkv.weight", {3 * d, d}},
                                                                      {"attn.qkv.bias", {3 * d}},
                                                                      {"attn.proj.weight", {d, d}},
                                                                      {"attn.proj.bias", {d}},
                                                                      {"norm2.weight", {d}},
                                                                      {"norm2.bias", {d}},
                                                                      {"mlp.fc1.weight", {m, d}},
                                                                      {"mlp.fc1.bias", {m}},
                                                                      {"mlp.fc2.weight", {d, m}},
                                                                      {"mlp.fc2.bias", {d}}})
      tensors.push_back({at + member.name, member.sizes});
  }
  tensors.push_back({"norm.weight", {d}});
  tensors.push_back({"norm.bias", {d}});
  return tensors;
}

VitShape vit_shape(const Tensors& tensors, int64_t heads, const std::string& name) {
  if (looks_like_clip(tensors))
    throw Error(name + ": holds a CLIP, and a plain ViT was expected; choose weights of a ViT, or a method that has a text tower");
  refuse_prefix(tensors, name);
  refuse_unknown(tensors, name);
  VitShape shape;
  shape.depth = depth_of(tensors, name);
  require_all(tensors, shape.depth, name);
  const auto& patch = sizes_of(tensors, "patch_embed.proj.weight", 4, name);
  shape.dim = patch[0];
  shape.channels = patch[1];
  shape.patch = patch[2];
  shape.mlp = sizes_of(tensors, "blocks.0.mlp.fc1.weight", 2, name)[0];
  const ImageSize grid = grid_of(sizes_of(tensors, "pos_embed", 3, name), shape.dim, name);
  shape.image = {grid.height * shape.patch, grid.width * shape.patch};
  for (const NamedSizes& wanted : vit_tensors(shape))
    if (const auto& sizes = tensors.at(wanted.name).shape; sizes != wanted.sizes)
      throw Error(name + ": tensor '" + wanted.name + "' has shape " + sizes_text(sizes) + ", expected " + sizes_text(wanted.sizes));
  shape.heads = heads > 0 ? heads : std::max<int64_t>(1, shape.dim / 64);
  if (shape.dim % shape.heads != 0)
    throw Error(name + ": the width " + std::to_string(shape.dim) + " cannot be divided among " + std::to_string(shape.heads) +
                " attention heads; say with heads = N how many there are");
  return shape;
}

std::string size_text(ImageSize size) {
  return size.square() ? "side " + std::to_string(size.height) : std::to_string(size.height) + " x " + std::to_string(size.width);
}

void check_image_size(const VitShape& shape, ImageSize image, const std::string& name) {
  const int64_t p = shape.patch, patches = shape.grid().area();
  if (image.height % p != 0 || image.width % p != 0)
    throw Error(name + ": images of " + size_text(image) + " cannot be cut into patches of side " + std::to_string(p) +
                "; choose a multiple");
  const int64_t wanted = image.height / p * (image.width / p);
  if (!shape.grid().square() && wanted != patches)
    throw Error(
        name + ": it has positions for " + std::to_string(patches) + " patches, which are no square grid, and images of " +
        size_text(image) + " have " + std::to_string(wanted) + " patches of side " + std::to_string(p) +
        (wanted == patches + 1 ? "; the class token's position seems to be missing" : "; choose images of the size that it was made for"));
}

}  // namespace clb::base
