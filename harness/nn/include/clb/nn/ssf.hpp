// SSF: scale and shift the features behind every operation of the frozen network (Lian et al., NeurIPS 2022).
#pragma once

#include <clb/nn/injection.hpp>
#include <clb/nn/rng.hpp>
#include <map>
#include <string>

namespace clb::nn {

// z * scale + shift at every Site. scale: normal(1, 0.02), shift: normal(0, 0.02); a fresh one is not the identity.
class Ssf final : public Injection {
 public:
  Ssf(const BlocksShape& network, const Rng& rng);

  InjectionSlices split(const std::vector<int64_t>& counts) const override { return alike(counts); }
  bool by_token() const override { return true; }
  torch::Tensor at(Site site, int64_t block, const torch::Tensor& x, const torch::Tensor& y) const override;

 private:
  struct Layer final : Module {
    void parts(Parts& p) override { p("scale", scale)("shift", shift); }
    torch::Tensor scale, shift;  // [width of the operation]
  };
  void parts(Parts& p) override;  // "patch.scale", "patch.shift", "0.norm1.scale", ..., "norm.shift"

  std::map<std::pair<int64_t, Site>, Layer> layers_;  // (block, site)
};

}  // namespace clb::nn
