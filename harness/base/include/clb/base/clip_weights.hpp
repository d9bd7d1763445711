// CLIP as a file of weights, with the names of OpenAI and of OpenCLIP: which tensors it has, and a sentence for every file that is none.
#pragma once

#include <clb/base/vit_weights.hpp>

namespace clb::base {

struct ClipShape {
  VitShape image;
  int64_t text_dim = 512, text_depth = 12, text_heads = 8, text_mlp = 2048;
  int64_t context = 77, vocabulary = 49408, features = 512;
  bool operator==(const ClipShape&) const = default;
};

// Some of the names that a CLIP has and no other network here.
bool looks_like_clip(const std::map<std::string, TensorEntry>& tensors);

// In the file's names, in the order of the network: image tower, text tower, logit_scale.
std::vector<NamedSizes> clip_tensors(const ClipShape& shape);

// As vit_shape. heads of the image tower, then of the text tower; 0: width / 64, at least 1.
ClipShape clip_shape(const std::map<std::string, TensorEntry>& tensors, int64_t heads, int64_t text_heads, const std::string& name);

// The file's names for parameters of nn's towers, which have timm's ("blocks.3.attn.qkv.weight").
std::string clip_image_name(const std::string& parameter);
std::string clip_text_name(const std::string& parameter);

}  // namespace clb::base
