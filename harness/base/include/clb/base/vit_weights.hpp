// The plain ViT as a file of weights: which tensors it has, and a sentence for every file that is none. The plan asks with the header of a
// file, nn with tensors in memory: what the one accepts the other loads.
#pragma once

#include <clb/base/image_size.hpp>
#include <clb/base/safetensors.hpp>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace clb::base {

struct VitShape {  // as nn's, whose headers plugins see; those of base they do not
  ImageSize image = 224;
  int64_t patch = 16, channels = 3;
  int64_t dim = 192, depth = 12, heads = 3, mlp = 768;  // mlp: hidden units, not the ratio

  ImageSize grid() const { return {image.height / patch, image.width / patch}; }
  int64_t tokens() const { return 1 + grid().area(); }
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
// A file says how many positions it has, not how they lie: as a square or, where their number is none, here as one row of patches.
VitShape vit_shape(const std::map<std::string, TensorEntry>& tensors, int64_t heads, const std::string& name);

// For images of this size the file's positions can be used or interpolated; Error otherwise.
void check_image_size(const VitShape& shape, ImageSize image, const std::string& name);

std::string size_text(ImageSize size);  // "224 x 160", height first; "side 224" of a square

}  // namespace clb::base
