#include "clb/nn/ssf.hpp"

#include <clb/nn/linear.hpp>

namespace clb::nn {
namespace {

using torch::Tensor;

std::string name_of(int64_t block, Site site) {
  static constexpr const char* kNames[] = {"patch", "norm1", "qkv", "proj", "norm2", "fc1", "fc2", "norm", "norm_pre"};
  return (block < 0 ? "" : std::to_string(block) + ".") + kNames[static_cast<int>(site)];
}

}  // namespace

Ssf::Ssf(const BlocksShape& network, const Rng& rng) {
  const auto add = [&](int64_t block, Site site, int64_t width) {
    const std::string name = name_of(block, site);
    Layer& layer = layers_[{block, site}];
    layer.scale = nn::normal({width}, 1, 0.02, rng(name + ".scale"));
    layer.shift = nn::normal({width}, 0, 0.02, rng(name + ".shift"));
  };
  add(-1, Site::kPatch, network.dim);
  for (int64_t block = 0; block < network.depth; ++block) {
    for (const Site site : {Site::kNorm1, Site::kProj, Site::kNorm2, Site::kFc2}) add(block, site, network.dim);
    add(block, Site::kQkv, 3 * network.dim);
    add(block, Site::kFc1, network.mlp);
  }
  add(-1, Site::kNorm, network.dim);
  if (network.norm_pre) add(-1, Site::kNormPre, network.dim);
  unfreeze(*this);
}

Tensor Ssf::at(Site site, int64_t block, const Tensor&, const Tensor& y) const {
  const auto found = layers_.find({block, site});
  if (found == layers_.end()) return y;  // a site that the shape did not tell of
  return y * as_type_of(y, found->second.scale) + as_type_of(y, found->second.shift);
}

void Ssf::parts(Parts& p) {
  for (auto& [key, layer] : layers_) p(name_of(key.first, key.second), layer);
}

}  // namespace clb::nn
