#include <algorithm>
#include <array>
#include <clb/base/clip_weights.hpp>
#include <clb/base/error.hpp>
#include <set>

#include "tensor_names.hpp"

namespace clb::base {
namespace {

using Tensors = std::map<std::string, TensorEntry>;

struct Renamed {
  const char *ours, *theirs;
};
constexpr std::array kInBlock{Renamed{"norm1.", "ln_1."}, Renamed{"attn.qkv.", "attn.in_proj_"}, Renamed{"attn.proj.", "attn.out_proj."},
                              Renamed{"norm2.", "ln_2."}, Renamed{"mlp.fc1.", "mlp.c_fc."},      Renamed{"mlp.fc2.", "mlp.c_proj."}};
constexpr std::array kImage{Renamed{"cls_token", "visual.class_embedding"},
                            Renamed{"pos_embed", "visual.positional_embedding"},
                            Renamed{"patch_embed.proj.weight", "visual.conv1.weight"},
                            Renamed{"norm_pre.", "visual.ln_pre."},
                            Renamed{"norm.", "visual.ln_post."},
                            Renamed{"proj", "visual.proj"}};
constexpr std::array kText{Renamed{"token_embedding", "token_embedding.weight"}, Renamed{"pos_embed", "positional_embedding"},
                           Renamed{"norm.", "ln_final."}, Renamed{"proj", "text_projection"}};
// What OpenAI's archives hold beside the network.
constexpr std::array kBeside{"input_resolution", "context_length", "vocab_size"};

template <size_t N>
std::string renamed(const std::string& name, const std::array<Renamed, N>& names) {
  for (const auto& [ours, theirs] : names)
    if (name.starts_with(ours)) return theirs + name.substr(std::string_view(ours).size());
  return name;
}

template <size_t N>
std::string in_file(const std::string& parameter, const std::array<Renamed, N>& names, const std::string& blocks) {
  constexpr std::string_view kBlocks = "blocks.";
  if (!parameter.starts_with(kBlocks)) return renamed(parameter, names);
  const size_t dot = parameter.find('.', kBlocks.size());
  return blocks + parameter.substr(kBlocks.size(), dot + 1 - kBlocks.size()) + renamed(parameter.substr(dot + 1), kInBlock);
}

// How many blocks there are whose names begin with `blocks`.
int64_t clip_depth(const Tensors& tensors, const std::string& blocks) {
  int64_t depth = 0;
  while (tensors.contains(blocks + std::to_string(depth) + ".ln_1.weight")) ++depth;
  return depth;
}

void add_blocks(std::vector<NamedSizes>& list, int64_t depth, int64_t d, int64_t m, std::string (*name)(const std::string&)) {
  for (const NamedSizes& tensor : vit_tensors({.dim = d, .depth = depth, .mlp = m}))
    if (tensor.name.starts_with("blocks.")) list.push_back({name(tensor.name), tensor.sizes});
}

const std::vector<int64_t>& clip_sizes(const Tensors& tensors, const std::string& key, size_t dims, const std::string& name) {
  const auto found = tensors.find(key);
  if (found == tensors.end())
    throw Error(name + ": tensor '" + key + "' is missing; a CLIP with OpenAI's and OpenCLIP's names was expected");
  const std::vector<int64_t>& sizes = found->second.shape;
  if (sizes.size() != dims || std::find(sizes.begin(), sizes.end(), 0) != sizes.end())
    throw Error(name + ": tensor '" + key + "' has shape " + sizes_text(sizes) + ", expected " + std::to_string(dims) +
                " non-empty dimensions");
  return sizes;
}

int64_t heads_of(int64_t dim, int64_t said, const char* key, const std::string& name) {
  const int64_t heads = said > 0 ? said : std::max<int64_t>(1, dim / 64);
  if (dim % heads == 0) return heads;
  throw Error(name + ": the width " + std::to_string(dim) + " cannot be divided among " + std::to_string(heads) +
              " attention heads; say with " + key + " = N how many there are");
}

// Exactly these tensors, of these sizes.
void check(const Tensors& tensors, const std::vector<NamedSizes>& wanted, const std::string& name) {
  std::vector<std::string> missing, unknown;
  std::set<std::string> names(kBeside.begin(), kBeside.end());
  for (const NamedSizes& tensor : wanted) {
    names.insert(tensor.name);
    if (!tensors.contains(tensor.name)) missing.push_back(tensor.name);
  }
  for (const auto& [key, entry] : tensors)
    if (!names.contains(key)) unknown.push_back(key);
  if (!missing.empty())
    throw Error(name + ": " + listed(missing, "is", "are") + " missing; a CLIP with OpenAI's and OpenCLIP's names was expected");
  if (!unknown.empty())
    throw Error(name + ": " + listed(unknown, "has", "have") + " no place in a CLIP; leaving " + (unknown.size() > 1 ? "them" : "it") +
                " out would compute another network");
  for (const NamedSizes& tensor : wanted) {
    const TensorEntry& entry = tensors.at(tensor.name);
    if (entry.shape != tensor.sizes && !(tensor.name == "logit_scale" && entry.shape == std::vector<int64_t>{1}))
      throw Error(name + ": tensor '" + tensor.name + "' has shape " + sizes_text(entry.shape) + ", expected " + sizes_text(tensor.sizes));
    if (!is_floating(entry.dtype))
      throw Error(name + ": tensor '" + tensor.name + "' holds no floating-point numbers that are read here (" + entry.dtype +
                  "); store it as F32, F16 or BF16");
  }
}

}  // namespace

std::string clip_image_name(const std::string& parameter) { return in_file(parameter, kImage, "visual.transformer.resblocks."); }
std::string clip_text_name(const std::string& parameter) { return in_file(parameter, kText, "transformer.resblocks."); }

bool looks_like_clip(const Tensors& tensors) { return tensors.contains("visual.class_embedding") && tensors.contains("text_projection"); }

std::vector<NamedSizes> clip_tensors(const ClipShape& s) {
  const int64_t v = s.image.dim, t = s.text_dim;
  std::vector<NamedSizes> list{{"visual.class_embedding", {v}},
                               {"visual.positional_embedding", {s.image.tokens(), v}},
                               {"visual.conv1.weight", {v, s.image.channels, s.image.patch, s.image.patch}},
                               {"visual.ln_pre.weight", {v}},
                               {"visual.ln_pre.bias", {v}}};
  add_blocks(list, s.image.depth, v, s.image.mlp, clip_image_name);
  for (const NamedSizes& tensor : std::initializer_list<NamedSizes>{{"visual.ln_post.weight", {v}},
                                                                    {"visual.ln_post.bias", {v}},
                                                                    {"visual.proj", {v, s.features}},
                                                                    {"token_embedding.weight", {s.vocabulary, t}},
                                                                    {"positional_embedding", {s.context, t}}})
    list.push_back(tensor);
  add_blocks(list, s.text_depth, t, s.text_mlp, clip_text_name);
  for (const NamedSizes& tensor : std::initializer_list<NamedSizes>{
           {"ln_final.weight", {t}}, {"ln_final.bias", {t}}, {"text_projection", {t, s.features}}, {"logit_scale", {}}})
    list.push_back(tensor);
  return list;
}

ClipShape clip_shape(const Tensors& tensors, int64_t heads, int64_t text_heads, const std::string& name) {
  ClipShape s;
  const auto& conv = clip_sizes(tensors, "visual.conv1.weight", 4, name);
  s.image.dim = conv[0];
  s.image.channels = conv[1];
  s.image.patch = conv[2];
  s.image.depth = clip_depth(tensors, "visual.transformer.resblocks.");
  s.image.mlp = clip_sizes(tensors, "visual.transformer.resblocks.0.mlp.c_fc.weight", 2, name)[0];
  const int64_t rows = clip_sizes(tensors, "visual.positional_embedding", 2, name)[0];
  const ImageSize grid = grid_of_positions(rows);
  if (grid.area() == 0)
    throw Error(name + ": tensor 'visual.positional_embedding' has " + std::to_string(rows) +
                " rows, expected 1 + h*w for a grid of h x w patches and the class token");
  s.image.image = {grid.height * s.image.patch, grid.width * s.image.patch};
  s.image.heads = heads_of(s.image.dim, heads, "heads", name);
  const auto& embedding = clip_sizes(tensors, "token_embedding.weight", 2, name);
  s.vocabulary = embedding[0];
  s.text_dim = embedding[1];
  s.text_depth = clip_depth(tensors, "transformer.resblocks.");
  s.text_mlp = clip_sizes(tensors, "transformer.resblocks.0.mlp.c_fc.weight", 2, name)[0];
  s.text_heads = heads_of(s.text_dim, text_heads, "text_heads", name);
  s.context = clip_sizes(tensors, "positional_embedding", 2, name)[0];
  s.features = clip_sizes(tensors, "text_projection", 2, name)[1];
  check(tensors, clip_tensors(s), name);
  return s;
}

}  // namespace clb::base
