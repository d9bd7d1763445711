// Names and sizes of a ViT's parameters, stated once: loading, drawing and moving all walk this list.
#pragma once

#include <string>
#include <vector>

#include "clb/nn/vit.hpp"

namespace clb::nn {

// Calls f(name, tensor, sizes) for each parameter in the order of the network; p.blocks has shape.depth elements.
template <class F>
void visit_parameters(VitParameters& p, const VitShape& shape, F f) {
  using Sizes = std::vector<int64_t>;
  const int64_t d = shape.dim, m = shape.mlp;
  f("cls_token", p.cls_token, Sizes{1, 1, d});
  f("pos_embed", p.pos_embed, Sizes{1, shape.tokens(), d});
  f("patch_embed.proj.weight", p.patch_weight, Sizes{d, shape.channels, shape.patch, shape.patch});
  f("patch_embed.proj.bias", p.patch_bias, Sizes{d});
  for (size_t i = 0; i < p.blocks.size(); ++i) {
    const std::string at = "blocks." + std::to_string(i) + ".";
    VitBlock& b = p.blocks[i];
    f(at + "norm1.weight", b.norm1_weight, Sizes{d});
    f(at + "norm1.bias", b.norm1_bias, Sizes{d});
    f(at + "attn.qkv.weight", b.qkv_weight, Sizes{3 * d, d});
    f(at + "attn.qkv.bias", b.qkv_bias, Sizes{3 * d});
    f(at + "attn.proj.weight", b.proj_weight, Sizes{d, d});
    f(at + "attn.proj.bias", b.proj_bias, Sizes{d});
    f(at + "norm2.weight", b.norm2_weight, Sizes{d});
    f(at + "norm2.bias", b.norm2_bias, Sizes{d});
    f(at + "mlp.fc1.weight", b.fc1_weight, Sizes{m, d});
    f(at + "mlp.fc1.bias", b.fc1_bias, Sizes{m});
    f(at + "mlp.fc2.weight", b.fc2_weight, Sizes{d, m});
    f(at + "mlp.fc2.bias", b.fc2_bias, Sizes{d});
  }
  f("norm.weight", p.norm_weight, Sizes{d});
  f("norm.bias", p.norm_bias, Sizes{d});
}

}  // namespace clb::nn
