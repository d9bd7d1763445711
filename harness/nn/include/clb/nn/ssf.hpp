// SSF: scale and shift the features behind every operation of the frozen network (Lian et al., NeurIPS 2022).
#pragma once

#include <clb/nn/injection.hpp>
#include <clb/nn/rng.hpp>
#include <clb/nn/vit.hpp>
#include <map>
#include <string>

namespace clb::nn {

// z * scale + shift at every Site. scale: normal(1, 0.02), shift: normal(0, 0.02); a fresh one is not the identity.
class Ssf final : public Injection {
 public:
  Ssf(const VitShape& vit, const Rng& rng);

  torch::Tensor at(Site site, int64_t block, const torch::Tensor& x, const torch::Tensor& y) const override;
  void parameters(const ParameterVisitor& visit) override;  // "patch.scale", "patch.shift", "0.norm1.scale", ..., "norm.shift"

 private:
  struct Layer {
    torch::Tensor scale, shift;  // [width of the operation]
  };
  std::map<std::pair<int64_t, Site>, Layer> layers_;  // (block, site)
};

}  // namespace clb::nn
