// Where each of a ViT's named tensors lies: loading, drawing and moving all walk this list.
#pragma once

#include <clb/base/vit_weights.hpp>
#include <vector>

#include "clb/nn/vit.hpp"

namespace clb::nn {

inline base::VitShape shape_in_file(const VitShape& s) {
  return {.image = s.image, .patch = s.patch, .channels = s.channels, .dim = s.dim, .depth = s.depth, .heads = s.heads, .mlp = s.mlp};
}

// Calls f(name, tensor, sizes) for each parameter in the order of base::vit_tensors; p.blocks has shape.depth elements.
template <class F>
void visit_parameters(VitParameters& p, const VitShape& shape, F f) {
  std::vector<torch::Tensor*> slots{&p.cls_token, &p.pos_embed, &p.patch_weight, &p.patch_bias};
  for (VitBlock& b : p.blocks)
    slots.insert(slots.end(), {&b.norm1_weight, &b.norm1_bias, &b.qkv_weight, &b.qkv_bias, &b.proj_weight, &b.proj_bias, &b.norm2_weight,
                               &b.norm2_bias, &b.fc1_weight, &b.fc1_bias, &b.fc2_weight, &b.fc2_bias});
  slots.insert(slots.end(), {&p.norm_weight, &p.norm_bias});
  const std::vector<base::NamedSizes> tensors = base::vit_tensors(shape_in_file(shape));
  for (size_t i = 0; i < slots.size(); ++i) f(tensors[i].name, *slots[i], tensors[i].sizes);
}

}  // namespace clb::nn
