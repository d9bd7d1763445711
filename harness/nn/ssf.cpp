#include "clb/nn/ssf.hpp"

#include <clb/nn/linear.hpp>

namespace clb::nn {
namespace {

using torch::Tensor;

std::string name_of(int64_t block, Site site) {
  static constexpr const char* kNames[] = {"patch", "norm1", "qkv", "proj", "norm2", "fc1", "fc2", "norm"};
  return (block < 0 ? "" : std::to_string(block) + ".") + kNames[static_cast<int>(site)] + ".";
}

}  // namespace

Ssf::Ssf(const VitShape& vit, const Rng& rng) {
  const auto add = [&](int64_t block, Site site, int64_t width) {
    const std::string name = name_of(block, site);
    layers_[{block, site}] = {nn::normal({width}, 1, 0.02, rng(name + "scale")), nn::normal({width}, 0, 0.02, rng(name + "shift"))};
  };
  add(-1, Site::kPatch, vit.dim);
  for (int64_t block = 0; block < vit.depth; ++block) {
    for (const Site site : {Site::kNorm1, Site::kProj, Site::kNorm2, Site::kFc2}) add(block, site, vit.dim);
    add(block, Site::kQkv, 3 * vit.dim);
    add(block, Site::kFc1, vit.mlp);
  }
  add(-1, Site::kNorm, vit.dim);
  unfreeze(*this);
}

Tensor Ssf::at(Site site, int64_t block, const Tensor&, const Tensor& y) const {
  const Layer& layer = layers_.at({block, site});
  return y * as_type_of(y, layer.scale) + as_type_of(y, layer.shift);
}

void Ssf::parameters(const ParameterVisitor& visit) {
  for (auto& [key, layer] : layers_) {
    const std::string name = name_of(key.first, key.second);
    visit(name + "scale", layer.scale);
    visit(name + "shift", layer.shift);
  }
}

}  // namespace clb::nn
