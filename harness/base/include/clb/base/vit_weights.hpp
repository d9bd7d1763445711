// The plain ViT as a file of weights: which tensors it has, and a sentence for every file that is none. The plan asks with the header of a
// file, nn with tensors in memory: what the one accepts the other loads.
#pragma once

#include <clb/base/safetensors.hpp>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace clb::base {

struct VitShape {  // as nn's, whose headers plugins see; those of base they do not
  int64_t image = 224, patch = 16, channels = 3;
  int64_t dim = 192, depth = 12, heads = 3, mlp = 768;  // mlp: hidden units, not the ratio

  int64_t grid() const { return image / patch; }
  int64_t tokens() const { return 1 + grid() * grid(); }
  bool operator==(const VitShape&) const = default;
};

struct NamedSizes {
  std::string name;
  std::vector<int64_t> sizes;
};

// timm's names, in the order of the network.
std::vector<NamedSizes> vit_tensors(const VitShape& shape);

// The shape that the tensors (dtype and shape count; `head.*` is no part of the network) have. heads 0: dim / 64, at least 1. An Error
// names the first few tensors that are missing, superfluous, or of another shape or type, and what may be behind it; `name` opens the
// sentence.
VitShape vit_shape(const std::map<std::string, TensorEntry>& tensors, int64_t heads, const std::string& name);

// For images of this side the positions can be interpolated; Error otherwise.
void check_image_side(const VitShape& shape, int64_t side, const std::string& name);

}  // namespace clb::base
